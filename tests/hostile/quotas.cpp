// What a member tells of nodes and names that do not exist, and what it asks for without end.
#include <string>

#include "crdt/or_map_wire.hpp"
#include "hostile/news.hpp"
#include "services/liveness_messages.hpp"

namespace barrel::hostile {

namespace {

NodeName invented(int number) {
  return NodeName(("invented" + std::to_string(number) + "@127.0.0.1").c_str());
}

/// Names of an invented node, each with so many bytes.
void tell_of(Scene& scene, int owner, int count, std::size_t bytes) {
  const NodeName node = invented(owner);
  const Term meta = Term::map({{Term(Atom("text")), Term(std::string(bytes, 'm'))}});
  registry::MapBuilder map;
  for (int name = 0; name < count; ++name) {
    const Term value = registry::entry_value({name, Pid{node.atom(), 1, 0, 1}, node, meta});
    map.add(registry::key_term(name, node), live_entry(value, {Timestamp{now_ms(), name}, node}), nullptr);
  }
  tell(scene, map);
}

/// Nodes that do not exist have all that there is; those that do register names meanwhile.
void invented_owners(Scene& scene) {
  for (int owner = 0; owner < 6; ++owner) tell_of(scene, owner, 20, 60'000);
  // And what is too small for these.
  for (const std::size_t bytes : {6'000U, 600U, 60U, 0U}) {
    tell_of(scene, 6 + static_cast<int>(bytes % 7), 20, bytes);
  }
  Arena& arena = scene.arena();
  require(arena.counters()["registry.bytes_full"] > 0, "the map is not full");
  require(arena.node("bob").ask("create_room attic") == "create_room attic: ok", "bob makes no room");
  require(arena.node("alice").ask("create_room garden") == "create_room garden: ok", "alice makes no room");
  const auto has_both = [](const auto& rooms) { return rooms.contains("attic") && rooms.contains("garden"); };
  for (const char* name : {"alice", "carol"}) {
    require(arena.node(name).eventually("rooms", has_both), "a real name finds no room");
  }
}

/// A name before that of the victim, which is the one that beats.
void invented_beacon(Scene& scene) {
  const liveness::Claim claim{liveness::Verdict::alive, NodeName("a@127.0.0.1"), 1,
                              static_cast<std::uint64_t>(now_ms())};
  const auto before = scene.arena().counters()["liveness.cut_off"];
  gossip(scene, "barrel_liveness", liveness::gossip_of(scene.attacker().name(), claim));
  for (int i = 0; i < 100 && scene.arena().counters()["liveness.cut_off"] == before; ++i) {
    scene.attacker().run(200ms);
  }
}

void requests(Scene& scene) {
  const Term request = encode(registry::RequestSync{scene.attacker().name()});
  for (int i = 0; i < 20'000; ++i) scene.attacker().send_name("barrel_p2p_registry_replica", request);
  settle(scene);
}

void digests(Scene& scene) {
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    scene.attacker().send_name("barrel_liveness",
                               encode(scene.attacker().name(), liveness::Digest{i, false}));
  }
  settle(scene);
}

/// A little is printed, so that the rest does not fit.
void prints(Scene& scene) {
  const auto refused = [&] { return scene.arena().counters()["node.io_texts_too_long"]; };
  const auto before = refused();
  std::string long_format;
  for (int i = 0; i < 6'700; ++i) long_format += "~9999c";
  const auto print = [](const Term& format, const Term& arguments) {
    return Term::tuple_of(Atom("put_chars"), Atom("unicode"), Atom("io_lib"), Atom("format"),
                          Term::list({format, arguments}));
  };
  std::vector<Term> letters(6'700, Term(std::int64_t{'x'}));
  std::vector<Term> all{print(Term(std::string(200'000, '.') + "\n"), Term())};
  const Term much = print(Term(long_format), Term::list(std::move(letters)));
  for (int i = 0; i < 100; ++i) all.push_back(much);
  scene.attacker().send_name("user", Term::tuple_of(Atom("io_request"), scene.attacker().own_pid(), 1,
                                                    Term::tuple_of(Atom("requests"), Term::list(all))));
  // A process prints it, which the answer of the cluster does not wait for.
  for (int i = 0; i < 1'000 && refused() == before; ++i) settle(scene);
}

constexpr Attack attacks[] = {
    {"InventedOwners",
     "names of nodes that do not exist, until the registry is full",
     "forgets them for names of nodes that it has met, or that others tell of; looks whether a node exists "
     "whose names find no room",
     "registry.displaced",
     Ending::stays,
     &invented_owners,
     {24, 60,
      "five times registry_bytes_per_node_max of names, here 5 MiB, and what others are sent of them"}},
    {"InventedBeacon",
     "the claim that a node with the smallest name lives, which does not exist",
     "goes on beating, and tries once whether it is there",
     "liveness.cut_off",
     Ending::stays,
     &invented_beacon,
     {16, 32, "names of before are still sent to others"}},
    {"Requests",
     "requests for the whole registry without end",
     "takes 5 ms for each, and 20 us for each name; answers those between together",
     "registry.answers_put_off",
     Ending::stays,
     &requests,
     {24, 60, "the answers, of 5 MiB each, until they have been sent"}},
    {"Digests", "the same for all that is known of nodes", "the same", "liveness.answers_put_off",
     Ending::stays, &digests},
    {"Prints",
     "requests to print 64 MiB, hundreds in one message",
     "prints what comes before the first that is too much, answers `{error, put_chars}`",
     "node.io_texts_too_long",
     Ending::stays,
     &prints,
     {64, 300, "the text that is printed, 64 MiB at most, and the request"}},
};

}  // namespace

const Family quotas{"Quotas", "Shares of a member: what it invents and asks for", attacks};

}  // namespace barrel::hostile
