// Too much of what is allowed.
#include "crdt/or_map_wire.hpp"
#include "gossip/plumtree_messages.hpp"
#include "hostile/families.hpp"
#include "membership/hyparview_messages.hpp"
#include "services/registry_messages.hpp"

namespace barrel::hostile {

namespace {

/// Sends `count` messages in bursts, between which the chat has to go on.
template <class Send>
void flood(Scene& scene, int count, Send send) {
  constexpr int bursts = 4;
  for (int burst = 0; burst < bursts; ++burst) {
    for (int i = burst * count / bursts; i < (burst + 1) * count / bursts; ++i) send(i);
    require(scene.arena().chats([&] { scene.attacker().run(5ms); }), "the chat stands still");
  }
}

/// What the victim holds: one of its gauges.
std::uint64_t gauge(Scene& scene, const std::string& name) {
  return scene.arena().counters().at(name);
}

void joins(Scene& scene) {
  using namespace hyparview;
  const NodeName own = scene.attacker().name();
  const PeerRecord me{own, true};
  flood(scene, 4'000, [&](int i) {
    const Message message = i % 4 == 0   ? Message(Join{me})
                            : i % 4 == 1 ? Message(Neighbor{Priority::high, me})
                            : i % 4 == 2 ? Message(Shuffle{2, {me}, me})
                                         : Message(Disconnect{me});
    scene.attacker().send_name("barrel_p2p_bridge", encode(own, message));
  });
  settle(scene);
  require(gauge(scene, "membership.active") <= 5, "the active view is over its limit");
}

/// Within the peer's quota of atoms, yet more than the passive view holds.
void shuffles(Scene& scene) {
  using namespace hyparview;
  const NodeName own = scene.attacker().name();
  flood(scene, 100, [&](int i) {
    std::vector<PeerRecord> peers;
    for (int k = 0; k < 50; ++k) {
      const std::string invented = "invented" + std::to_string((i + k) % 60) + "@127.0.0.1";
      peers.push_back({NodeName(invented.c_str()), false});
    }
    scene.attacker().send_name("barrel_p2p_bridge", encode(own, Shuffle{0, peers, {own, true}}));
  });
  settle(scene);
  require(gauge(scene, "membership.passive") <= 30, "the passive view is over its limit");
}

void gossip(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const Term payload(std::string(4'000, 'g'));
  flood(scene, 8'000, [&](int i) {
    const plumtree::Gossip message{"flood " + std::to_string(i), Atom("somebody_elses"), payload, own};
    scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
  });
  settle(scene);
  require(gauge(scene, "gossip.bytes") <= 16U << 20, "more bytes of gossip than allowed");
  require(gauge(scene, "gossip.ids") <= 16'384, "more gossip remembered than allowed");
}

/// The victim has what is asked for, and sends it again each time.
void grafts(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const auto send = [&](const plumtree::Message& message) {
    scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
  };
  send(plumtree::Gossip{"wanted", Atom("somebody_elses"), Term(std::string(2'000, 'w')), own});
  flood(scene, 8'000, [&](int i) {
    send(plumtree::Graft{i % 2 == 0 ? "wanted" : "never seen " + std::to_string(i), own});
  });
  settle(scene);
}

/// The same, and nothing is read of what comes.
void grafts_unread(Scene& scene) {
  AttackerOptions options;
  options.reads = false;
  Attacker& attacker = scene.make(options);
  require(attacker.come_up(), "not let in");
  const NodeName own = attacker.name();
  const auto send = [&](const plumtree::Message& message) {
    attacker.send_name("barrel_p2p_plumtree", encode(message));
  };
  send(plumtree::Gossip{"unread", Atom("somebody_elses"), Term(std::string(50'000, 'u')), own});
  for (int i = 0; i < 4'000 && !attacker.closed(); ++i) {
    send(plumtree::Graft{"unread", own});
    if (i % 100 == 99) attacker.run(1ms);
  }
}

/// A neighbor's edge goes and comes; those to others carry news as before.
void prunes(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const auto neighbors = gauge(scene, "membership.active");
  scene.attacker().send_name("barrel_p2p_bridge", encode(own, hyparview::Join{{own, true}}));
  settle(scene);
  require(gauge(scene, "membership.active") == neighbors + 1, "not made a neighbor");
  flood(scene, 20'000, [&](int i) {
    const bool prunes = i % 4 != 0;  // also the last one
    scene.attacker().send_name("barrel_p2p_plumtree",
                               prunes ? encode(plumtree::Prune{own}) : encode(plumtree::Graft{"none", own}));
  });
  settle(scene);
  require(scene.arena().node("alice").ask("create_room attic") == "create_room attic: ok", "no room");
  const auto knows = [](const std::set<std::string>& rooms) { return rooms.contains("attic"); };
  for (const char* node : {"bob", "carol"})
    require(scene.arena().node(node).eventually("rooms", knows), "news do not arrive");
}

void announcements(Scene& scene) {
  const NodeName own = scene.attacker().name();
  flood(scene, 4'000, [&](int i) {
    scene.attacker().send_name("barrel_p2p_plumtree",
                               encode(plumtree::Ihave{"never " + std::to_string(i), own}));
  });
  settle(scene);
  require(gauge(scene, "gossip.missing") <= 2'048, "more is waited for than allowed");
  scene.must_count(4'000 - 2'048);
}

void names(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const Pid pid = scene.attacker().own_pid();
  constexpr std::size_t meta_bytes = 60'000;
  const Term meta = Term::map({{Term(Atom("text")), Term(std::string(meta_bytes, 'm'))}});
  const auto before = gauge(scene, "registry.keys");
  flood(scene, 200, [&](int i) {
    registry::MapBuilder map;
    const Term name(i);
    map.add(registry::key_term(name, own),
            live_entry(registry::entry_value({name, pid, own, meta}), {Timestamp{1'700'000'000'000, i}, own}),
            nullptr);
    scene.attacker().send_name("barrel_p2p_registry_replica", encode(registry::FullSync{own, map.take()}));
  });
  settle(scene);
  const auto taken = gauge(scene, "registry.keys") - before;
  require(taken > 10 && taken * meta_bytes <= 1U << 20, "not as many bytes of names as allowed");
  scene.must_count(200 - taken);
}

void monitors(Scene& scene) {
  const Pid room = scene.room();
  const Atom own = scene.attacker().name().atom();
  flood(scene, 80'000, [&](int i) {
    const Ref ref{own, 5, 3, {static_cast<std::uint32_t>(i), 5, 5, 0, 0}};
    scene.attacker().control(Term::tuple_of(19, scene.attacker().own_pid(), room, ref));
  });
  constexpr std::uint64_t too_many = 80'000 - 65'536;
  Attacker& attacker = scene.attacker();
  require(attacker.until([&] { return attacker.refused() >= too_many; }),
          "not all that are too many are told so");
  require(attacker.refused() == too_many, "more are told so");
  scene.must_count(too_many);
}

/// Each of these is answered, and the answers are not read.
void unread_answers(Scene& scene) {
  AttackerOptions options;
  options.name = NodeName("eve@127.0.0.1");  // what mallory has left unread waits on
  options.reads = false;
  Attacker& attacker = scene.make(options);
  require(attacker.come_up(), "not let in");
  const Pid own = attacker.own_pid();
  const Term arguments;
  for (std::uint32_t i = 0; i < 400'000 && !attacker.closed(); ++i) {
    const Ref ref{own.node_atom, 5, 3, {i, 6, 6, 0, 0}};
    attacker.control(Term::tuple_of(29, ref, own, own, Term::tuple_of(Atom("m"), Atom("f"), 0), Term()),
                     &arguments);
    if (i % 1'000 == 0) attacker.run(1ms);
  }
}

constexpr Attack attacks[] = {
    {"Joins", "joins, neighbor requests, shuffles and disconnects without end",
     "gives it a place five times a second, within `active_size`", "membership.joins_refused",
     Ending::no_matter, &joins},
    {"Shuffles", "shuffles full of invented nodes", "keeps the passive view within `passive_size`",
     "membership.passive_full", Ending::stays, &shuffles},
    {"Gossip",
     "gossip without end",
     "keeps 16 MiB and 16,384 messages; whoever sent most loses his oldest",
     "gossip.messages_full",
     Ending::stays,
     &gossip,
     {32, 40, "16 MiB of gossip"}},
    {"Grafts", "requests for gossip without end",
     "answers as many as fit into `channel_bytes_max`, drops the rest", "node.messages_dropped",
     Ending::stays, &grafts},
    {"GraftsUnread", "the same from a peer that does not read the answers", "the same",
     "node.messages_dropped", Ending::stays, &grafts_unread},
    {"Prunes", "edges of the gossip's tree that are cut and mended without end",
     "announces its news to that peer; others get them as before", "barrel_p2p.plumtree.ihave.sent",
     Ending::stays, &prunes},
    {"Announcements", "announcements of gossip that never comes",
     "waits for 2,048 of one peer, drops the rest", "gossip.missing_full", Ending::stays, &announcements},
    {"Names",
     "names with much metadata",
     "takes over `registry_bytes_per_node_max` of one node",
     "registry.bytes_full",
     Ending::stays,
     &names,
     {24, 40, "registry_bytes_per_node_max of names, here 1 MiB, and what others are sent of them"}},
    {"Monitors",
     "monitors on one process without end",
     "answers those above 65,536 of one node at once with the reason `system_limit`",
     "process.relations_refused",
     Ending::stays,
     &monitors,
     {40, 56, "65,536 monitors, and answers to the others"}},
    {"UnreadAnswers",
     "requests whose answers the peer does not read",
     "closes the connection when 64 times `channel_bytes_max` wait for it",
     "node.signals_overrun",
     Ending::closed,
     &unread_answers,
     {24, 40, "the requests that came meanwhile, and 4 MiB of answers"}},
};

}  // namespace

const Family floods{"Floods", "Too much, from an authenticated peer", attacks};

}  // namespace barrel::hostile
