// Peers that fall silent while their connections live.
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

/// QUIC goes on; nobody answers messages. That is what a node of the original does with a connection that it
/// has given up.
void mute(Scene& scene) {
  AttackerOptions options;
  options.dialect = dist::Dialect::erlang;
  Attacker& attacker = scene.make(options);
  require(attacker.come_up(), "not let in");
  require(attacker.closed_within(40s), "still connected");
}

constexpr Attack attacks[] = {
    {"Mute", "acknowledges every packet as an Erlang node, but answers no monitor",
     "closes after 10 to 20 s: its own monitors fire and its calls end with noconnection",
     "node.links_given_up", Ending::closed, &mute},
};

}  // namespace

const Family silence{"Silence", "Silence, from an authenticated peer", attacks};

}  // namespace barrel::hostile
