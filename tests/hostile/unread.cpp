// What an authenticated peer makes the node keep, or do, for others than itself.
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

/// The chat's first process only waits for the end of others: nothing that comes is ever received. It has one
/// of the lowest numbers.
void send_unread(Scene& scene, Attacker& attacker) {
  Pid deaf = scene.room();
  const Term message(std::string(50'000, 'u'));
  for (int i = 0; i < 1'500 && !attacker.closed(); ++i) {
    for (std::uint32_t id = 0; id < 16; ++id) {
      for (std::uint32_t serial = 0; serial < 2; ++serial) {
        deaf.id = id;
        deaf.serial = serial;
        attacker.send(deaf, message);
      }
    }
    require(attacker.delivered(), "not delivered");
  }
}

void unread(Scene& scene) {
  send_unread(scene, scene.attacker());
}

/// What the last connection has left is there still: the next one has no room for a second round.
void unread_again(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.come_up(), "not let in");
  const auto before = scene.arena().footprint();
  send_unread(scene, attacker);
  require(attacker.closed_within(8s), "not closed");
  const auto after = scene.arena().footprint();
  require(after.memory_kib < before.memory_kib + (std::size_t{32} << 10), "more is kept");
}

/// A question in the name of a node that has nothing to do with us.
void other_callers(Scene& scene) {
  settle(scene);
  const auto before = scene.arena().counters();
  const Pid other{NodeName("bystander@127.0.0.1").atom(), 1, 0, 4};
  const Term query = Term::tuple_of(Atom("route_req"), Atom("nothing"), 1, scene.attacker().name(), Term());
  for (int i = 0; i < 100; ++i) {
    const Term caller = Term::tuple_of(other, i);
    scene.attacker().send_name(
        "barrel_p2p_router",
        Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), query, caller)));
  }
  settle(scene);
  require(scene.arena().counters().at("node.channels") == before.at("node.channels"), "it was dialed");
  scene.must_count(100);
}

/// Calls of a GenServer that are to be answered to nodes that have nothing to do with us: to their pids, and
/// to aliases of theirs.
void other_callers_of_servers(Scene& scene) {
  const Pid room = scene.room();
  settle(scene);
  const auto before = scene.arena().counters();
  for (int i = 0; i < 100; ++i) {
    const Pid other{NodeName(("bystander" + std::to_string(i) + "@127.0.0.1").c_str()).atom(), 1, 0, 4};
    const Ref ref{other.node_atom, 4, 3, {1, 2, 3, 0, 0}};
    const Term tag = i % 2 == 0 ? Term(ref) : Term::list({Term(Atom("alias"))}, Term(ref));
    scene.attacker().send(room,
                          Term::tuple_of(Atom("$gen_call"), Term::tuple_of(other, tag), Atom("members")));
  }
  scene.must_count(100);
  const std::uint64_t answered_before = before.at("node.answers_to_others");
  const auto answered = [&] { return scene.arena().counters().at("node.answers_to_others"); };
  const std::uint64_t all = answered_before + 100;
  for (int i = 0; i < 1'000 && answered() < all; ++i) settle(scene);
  require(answered() >= all, "not answered");
  require(scene.arena().counters().at("node.channels") == before.at("node.channels"), "one was dialed");
}

constexpr Attack attacks[] = {
    {"OtherCallers", "questions of which another node is to get the answer",
     "answers nodes that are connected, and dials nobody for it", "node.answers_to_others", Ending::stays,
     &other_callers},
    {"OtherCallersOfServers", "calls of a GenServer of which another node is to get the answer",
     "answers nodes that are connected, and dials nobody for it", "node.answers_to_others", Ending::stays,
     &other_callers_of_servers},
    {"Unread",
     "messages to processes that do not receive them",
     "closes the connection when `unread_bytes_max` wait",
     "node.unread_bytes_limit",
     Ending::closed,
     &unread,
     {40, 56, "what waits counts up to unread_bytes_max, here 32 MiB"}},
    {"UnreadAgain",
     "the same over a new connection",
     "counts what the last one has left",
     "node.unread_bytes_limit",
     Ending::no_matter,
     &unread_again,
     {40, 56, "as before"}},
};

}  // namespace

const Family unread_family{"Unread", "What is left lying, from an authenticated peer", attacks};

}  // namespace barrel::hostile
