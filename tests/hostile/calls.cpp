// Calls of functions without end, over QUIC.
#include "hostile/call_floods.hpp"

namespace barrel::hostile {

namespace {

void spawns(Scene& scene) {
  CallFlood(scene, scene.attacker()).spawns(14'000);
}
void calls(Scene& scene) {
  CallFlood(scene, scene.attacker()).calls(14'000);
}
void undefined(Scene& scene) {
  CallFlood(scene, scene.attacker()).undefined(20'000);
}

constexpr Memory running{64, 80, "10,000 processes run, each with its state, arguments and timer"};

constexpr Attack attacks[] = {
    {"Undefined",
     "requests to start functions that do not exist, with links and monitors",
     "each ends with `undef`",
     "process.remote_spawns",
     Ending::stays,
     &undefined,
     {48, 56, "processes start faster than they end"}},
    {"Spawns", "requests to start functions that take long",
     "runs 10,000 of one node at a time, refuses others with `system_limit`", "process.remote_spawns_refused",
     Ending::stays, &spawns, running},
    {"Calls", "the same as calls of `rex`", "the same, for both together", "process.remote_spawns_refused",
     Ending::stays, &calls, running},
};

}  // namespace

const Family calls_family{"Calls", "Calls of functions, from an authenticated peer", attacks};

}  // namespace barrel::hostile
