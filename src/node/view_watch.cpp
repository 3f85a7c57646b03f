#include "node/view_watch.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "node/originals.hpp"

namespace barrel::node {

namespace {

/// The original's supervisor restarts the process at once. Guess: the restart of a busy node; doubled as long
/// as there is no such process.
constexpr Duration restart_pause = std::chrono::milliseconds(500);
constexpr Duration restart_pause_max = std::chrono::seconds(60);
/// By then a monitor of a process that does not exist has fired. Guess: a slow round trip.
constexpr Duration settled_after = std::chrono::milliseconds(500);

/// To the watch itself: the process may be back.
struct LookAgain {
  static constexpr std::string_view internal_name = "$barrel_look_again";
  NodeName node;
};
/// To the watch itself: it is back, unless the monitor has fired.
struct Settled {
  static constexpr std::string_view internal_name = "$barrel_settled";
  NodeName node;
};

struct Watched {
  /// Empty while the process is restarted.
  std::optional<Monitor> monitor;
  bool lost_views = false;
  Duration pause = restart_pause;
};

NodeLocalName views_of(NodeName node) {
  return {"barrel_p2p_hyparview", node};
}

bool is_connected_original(Self self, NodeName node) {
  const std::vector<PeerInfo> peers = self.node().peers();
  const auto peer = std::ranges::find(peers, node, &PeerInfo::name);
  return peer != peers.end() && is_original(*peer);
}

class ViewWatch {
 public:
  ViewWatch(Self self, MembershipService& membership) : self_(self), membership_(membership) {}

  void on(const MembershipEvent& event) {
    if (const auto* up = std::get_if<PeerUp>(&event.what)) {
      if (!is_connected_original(self_, up->node)) return;
      watched_[up->node].monitor = self_.monitor(views_of(up->node));
    } else if (const auto* down = std::get_if<PeerDown>(&event.what)) {
      watched_.erase(down->node);
    }
  }
  void on(const Down& down) {
    const auto found = down.name ? watched_.find(down.name->node) : watched_.end();
    if (found == watched_.end()) return;
    Watched& watched = found->second;
    if (!watched.monitor || watched.monitor->ref() != down.ref) return;
    watched.monitor.reset();
    // A lost link is the membership's affair.
    if (down.reason == Term(noconnection())) return;
    watched.lost_views = true;
    const LookAgain again{found->first};
    (void)self_.send_after(watched.pause, self_.pid(), again);
    watched.pause = std::min(watched.pause * 2, restart_pause_max);
  }
  void on(const LookAgain& again) {
    const auto found = watched_.find(again.node);
    if (found == watched_.end() || found->second.monitor || !is_connected_original(self_, again.node)) return;
    found->second.monitor = self_.monitor(views_of(again.node));
    const Settled settled{again.node};
    (void)self_.send_after(settled_after, self_.pid(), settled);
  }
  void on(const Settled& settled) {
    const auto found = watched_.find(settled.node);
    if (found == watched_.end() || !found->second.monitor || !found->second.lost_views) return;
    found->second.lost_views = false;
    found->second.pause = restart_pause;
    membership_.post(
        [node = settled.node](Overlay& overlay, Moment at) { overlay.peer_lost_views(node, at); });
  }
  void on(const Term&) {}

 private:
  Self self_;
  MembershipService& membership_;
  std::map<NodeName, Watched> watched_;
};

Task<> watch_views(Self self, MembershipService* membership) {
  const Subscription events = membership->subscribe(self.pid());
  ViewWatch watch(self, *membership);
  for (;;) {
    const auto message = co_await self.receive<MembershipEvent, Down, LookAgain, Settled, Term>();
    std::visit([&](const auto& one) { watch.on(one); }, message);
  }
}

}  // namespace

void start_view_watch(Runtime& runtime, MembershipService& membership) {
  const detail::HeldProcess watch = detail::hold_process(runtime, nullptr, false, &watch_views, &membership);
  if (watch) detail::make_system_process(watch, "barrel_views");
}

}  // namespace barrel::node
