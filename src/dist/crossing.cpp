#include "dist/crossing.hpp"

namespace barrel::dist {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::accept: return "accept";
    case Verdict::accept_drop_dial: return "accept_drop_dial";
    case Verdict::accept_simultaneous: return "accept_simultaneous";
    case Verdict::accept_replacing: return "accept_replacing";
    case Verdict::refuse: return "refuse";
    case Verdict::refuse_silently: return "refuse_silently";
  }
  return "unknown";
}

Verdict decide_incoming(Dialect dialect, NodeName self, NodeName peer, const PeerState& state) {
  // A live link first: its peer would not dial if it still had its end (it restarted, or gave the link up
  // before we noticed), so the new connection is the one that works.
  if (state.live) return Verdict::accept_replacing;
  if (state.dial == DialPhase::none) return Verdict::accept;
  const bool ours_survives = self > peer;
  switch (dialect) {
    case Dialect::barrel: return ours_survives ? Verdict::refuse : Verdict::accept_simultaneous;
    case Dialect::erlang:
      if (state.dial == DialPhase::before_name) return Verdict::accept_drop_dial;
      return ours_survives ? Verdict::refuse_silently : Verdict::accept_simultaneous;
  }
  return Verdict::refuse_silently;
}

}  // namespace barrel::dist
