// What an authenticated peer says in the name of others.
#include <map>
#include <string>

#include "crdt/or_map_wire.hpp"
#include "gossip/plumtree_messages.hpp"
#include "hostile/news.hpp"
#include "membership/hyparview_messages.hpp"
#include "services/liveness_messages.hpp"

namespace barrel::hostile {

namespace {

const NodeName& bob() {
  static const NodeName name("bob@127.0.0.1");
  return name;
}

Ref some_ref(const NodeName& node) {
  return {node.atom(), 5, 3, {1, 2, 3, 0, 0}};
}

void foreign_processes(Scene& scene) {
  const Pid room = scene.room();
  const Pid other{bob().atom(), 1, 0, 4};
  const Term payload = Atom("forged");
  Attacker& attacker = scene.attacker();
  for (const Term& tuple :
       {Term::tuple_of(22, other, room), Term::tuple_of(26, other, room), Term::tuple_of(24, other, room),
        Term::tuple_of(28, other, room, some_ref(bob()))}) {
    attacker.control(tuple, &payload);
  }
  for (const Term& tuple :
       {Term::tuple_of(1, other, room), Term::tuple_of(35, 1, other, room),
        Term::tuple_of(19, other, room, some_ref(bob())), Term::tuple_of(20, other, room, some_ref(bob()))}) {
    attacker.control(tuple);
  }
  settle(attacker);
  scene.must_count(8);
}

/// The room monitors its members: their DOWNs in the name of nobody who was asked.
void forged_downs(Scene& scene) {
  const Pid room = scene.room();
  Attacker& attacker = scene.attacker();
  const Term reason = Atom("noconnection");
  for (std::uint32_t number = 1; number <= 200; ++number) {
    const Ref guess{room.node_atom, room.creation, 5, {number, 0, 0, room.id, room.serial}};
    attacker.control(Term::tuple_of(28, attacker.own_pid(), room, guess), &reason);
  }
  settle(attacker);
}

void foreign_overlay(Scene& scene) {
  scene.attacker().send_name("barrel_p2p_bridge", encode(bob(), hyparview::Disconnect{{bob(), true}}));
  settle(scene);
}

void foreign_gossip(Scene& scene) {
  scene.attacker().send_name("barrel_p2p_plumtree", encode(plumtree::Prune{bob()}));
  settle(scene);
}

void foreign_sync(Scene& scene) {
  scene.attacker().send_name("barrel_p2p_registry_replica", encode(registry::RequestSync{bob()}));
  settle(scene);
}

void foreign_claims(Scene& scene) {
  using namespace liveness;
  scene.attacker().send_name("barrel_liveness", encode(bob(), Digest{1, false}));
  settle(scene);
}

/// Takes bob's room away in a map of all, as one who has heard of it might.
void stolen_names(Scene& scene) {
  registry::MapBuilder map;
  const Term name = Term::tuple_of(Atom("chat_room"), Atom("lobby"));
  map.add(registry::key_term(name, bob()), removed_entry(Timestamp{now_ms() + 1'000, 0}), nullptr);
  tell(scene, map);
  require(scene.arena().node("alice").eventually("rooms",
                                                 [](const auto& rooms) { return rooms.contains("lobby"); }),
          "the owner does not take its name back");
}

void of_the_future(Scene& scene) {
  registry::MapBuilder map;
  const NodeName own = scene.attacker().name();
  map.add(registry::key_term(Atom("later"), own), removed_entry(Timestamp{now_ms() + 3'600'000, 0}), nullptr);
  gossip(scene, "barrel_p2p_registry_replica", registry::delta_payload(own, map.take()));
  settle(scene);
}

void claims_of_the_future(Scene& scene) {
  const auto later = static_cast<std::uint64_t>(now_ms() + 3'600'000);
  gossip(scene, "barrel_liveness",
         liveness::gossip_of(scene.attacker().name(), {liveness::Verdict::down, bob(), 4, later}));
  settle(scene);
}

/// What the victim's log says of bob's incarnation.
std::uint32_t creation_of_bob(Scene& scene) {
  for (const std::string& line : scene.arena().node("bob").child().lines()) {
    const std::size_t at = line.find("creation=");
    if (line.find("started") != std::string::npos && at != std::string::npos)
      return static_cast<std::uint32_t>(std::stoul(line.substr(at + 9)));
  }
  throw std::runtime_error("bob has not said its creation");
}

/// Whoever listens has printed all that it has heard of names so far: bob makes a room, which is the last.
void wait_for_news(Scene& scene) {
  static int number = 0;
  const std::string room = "marker" + std::to_string(++number);
  require(scene.arena().node("bob").ask("create_room " + room) == "create_room " + room + ": ok", "no room");
  for (const char* name : {"alice", "carol"})
    require(scene.arena().node(name).prints("Room " + room + " available"), "news do not arrive");
}

/// Neither the victim nor carol, who hears of it from the victim, takes bob's room for gone even for a
/// moment.
void told_dead(Scene& scene, liveness::Verdict verdict, std::uint32_t later_creation = 0) {
  wait_for_news(scene);
  std::map<std::string, std::size_t> marks;
  for (const char* name : {"alice", "carol"}) marks[name] = scene.arena().node(name).child().mark();
  const std::uint32_t creation = creation_of_bob(scene) + later_creation;
  for (int round = 0; round < 5; ++round) {
    const auto incarnation = static_cast<std::uint64_t>(now_ms() + std::int64_t{1'000} * (round + 1));
    gossip(scene, "barrel_liveness",
           liveness::gossip_of(scene.attacker().name(), {verdict, bob(), creation, incarnation}));
  }
  settle(scene);
  wait_for_news(scene);
  for (const auto& [name, mark] : marks) {
    require(!scene.arena().node(name).prints("Room lobby left", 0ms, mark), "it is believed");
    const auto rooms = scene.arena().node(name).ask_list("rooms");
    require(rooms && rooms->contains("lobby"), "it is believed");
  }
}

void told_down(Scene& scene) {
  told_dead(scene, liveness::Verdict::down);
}
void told_left(Scene& scene) {
  told_dead(scene, liveness::Verdict::left);
  told_dead(scene, liveness::Verdict::alive, 1);
}
/// Bob hears it first, and passes it on as he does with any gossip.
void told_by_itself(Scene& scene) {
  scene.make({}, "bob");
  told_left(scene);
}

constexpr Attack attacks[] = {
    {"ForeignProcesses", "messages, links, monitors, exits and DOWNs from a process of another node",
     "drops them", "dist.foreign_sender_dropped", Ending::stays, &foreign_processes},
    {"ForgedDowns", "the end of a process on another node, with the guessed reference of the monitor",
     "drops it: 34 bits of a reference cannot be guessed", "", Ending::stays, &forged_downs},
    {"ForeignOverlay", "HyParView messages with another sender than the peer", "drops the message",
     "membership.spoofed", Ending::stays, &foreign_overlay},
    {"ForeignGossip", "the same with Plumtree messages", "drops the message", "gossip.spoofed", Ending::stays,
     &foreign_gossip},
    {"ForeignSync", "the same with registry messages", "drops the message", "registry.spoofed", Ending::stays,
     &foreign_sync},
    {"ForeignClaims", "the same with liveness messages", "drops the message", "liveness.spoofed",
     Ending::stays, &foreign_claims},
    {"StolenNames",
     "the removal of another node's name",
     "believes it as any news of a member; its owner writes the name anew as soon as it hears of that",
     "registry.reasserted",
     Ending::stays,
     &stolen_names,
     {},
     "bob"},
    {"OfTheFuture", "registry entries from further in the future than `clock_ahead_max_ms`", "drops them",
     "registry.from_future", Ending::stays, &of_the_future},
    {"ClaimsOfTheFuture", "liveness claims from further in the future", "drops them", "liveness.from_future",
     Ending::stays, &claims_of_the_future},
    {"ToldDown",
     "the news that a living node is dead",
     "does not believe it of a node that it is connected to; that node refutes it",
     "liveness.refutations",
     Ending::stays,
     &told_down,
     {},
     "bob"},
    {"ToldLeft",
     "the news that a node has left, or runs as a new incarnation",
     "does not believe it of a node that it is connected to, unless that says so itself; that node refutes "
     "it, "
     "once a second at most",
     "liveness.refutations",
     Ending::stays,
     &told_left,
     {},
     "bob"},
    {"ToldByItself",
     "the same, told to that node, which passes on any gossip",
     "does not believe it: a node tells of itself over its own links, not by gossip",
     "liveness.refutations",
     Ending::stays,
     &told_by_itself,
     {},
     "bob"},
};

}  // namespace

const Family impostors{"Impostors", "In the name of others, from an authenticated peer", attacks};

}  // namespace barrel::hostile
