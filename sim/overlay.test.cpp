#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "barrel/term/etf.hpp"
#include "barrel/term/term_text.hpp"
#include "node/overlay.hpp"
#include "services/registry_snapshot.hpp"
#include "sim/cluster.hpp"

namespace barrel::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Writes down what the overlay wants, in order.
class RecordingPort final : public Overlay::Port {
 public:
  struct Sent {
    NodeName to;
    Atom name;
    Term message;
  };
  void send(NodeName to, Atom name, const Term& message, Delivery) override {
    sent.push_back({to, name, message});
  }
  void send_to_pid(const Pid& to, const Term& message) override { answers.emplace_back(to, message); }
  void dial(NodeName node) override { dialled.push_back(node); }
  void release(NodeName node) override { released.push_back(node); }
  void publish(std::shared_ptr<const RegistrySnapshot> now) override { snapshot = std::move(now); }
  void emit(const ServiceEvent& event) override {
    events.push_back(event);
    if (const auto* up = std::get_if<ServiceRegistered>(&event.what)) {
      EXPECT_TRUE(snapshot != nullptr && !snapshot->lookup(up->name).empty())
          << "told before it can be found";
    }
  }
  void emit(const MembershipEvent& event) override { membership.push_back(event); }
  void node_dead(NodeName node, std::uint32_t) override { dead.push_back(node); }

  std::vector<Sent> sent;
  std::vector<std::pair<Pid, Term>> answers;
  std::vector<NodeName> dialled;
  std::vector<NodeName> released;
  std::vector<NodeName> dead;
  std::vector<ServiceEvent> events;
  std::vector<MembershipEvent> membership;
  std::shared_ptr<const RegistrySnapshot> snapshot;
};

const NodeName me("me@h");
const NodeName peer("peer@h");

class OverlayTest : public testing::Test {
 protected:
  [[nodiscard]] Moment at() const {
    return {now, SystemTime(seconds(1'700'000'000)) + milliseconds(now.time_since_epoch() / milliseconds(1))};
  }
  void pass(Duration span) {
    const Instant end = now + span;
    while (overlay.next_deadline() && *overlay.next_deadline() <= end) {
      now = std::max(now, *overlay.next_deadline());
      overlay.advance(at());
      now += std::chrono::microseconds(1);
    }
    now = end;
  }
  void link(NodeName node, PeerKind kind) {
    overlay.join(node, at());
    overlay.link_up(node, kind, 4, true, at());
  }
  [[nodiscard]] std::vector<Term> sent_to(NodeName node, Atom name) const {
    std::vector<Term> found;
    for (const auto& sent : port.sent) {
      if (sent.to == node && sent.name == name) found.push_back(sent.message);
    }
    return found;
  }
  [[nodiscard]] Pid pid(std::uint32_t id) const { return {me.atom(), id, 0, 77}; }

  Metrics metrics;
  RecordingPort port;
  Instant now{seconds(50)};
  Overlay overlay{{}, me, 77, at(), Random(2), metrics, Log(), port};
};

TEST_F(OverlayTest, TakesTheMessagesOfEveryNameAPeerMayUse) {
  for (const char* name :
       {"barrel_p2p_bridge", "barrel_p2p_plumtree", "barrel_p2p_registry_replica", "barrel_p2p_router",
        "barrel_p2p_leader_replica", "barrel_p2p_members_replica", "barrel_p2p_reminder_replica",
        "barrel_p2p_map_replica$carts", "barrel_liveness"}) {
    EXPECT_TRUE(Overlay::handles(name)) << name;
  }
  EXPECT_FALSE(Overlay::handles("chat_room_sup"));
  EXPECT_FALSE(Overlay::handles("net_kernel"));
}

TEST_F(OverlayTest, JoinsAnErlangNodeAsTheOriginalExpects) {
  ASSERT_TRUE(overlay.register_service("svc", pid(1), Term::map({}), at()));
  link(peer, PeerKind::erlang);
  EXPECT_EQ(port.dialled, std::vector{peer});
  EXPECT_EQ(sent_to(peer, "barrel_p2p_bridge").size(), 1U);
  const auto replica = sent_to(peer, "barrel_p2p_registry_replica");
  ASSERT_EQ(replica.size(), 2U);
  EXPECT_THAT(to_string(replica[0]), testing::HasSubstr("{full_sync,me@h,#{{<<\"svc\">>,me@h}"));
  EXPECT_THAT(to_string(replica[1]), testing::HasSubstr("{request_sync,me@h}"));
  EXPECT_TRUE(sent_to(peer, "barrel_liveness").empty()) << "the original has no such process";
  EXPECT_EQ(port.membership, (std::vector<MembershipEvent>{{Joined{peer}}, {PeerUp{peer}}}));
}

TEST_F(OverlayTest, NamesOfAnErlangNodeHideWithItsLinkAndComeBackWithIt) {
  link(peer, PeerKind::erlang);
  const auto full = parse_term(
      "{'$barrel_p2p_replica',{full_sync,peer@h,#{{x,peer@h} => "
      "{value,{service_entry,x,<peer@h.9.0>,peer@h,#{}},"
      "#{{peer@h,{timestamp,1700000000000,0}} => true}}}}}");
  ASSERT_TRUE(full.has_value());
  // parse_term gives pids creation 0; the link's is taken from the handshake.
  overlay.link_down(peer, LinkLoss::closed, at());
  overlay.link_up(peer, PeerKind::erlang, 0, true, at());
  overlay.message(peer, "barrel_p2p_registry_replica", *full, at());
  EXPECT_EQ(overlay.snapshot()->entry_count(), 1U);
  port.events.clear();
  overlay.link_down(peer, LinkLoss::closed, at());
  EXPECT_EQ(port.events, (std::vector<ServiceEvent>{{ServiceDown{Atom("x"), peer, Atom("noconnection")}}}));
  overlay.link_up(peer, PeerKind::erlang, 0, false, at());
  EXPECT_EQ(overlay.snapshot()->entry_count(), 1U);
}

TEST_F(OverlayTest, AnswersLookupsForNamesOfAnyKind) {
  link(peer, PeerKind::erlang);
  const Term room = Term::tuple_of(Atom("chat_room"), Atom("general"));
  ASSERT_TRUE(overlay.register_service(room, pid(3), Term::map({}), at()));
  const Pid caller{peer.atom(), 5, 0, 4};
  const Term request = Term::tuple_of(
      Atom("$barrel_p2p_route"),
      Term::tuple_of(Atom("route_request"),
                     Term::tuple_of(Atom("route_req"), room, 4, peer, Term::list({Term(peer), Term(peer)})),
                     Term::tuple_of(caller, Term(42))));
  overlay.message(peer, "barrel_p2p_router", request, at());
  ASSERT_EQ(port.answers.size(), 1U);
  EXPECT_EQ(port.answers.front().first, caller);
  EXPECT_EQ(port.answers.front().second, Term::tuple_of(Term(42), Term::tuple_of(Atom("found"), me, pid(3))));
}

TEST_F(OverlayTest, LeavingTakesBackTheNamesAndSaysGoodbye) {
  link(peer, PeerKind::barrel);
  ASSERT_TRUE(overlay.register_service("svc", pid(1), Term::map({}), at()));
  port.sent.clear();
  overlay.leave(at());
  EXPECT_EQ(port.events.back(), (ServiceEvent{ServiceUnregistered{"svc", me}}));
  EXPECT_EQ(port.membership.back(), MembershipEvent{Left{}});
  const auto gossip = sent_to(peer, "barrel_p2p_plumtree");
  ASSERT_EQ(gossip.size(), 2U);
  EXPECT_THAT(to_string(gossip[0]), testing::HasSubstr("tombstone"));
  EXPECT_THAT(to_string(gossip[1]), testing::HasSubstr("{left,me@h,77,"));
  EXPECT_THAT(to_string(sent_to(peer, "barrel_p2p_bridge").back()), testing::HasSubstr("{disconnect,"));
  EXPECT_TRUE(overlay.active_view().empty());
}

TEST_F(OverlayTest, BytesOfAHostilePeerDoNoHarm) {
  link(peer, PeerKind::barrel);
  ASSERT_TRUE(overlay.register_service("svc", pid(1), Term::map({}), at()));
  pass(seconds(20));
  // Everything this node has said is a well-formed message; what a hostile peer makes of it is not.
  std::vector<std::pair<Atom, Bytes>> valid;
  for (const auto& sent : port.sent) valid.emplace_back(sent.name, encode_etf(sent.message));
  ASSERT_GT(valid.size(), 10U);
  Random random(6);
  std::size_t fed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto& [name, bytes] = valid[random.below(valid.size())];
    Bytes changed = bytes;
    for (auto flips = 1 + random.below(3); flips > 0; --flips) {
      changed[random.below(changed.size())] = static_cast<std::uint8_t>(random.next());
    }
    // Half of them come with the sender's true name, or nothing would get past the first check.
    std::string text(as_text(changed));
    if (random.chance(500'000)) {
      for (auto place = text.find("\x04me@h"); place != std::string::npos; place = text.find("\x04me@h")) {
        text.replace(place, 5, std::string("\x06") + "peer@h");
      }
    }
    const auto term = decode_etf(as_bytes(text));
    if (!term) continue;
    ++fed;
    overlay.message(peer, name, *term, at());
    pass(milliseconds(5));
  }
  EXPECT_GT(fed, 1'000U);
  EXPECT_NE(overlay.snapshot()->lookup_local("svc"), nullptr);
  EXPECT_LE(overlay.active_view().size(), 5U);
}

TEST_F(OverlayTest, MessagesWithoutALinkAreDroppedAndCounted) {
  overlay.message(peer, "barrel_p2p_bridge", Term(1), at());
  EXPECT_EQ(metrics.counter("overlay.unlinked").value(), 1U);
}

TEST(OverlayCluster, TwentyNodesHaveFullSymmetricViewsWithinFiveSeconds) {
  ClusterOptions options;
  options.nodes = 20;
  options.seed = 3;
  options.network.failures_per_million_seconds = 0;
  Cluster cluster(options);
  cluster.start(0, std::nullopt);
  for (std::size_t i = 1; i < options.nodes; ++i) cluster.start(i, 0);
  cluster.run_for(seconds(5));
  std::size_t full = 0;
  for (SimNode* node : cluster.running()) {
    const auto view = node->overlay().active_view();
    if (view.size() == 5) ++full;
    for (const NodeName other : view) {
      const auto back = cluster.node(*cluster.index_of(other)).overlay().active_view();
      EXPECT_THAT(back, testing::Contains(node->name()));
    }
  }
  // Two gaps of one place each may be left.
  EXPECT_GE(full, options.nodes - 2);
}

TEST(OverlayCluster, ANodeThatJoinsLaterSeesEverythingWithinTwoSeconds) {
  ClusterOptions options;
  options.nodes = 12;
  Cluster cluster(options);
  cluster.start(0, std::nullopt);
  for (std::size_t i = 1; i + 1 < options.nodes; ++i) cluster.start(i, 0);
  for (std::size_t i = 0; i + 1 < options.nodes; ++i) {
    cluster.with(i, [&](Overlay& overlay, Moment at) {
      for (std::uint32_t k = 0; k < 200; ++k) {
        const Term name = Term::tuple_of(static_cast<std::int64_t>(i), k);
        EXPECT_TRUE(overlay.register_service(name, cluster.node(i).pid(k), Term::map({}), at));
      }
    });
  }
  cluster.run_for(seconds(10));
  const std::size_t late = options.nodes - 1;
  cluster.start(late, 4);
  cluster.run_for(seconds(2));
  EXPECT_EQ(cluster.node(late).visible().entry_count(), 200 * late);
}

TEST(OverlayCluster, TwoHalvesThatWereCutApartFindEachOtherAgain) {
  ClusterOptions options;
  options.nodes = 10;
  options.network.failures_per_million_seconds = 0;
  Cluster cluster(options);
  cluster.start(0, std::nullopt);
  for (std::size_t i = 1; i < options.nodes; ++i) cluster.start(i, 0);
  for (std::size_t i = 0; i < options.nodes; ++i) {
    cluster.with(i, [&](Overlay& overlay, Moment at) {
      EXPECT_TRUE(
          overlay.register_service(static_cast<std::int64_t>(i), cluster.node(i).pid(1), Term::map({}), at));
    });
  }
  cluster.run_for(seconds(5));
  const auto left = [](std::size_t node) { return node < 5; };
  cluster.network().partition(left);
  cluster.run_for(seconds(10));
  for (SimNode* node : cluster.running()) EXPECT_EQ(node->visible().entry_count(), 5U) << node->name().text();
  cluster.network().partition(nullptr);
  cluster.run_for(seconds(40));
  for (SimNode* node : cluster.running())
    EXPECT_EQ(node->visible().entry_count(), 10U) << node->name().text();
}

}  // namespace
}  // namespace barrel::sim
