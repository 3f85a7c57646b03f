#pragma once

#include <string>

#include "hostile/families.hpp"

namespace barrel::hostile {

/// Floods of calls, by a Peer of either carrier: it has control(), send_name(), own_pid() and settled().
template <class Peer>
class CallFlood {
 public:
  CallFlood(Scene& scene, Peer& peer) : scene_(scene), peer_(peer) {}

  /// A function that runs for some seconds, by spawn requests.
  void spawns(int count) {
    const Term arguments = slow_arguments();
    const Term function = Term::tuple_of(Atom("barrel_p2p"), Atom("whereis_service"), 2);
    const Pid own = peer_.own_pid();
    send(count,
         [&](int) { peer_.control(Term::tuple_of(29, next_ref(), own, own, function, Term()), &arguments); });
    require_refused();
  }
  /// The same by calls of rex.
  void calls(int count) {
    const Term call = Term::tuple_of(Atom("call"), Atom("barrel_p2p"), Atom("whereis_service"),
                                     slow_arguments(), Atom("user"));
    send(count, [&](int) {
      peer_.send_name("rex",
                      Term::tuple_of(Atom("$gen_call"), Term::tuple_of(peer_.own_pid(), next_ref()), call));
    });
    require_refused();
  }
  /// Functions that do not exist, linked and monitored.
  void undefined(int count) {
    const Term arguments;
    const Term options = Term::list({Term(Atom("link")), Term(Atom("monitor"))});
    const Term function = Term::tuple_of(Atom("no"), Atom("such"), 0);
    const Pid own = peer_.own_pid();
    send(count, [&](int) {
      peer_.control(Term::tuple_of(29, next_ref(), own, own, function, options), &arguments);
    });
    scene_.must_count(static_cast<std::uint64_t>(count));
  }

 private:
  /// Enough at a time that they are all there before the first has ended.
  static constexpr int burst = 4'000;

  static Term slow_arguments() {
    const Term options = Term::map({{Term(Atom("retries")), Term(6)}});
    return Term::list({Term(Atom("nothing_of_the_kind")), options});
  }
  Ref next_ref() { return {peer_.own_pid().node_atom, 5, 3, {++refs_, 4, 4, 0, 0}}; }

  template <class Send>
  void send(int count, Send one) {
    for (int i = 0; i < count; ++i) {
      one(i);
      if (i % burst == burst - 1) require(peer_.settled(), "the victim does not answer any more");
    }
    require(scene_.arena().chats([&] { (void)peer_.settled(); }), "the chat stands still");
    require(peer_.settled(), "the victim does not answer any more");
  }
  void require_refused() const {
    for (int i = 0; i < 100 && peer_.refused() == 0; ++i) (void)peer_.settled();
    require(peer_.refused() > 0, "nobody is told that there are too many");
    scene_.must_count(peer_.refused());
  }

  Scene& scene_;
  Peer& peer_;
  std::uint32_t refs_ = 100;
};

}  // namespace barrel::hostile
