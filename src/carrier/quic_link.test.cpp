#include "carrier/link.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "carrier/test_nodes.hpp"

namespace barrel::carrier {
namespace {

using namespace carrier::test;

const NodeName alice{"alice@10.0.0.1"};
const NodeName bob{"bob@10.0.0.2"};

std::vector<std::int64_t> one_to(int count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

/// Alice and Bob, in a dialect.
struct Two : World {
  explicit Two(dist::Dialect dialect = dist::Dialect::barrel, std::uint64_t network_seed = 1,
               const std::function<void(Settings& alice, Settings& bob)>& change = {})
      : World(network_seed) {
    Settings for_alice;
    Settings for_bob = dialect == dist::Dialect::erlang ? erlang() : Settings{};
    if (change) change(for_alice, for_bob);
    a = &add(alice, "10.0.0.1", 11, std::move(for_alice));
    b = &add(bob, "10.0.0.2", 22, std::move(for_bob));
  }
  bool connect() {
    a->dial(*b);
    return until([this] { return a->up(*b) && b->up(*a); }, 10s);
  }
  bool all_down() {
    return until([this] { return a->carrier->links().empty() && b->carrier->links().empty(); }, 30s);
  }

  TestNode* a;
  TestNode* b;
};

class InBothDialects : public testing::TestWithParam<dist::Dialect> {};
INSTANTIATE_TEST_SUITE_P(Link, InBothDialects, testing::Values(dist::Dialect::barrel, dist::Dialect::erlang),
                         [](const auto& instance) {
                           return instance.param == dist::Dialect::barrel ? "barrel" : "erlang";
                         });

TEST_P(InBothDialects, ComesUpAndBothSidesKnowEachOther) {
  Two world(GetParam());
  ASSERT_TRUE(world.connect());
  const Peer& at_alice = *world.a->live(*world.b)->peer();
  EXPECT_EQ(at_alice.name, bob);
  EXPECT_EQ(at_alice.creation, 22U);
  EXPECT_EQ(at_alice.flags,
            GetParam() == dist::Dialect::barrel ? dist::offered_flags : dist::offered_to_erlang);
  EXPECT_EQ(at_alice.dialect, GetParam());
  EXPECT_EQ(at_alice.key, world.b->key.public_key());
  const Peer& at_bob = *world.b->live(*world.a)->peer();
  EXPECT_EQ(at_bob.name, alice);
  EXPECT_EQ(at_bob.creation, 11U);
  EXPECT_EQ(at_bob.key, world.a->key.public_key());
  const bool barrel = GetParam() == dist::Dialect::barrel;
  EXPECT_EQ(at_alice.capabilities.has("merged_sync"), barrel);
  EXPECT_EQ(at_bob.capabilities.implementation, barrel ? "barrel test" : "");
  EXPECT_EQ(world.a->count("barrel_p2p.dist.auth.attempts{role=outgoing,outcome=ok}"), 1U);
  EXPECT_EQ(world.b->count("barrel_p2p.dist.auth.attempts{role=incoming,outcome=ok}"), 1U);
}

TEST_P(InBothDialects, MessagesArriveInOrderBothWaysOverABadNetwork) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Two world(GetParam(), seed);
    world.network.conditions = {.delay = 10ms, .loss_ppm = 50'000, .reorder_ppm = 100'000};
    constexpr int count = 2000;
    for (int i = 1; i <= count / 2; ++i) {
      (void)world.a->say(bob, 1, i);  // before the link is up: they wait for it
      (void)world.b->say(alice, 1, i);
    }
    ASSERT_TRUE(world.connect()) << seed;
    for (int i = count / 2 + 1; i <= count; ++i) {
      (void)world.a->say(bob, 1, i);
      (void)world.b->say(alice, 1, i);
    }
    ASSERT_TRUE(world.until([&] {
      return world.a->messages.size() == count && world.b->messages.size() == count;
    })) << world.a->messages.size()
        << " " << world.b->messages.size();
    EXPECT_EQ(world.a->integers(*world.b), one_to(count));
    EXPECT_EQ(world.b->integers(*world.a), one_to(count));
  }
}

TEST_P(InBothDialects, LargeMessagesArriveWhole) {
  Two world(GetParam());
  ASSERT_TRUE(world.connect());
  const Bytes large(3'000'000, 7);
  (void)world.a->say(bob, 1, Term::binary(large));
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 1; }));
  EXPECT_EQ(world.b->messages[0].payload, Term::binary(large));
  ASSERT_TRUE(
      world.until([&] { return world.a->outbound_to(bob)->pending_bytes(dist::Lane::messages) == 0; }));
}

TEST_P(InBothDialects, LargeMessagesThatWaitedForTheLinkArriveInTheirPlace) {
  Two world(GetParam());
  const Bytes large(1'000'000, 7);
  (void)world.a->say(bob, 1, 1);
  (void)world.a->say(bob, 1, Term::binary(large));
  (void)world.a->say(bob, 1, 2);
  ASSERT_TRUE(world.connect());
  (void)world.a->say(bob, 1, 3);
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 4; }));
  EXPECT_EQ(world.b->messages[1].payload, Term::binary(large));
  EXPECT_EQ(world.b->integers(*world.a), (std::vector<std::int64_t>{1, -1, 2, 3}));
  ASSERT_TRUE(
      world.until([&] { return world.a->outbound_to(bob)->pending_bytes(dist::Lane::messages) == 0; }));
}

TEST(Link, TowardsErlangASmallMessageOvertakesALargeOneOfAnotherProcess) {
  Two world(dist::Dialect::erlang);
  ASSERT_TRUE(world.connect());
  const Bytes large(8'000'000, 7);
  (void)world.a->say(bob, 1, Term::binary(large));
  (void)world.a->say(bob, 2, 2);
  (void)world.a->say(bob, 1, 1);
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 3; }));
  EXPECT_EQ(world.b->integers(*world.a), (std::vector<std::int64_t>{2, -1, 1}));
  EXPECT_EQ(world.b->count("dist.fragmented_messages_received"), 1U);
}

TEST(Link, OverlayTrafficHasALaneOfItsOwnBetweenBarrelNodes) {
  Two world;
  world.network.conditions.delay = 20ms;
  ASSERT_TRUE(world.connect());
  (void)world.a->say(bob, 1, Term::binary(Bytes(4'000'000, 1)));
  (void)world.a->say(bob, 2, Atom("urgent"), dist::Lane::overlay);
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 2; }));
  EXPECT_EQ(world.b->messages[0].payload, Term(Atom("urgent")));
  EXPECT_EQ(world.b->messages[0].lane, dist::Lane::overlay);
  EXPECT_EQ(world.b->messages[1].lane, dist::Lane::messages);
}

TEST_P(InBothDialects, AWrongCookieIsNamedOnBothSidesAndNothingIsPinned) {
  Two world(GetParam(), 1, [](Settings&, Settings& of_bob) { of_bob.link.cookie = "other"; });
  world.a->dial(*world.b);
  ASSERT_TRUE(world.all_down());
  ASSERT_EQ(world.a->downs.size(), 1U);
  ASSERT_EQ(world.b->downs.size(), 1U);
  EXPECT_EQ(world.a->downs[0].reason, DownReason::handshake_failed);
  EXPECT_NE(world.a->downs[0].text.find("another cookie"), std::string::npos) << world.a->downs[0].text;
  EXPECT_EQ(world.b->downs[0].reason, DownReason::handshake_failed);
  EXPECT_NE(world.b->downs[0].text.find("alice@10.0.0.1 has another cookie"), std::string::npos);
  EXPECT_TRUE(world.a->trust.entries().empty());
  EXPECT_TRUE(world.b->trust.entries().empty());
  EXPECT_EQ(world.b->count("dist.handshake_failed.wrong_cookie"), 1U);
}

TEST_P(InBothDialects, KeysArePinnedOnceTheHandshakeIsComplete) {
  Two world(GetParam());
  ASSERT_TRUE(world.connect());
  EXPECT_EQ(world.a->trust.find(bob.text()), world.b->key.public_key());
  EXPECT_EQ(world.b->trust.find(alice.text()), world.a->key.public_key());
  EXPECT_EQ(world.a->log, (std::vector<std::string>{"bob: authenticated", "bob: pin", "bob: up"}));
  EXPECT_EQ(world.b->log, (std::vector<std::string>{"alice: authenticated", "alice: incoming accept",
                                                    "alice: pin", "alice: up"}));
}

TEST_P(InBothDialects, NothingIsDeliveredBeforeThePinIsStored) {
  Two world(GetParam());
  world.b->slow_disk = true;
  world.a->dial(*world.b);
  ASSERT_TRUE(
      world.until([&] { return world.a->noted("bob: up") == 1 && world.b->being_pinned != nullptr; }));
  (void)world.a->say(bob, 1, 1);
  world.run(1s);
  EXPECT_EQ(world.b->noted("alice: up"), 0U);
  EXPECT_TRUE(world.b->messages.empty());
  world.b->being_pinned->pinned(true, world.network.now);
  EXPECT_EQ(world.b->noted("alice: up"), 1U);
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 1; }));
}

TEST_P(InBothDialects, APinThatCannotBeStoredEndsTheLink) {
  Two world(GetParam());
  world.b->slow_disk = true;
  world.a->dial(*world.b);
  ASSERT_TRUE(world.until([&] { return world.b->being_pinned != nullptr; }));
  world.b->being_pinned->pinned(false, world.network.now);
  ASSERT_TRUE(world.all_down());
  EXPECT_EQ(world.b->downs.at(0).reason, DownReason::key_mismatch);
  EXPECT_EQ(world.b->noted("alice: up"), 0U);
  EXPECT_EQ(world.b->count("auth.failed.pin"), 1U);
}

TEST_P(InBothDialects, ADiskThatIsStuckEndsTheLinkWithItsSetupTime) {
  Two world(GetParam());
  world.b->slow_disk = true;
  world.a->dial(*world.b);
  ASSERT_TRUE(world.until([&] { return !world.b->downs.empty(); }));
  EXPECT_EQ(world.b->downs[0].reason, DownReason::timeout);
  EXPECT_NE(world.b->downs[0].text.find("we waited for the disk"), std::string::npos)
      << world.b->downs[0].text;
}

TEST_P(InBothDialects, AnotherKeyThanThePinnedOneIsRefusedAndBothSidesKnow) {
  Two world(GetParam());
  world.b->trust.put(alice.text(), identity_of(99).public_key());
  world.a->dial(*world.b);
  ASSERT_TRUE(world.all_down());
  ASSERT_TRUE(world.b->downs.at(0).auth.has_value());
  EXPECT_EQ(world.b->downs[0].reason, DownReason::auth_failed);
  EXPECT_EQ(world.b->downs[0].auth->reason, auth::FailureReason::key_mismatch);
  ASSERT_TRUE(world.a->downs.at(0).auth.has_value());
  EXPECT_EQ(world.a->downs[0].auth->reason, auth::FailureReason::rejected_by_peer);
  EXPECT_EQ(world.b->trust.find(alice.text()), identity_of(99).public_key());
  EXPECT_EQ(world.b->count("auth.failed.key_mismatch"), 1U);
  EXPECT_EQ(world.b->count("barrel_p2p.dist.auth.attempts{role=incoming,outcome=fail}"), 1U);
  EXPECT_EQ(world.a->count("barrel_p2p.dist.auth.attempts{role=outgoing,outcome=fail}"), 1U);
  EXPECT_EQ(
      world.b->metrics.histogram("barrel_p2p.dist.auth.duration_ms{role=incoming,outcome=fail}").count(), 1U);
  EXPECT_LT(world.network.now, Instant(3s)) << "refused at once, not by a timeout";
}

TEST(Link, AnotherNodeThanTheDialedOneIsRefused) {
  Two world;
  world.a->dial(NodeName("carol@10.0.0.2"), world.b->address);
  ASSERT_TRUE(world.all_down());
  ASSERT_TRUE(world.a->downs.at(0).auth.has_value());
  EXPECT_EQ(world.a->downs[0].auth->reason, auth::FailureReason::name_mismatch);
}

TEST(Link, ADialThatNobodyAnswersEndsAfterTheSetupTimeout) {
  Two world;
  world.a->dial(bob, *SocketAddress::parse("10.0.0.77:4433"));
  ASSERT_TRUE(world.all_down());
  EXPECT_EQ(world.a->downs.at(0).reason, DownReason::unreachable);
  EXPECT_NE(world.a->downs[0].text.find("no answer from bob@10.0.0.2 at 10.0.0.77:4433"), std::string::npos)
      << world.a->downs[0].text;
  EXPECT_GE(world.network.now, Instant(7s));
  EXPECT_LT(world.network.now, Instant(8s));
}

TEST_P(InBothDialects, ALinkThatGetsStuckDuringItsHandshakeIsGivenUp) {
  Two world(GetParam());
  world.b->when_authenticated = [&](Link&) { world.a->cut = world.b->cut = true; };
  world.a->dial(*world.b);
  ASSERT_TRUE(world.all_down());
  EXPECT_EQ(world.a->downs.at(0).reason, DownReason::timeout);
  EXPECT_EQ(world.b->downs.at(0).reason, DownReason::timeout);
  EXPECT_NE(world.b->downs[0].text.find("within 7 s; we waited for the peer's name"), std::string::npos)
      << world.b->downs[0].text;
  EXPECT_LT(world.network.now, Instant(8s));
  EXPECT_EQ(world.a->noted("bob: up"), 0U);
}

TEST_P(InBothDialects, ASilentPeerIsSuspectedAfterThreeSecondsAndDownAfterFive) {
  Two world(GetParam());
  ASSERT_TRUE(world.connect());
  world.run(30s);
  EXPECT_TRUE(world.a->up(*world.b)) << "idle is not silent";
  EXPECT_EQ(world.a->noted("bob: suspect"), 0U);

  const Instant cut_at = world.network.now;
  world.b->cut = true;
  ASSERT_TRUE(world.until([&] { return world.a->noted("bob: suspect") == 1; }));
  EXPECT_GE(world.network.now - cut_at, 2s);
  EXPECT_LE(world.network.now - cut_at, 3100ms);
  ASSERT_TRUE(world.until([&] { return !world.a->up(*world.b); }));
  EXPECT_LE(world.network.now - cut_at, 5100ms);
  EXPECT_EQ(world.a->downs.back().reason, DownReason::silent);
}

TEST(Link, ASuspectThatSpeaksAgainIsAlive) {
  Two world;
  ASSERT_TRUE(world.connect());
  world.b->cut = true;
  ASSERT_TRUE(world.until([&] { return world.a->live(*world.b)->suspected(); }));
  world.b->cut = false;
  ASSERT_TRUE(world.until([&] { return world.a->noted("bob: alive") == 1; }, 2s));
  EXPECT_TRUE(world.a->up(*world.b));
  (void)world.a->say(bob, 1, 1);
  EXPECT_TRUE(world.until([&] { return world.b->messages.size() == 1; }));
}

TEST_P(InBothDialects, AClosedLinkIsDownOnBothSidesAtOnce) {
  Two world(GetParam());
  ASSERT_TRUE(world.connect());
  const Instant closed_at = world.network.now;
  world.a->live(*world.b)->close("the test ends", closed_at);
  EXPECT_EQ(world.a->downs.back().reason, DownReason::closed_by_us);
  ASSERT_TRUE(world.until([&] { return !world.b->up(*world.a); }));
  EXPECT_EQ(world.b->downs.back().reason, DownReason::closed_by_peer);
  EXPECT_LT(world.network.now - closed_at, 100ms);
}

TEST(Link, ABusyLaneDrainsAndSaysSo) {
  Two world;
  world.a->outbound_limits = {.budget_bytes_max = 100'000, .drained_bytes_max = 50'000};
  ASSERT_TRUE(world.connect());
  int accepted = 0;
  while (world.a->say(bob, 1, accepted + 1).status == dist::Outbound::Status::queued) ++accepted;
  EXPECT_EQ(world.a->noted("bob: drained"), 0U);
  ASSERT_TRUE(world.until([&] { return world.a->noted("bob: drained") == 1; }, 2s));
  EXPECT_EQ(world.a->say(bob, 1, accepted + 1).status, dist::Outbound::Status::queued);
  ASSERT_TRUE(
      world.until([&] { return world.b->messages.size() == static_cast<std::size_t>(accepted) + 1; }));
  EXPECT_EQ(world.b->integers(*world.a), one_to(accepted + 1));
}

TEST(Link, AnOwnerMayCloseALinkFromWithinAMessage) {
  Two world;
  ASSERT_TRUE(world.connect());
  world.b->when_message = [&](Link& link) { link.close("enough", world.network.now); };
  for (int i = 1; i <= 100; ++i) (void)world.a->say(bob, 1, i);
  ASSERT_TRUE(world.all_down());
  EXPECT_EQ(world.b->messages.size(), 1U);
}

TEST(Link, AMessageOverThePeersLimitIsRefusedBeforeItIsSent) {
  Two world(dist::Dialect::barrel, 1,
            [](Settings&, Settings& of_bob) { of_bob.link.frame_bytes_max = 100'000; });
  ASSERT_TRUE(world.connect());
  EXPECT_EQ(world.a->say(bob, 1, Term::binary(Bytes(100'001))).status, dist::Outbound::Status::too_large);
  EXPECT_EQ(world.a->say(bob, 1, 1).status, dist::Outbound::Status::queued);
  ASSERT_TRUE(world.until([&] { return world.b->messages.size() == 1; }));
}

TEST_P(InBothDialects, OnlyABarrelNodeHasALimitOfItsOwnForWhatItGets) {
  Two world(GetParam(), 1, [](Settings& of_alice, Settings&) { of_alice.link.frame_bytes_max = 65U << 20; });
  world.a->outbound_limits.frame_bytes_max = 65U << 20;
  ASSERT_TRUE(world.connect());
  const Bytes large((64U << 20) + 1);
  EXPECT_EQ(world.a->say(bob, 1, Term::binary(large)).status, GetParam() == dist::Dialect::barrel
                                                                  ? dist::Outbound::Status::too_large
                                                                  : dist::Outbound::Status::queued);
}

}  // namespace
}  // namespace barrel::carrier
