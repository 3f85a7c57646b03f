#include "dist/crossing.hpp"

#include <gtest/gtest.h>

namespace barrel::dist {
namespace {

const NodeName small{"a@host"};
const NodeName great{"b@host"};

Verdict decide(Dialect dialect, NodeName self, NodeName peer, DialPhase dial, bool live = false) {
  return decide_incoming(dialect, self, peer, {dial, live});
}

TEST(Crossing, WithoutAnythingOfOursTheConnectionIsAccepted) {
  for (const Dialect dialect : {Dialect::barrel, Dialect::erlang}) {
    EXPECT_EQ(decide(dialect, small, great, DialPhase::none), Verdict::accept);
    EXPECT_EQ(decide(dialect, great, small, DialPhase::none), Verdict::accept);
  }
}

TEST(Crossing, ALiveLinkIsReplacedWhateverItsAge) {
  for (const Dialect dialect : {Dialect::barrel, Dialect::erlang}) {
    EXPECT_EQ(decide(dialect, small, great, DialPhase::none, true), Verdict::accept_replacing);
    EXPECT_EQ(decide(dialect, great, small, DialPhase::none, true), Verdict::accept_replacing);
  }
}

TEST(Crossing, TowardsErlangADialThatHasNotSentItsNameGivesWay) {
  EXPECT_EQ(decide(Dialect::erlang, great, small, DialPhase::before_name), Verdict::accept_drop_dial);
  EXPECT_EQ(decide(Dialect::erlang, small, great, DialPhase::before_name), Verdict::accept_drop_dial);
}

TEST(Crossing, TowardsErlangTheGreaterNamesDialSurvivesOnceItsNameWasSent) {
  EXPECT_EQ(decide(Dialect::erlang, great, small, DialPhase::name_sent), Verdict::refuse_silently);
  EXPECT_EQ(decide(Dialect::erlang, small, great, DialPhase::name_sent), Verdict::accept_simultaneous);
}

TEST(Crossing, BetweenBarrelNodesExactlyOneOfTwoDialsSurvives) {
  for (const DialPhase ours : {DialPhase::before_name, DialPhase::name_sent}) {
    for (const DialPhase theirs : {DialPhase::before_name, DialPhase::name_sent}) {
      const Verdict at_small = decide(Dialect::barrel, small, great, ours);
      const Verdict at_great = decide(Dialect::barrel, great, small, theirs);
      // The dial of the greater name arrives at the small one, which drops its own; the other one is refused.
      EXPECT_TRUE(drops_dial(at_small) && !refuses(at_small));
      EXPECT_TRUE(refuses(at_great) && !drops_dial(at_great));
    }
  }
}

TEST(Crossing, NoVerdictTowardsErlangIsAnsweredWithNok) {
  for (const DialPhase dial : {DialPhase::none, DialPhase::before_name, DialPhase::name_sent}) {
    for (const bool live : {false, true}) {
      EXPECT_NE(decide(Dialect::erlang, great, small, dial, live), Verdict::refuse);
      EXPECT_NE(decide(Dialect::erlang, small, great, dial, live), Verdict::refuse);
    }
  }
}

TEST(Crossing, WeDoNotDialWhoIsConnectedOrConnecting) {
  EXPECT_TRUE(may_dial(false, {}));
  EXPECT_FALSE(may_dial(true, {}));
  EXPECT_FALSE(may_dial(false, {DialPhase::none, true}));
  EXPECT_FALSE(may_dial(false, {DialPhase::before_name, false}));
}

}  // namespace
}  // namespace barrel::dist
