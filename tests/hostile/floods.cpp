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
  require(scene.attacker().settled(), "not settled");
  require(scene.arena().counters()["membership.active"] <= 5, "the active view is over its limit");
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
    scene.attacker().send_name("barrel_p2p_bridge", encode(own, ShuffleReply{peers, {own, true}}));
  });
}

void gossip(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const Term payload(std::string(4'000, 'g'));
  flood(scene, 8'000, [&](int i) {
    const plumtree::Gossip message{"flood " + std::to_string(i), Atom("somebody_elses"), payload, own};
    scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
  });
  require(scene.attacker().settled(), "not settled");
}

void announcements(Scene& scene) {
  const NodeName own = scene.attacker().name();
  flood(scene, 4'000, [&](int i) {
    scene.attacker().send_name("barrel_p2p_plumtree",
                               encode(plumtree::Ihave{"never " + std::to_string(i), own}));
  });
  require(scene.attacker().settled(), "not settled");
}

void names(Scene& scene) {
  const NodeName own = scene.attacker().name();
  const Pid pid = scene.attacker().own_pid();
  const Term meta = Term::map({{Term(Atom("text")), Term(std::string(60'000, 'm'))}});
  flood(scene, 200, [&](int i) {
    registry::MapBuilder map;
    const Term name(i);
    map.add(registry::key_term(name, own),
            live_entry(registry::entry_value({name, pid, own, meta}), {Timestamp{1'700'000'000'000, i}, own}),
            nullptr);
    scene.attacker().send_name("barrel_p2p_registry_replica", encode(registry::FullSync{own, map.take()}));
  });
  require(scene.attacker().settled(), "not settled");
}

void monitors(Scene& scene) {
  const Pid room = scene.room();
  const Atom own = scene.attacker().name().atom();
  flood(scene, 80'000, [&](int i) {
    const Ref ref{own, 5, 3, {static_cast<std::uint32_t>(i), 5, 5, 0, 0}};
    scene.attacker().control(Term::tuple_of(19, scene.attacker().own_pid(), room, ref));
  });
  require(scene.attacker().settled(), "not settled");
}

/// The chat's first process only waits for the end of others: nothing that comes is ever received. It has one
/// of the lowest numbers.
void unread(Scene& scene) {
  Pid deaf = scene.room();
  const Term message(std::string(50'000, 'u'));
  Attacker& attacker = scene.attacker();
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

/// Each of these is answered, and the answers are not read.
void unread_answers(Scene& scene) {
  AttackerOptions options;
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
     "keeps the active view within `active_size`", "membership.joins_received", Ending::no_matter, &joins},
    {"Shuffles", "shuffles full of invented nodes", "keeps the passive view within `passive_size`",
     "membership.passive_full", Ending::stays, &shuffles},
    {"Gossip", "gossip without end", "keeps 16 MiB and 16,384 messages; whoever sent most loses his oldest",
     "gossip.messages_full", Ending::stays, &gossip},
    {"Announcements", "announcements of gossip that never comes",
     "waits for 2,048 of one peer, drops the rest", "gossip.missing_full", Ending::stays, &announcements},
    {"Names", "names with much metadata", "takes over `registry_bytes_per_node_max` of one node",
     "registry.bytes_full", Ending::stays, &names},
    {"Monitors", "monitors on one process without end",
     "answers those above 65,536 of one node at once with the reason `system_limit`",
     "process.relations_refused", Ending::stays, &monitors},
    {"Unread", "messages to processes that do not receive them",
     "closes the connection when `unread_bytes_max` wait", "node.unread_bytes_limit", Ending::closed,
     &unread},
    {"UnreadAnswers", "requests whose answers the peer does not read",
     "closes the connection when 64 times `channel_bytes_max` wait for it", "node.signals_overrun",
     Ending::closed, &unread_answers},
};

}  // namespace

const Family floods{"Floods", "Too much, from an authenticated peer", attacks};

}  // namespace barrel::hostile
