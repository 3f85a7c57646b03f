// Faults put between the nodes' parts from outside: each must be noticed, or a checker is worth nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sim/nodes/faulty_router.hpp"
#include "sim/nodes/test_support.hpp"

namespace barrel::sim {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A calm cluster, in which nothing else can be blamed.
Plan calm_plan() {
  Plan plan;
  plan.world.seed = 4;
  plan.world.nodes = 4;
  plan.span = std::chrono::seconds(20);
  return plan;
}

class Planted : public ::testing::Test {
 protected:
  /// A calm run in which the router of every node has that fault, and what `before` begins.
  std::vector<std::string> faults_with(FaultyRouter::Fault fault, std::function<void(World&)> before = {}) {
    Plan plan = plan_;
    plan.world.wrap_router = [this, fault](std::size_t, RemoteRouter& real) -> RemoteRouter& {
      routers_.push_back(std::make_unique<FaultyRouter>(fault, real));
      return *routers_.back();
    };
    NodesScenario scenario(plan, identities());
    if (before) before(scenario.world());
    return scenario.run().faults;
  }
  /// A calm run with that done before every look at the cluster.
  static std::vector<std::string> faults_with(std::function<void(World&)> before_look) {
    NodesScenario scenario(calm_plan(), identities());
    scenario.before_look = std::move(before_look);
    return scenario.run().faults;
  }

  Plan plan_ = calm_plan();

 private:
  std::vector<std::unique_ptr<FaultyRouter>> routers_;
};

TEST_F(Planted, NothingIsFoundWhereNothingIsPlanted) {
  EXPECT_THAT(faults_with([](World&) {}), IsEmpty());
}

TEST_F(Planted, ALostDownIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_downs), Contains(HasSubstr("no DOWN of")));
}

TEST_F(Planted, ALostDownOfANameIsFoundAlthoughSomebodyElseHoldsItByNow) {
  // Only names lose theirs: everything else about them must be as it should.
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_name_downs),
              AllOf(Not(IsEmpty()), Each(AllOf(HasSubstr("no DOWN of"), HasSubstr("for its name")))));
}

TEST_F(Planted, ADownOfANameWhoseHolderLivesIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::misleads_monitors),
              Contains(HasSubstr("for a name that it still holds")));
}

TEST_F(Planted, ALostExitSignalIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_exits), Contains(HasSubstr("no exit signal of")));
}

TEST_F(Planted, AnExitSignalThatIsLostWithTheConnectionIsFound) {
  // A side that has nothing to fire when the other one's node crashes.
  const auto crash = [](World& world) {
    world.queue().after(std::chrono::seconds(12), [&world] { world.crash(1, false); });
  };
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_links, crash),
              Contains(HasSubstr("had come before their connection was lost")));
}

TEST_F(Planted, ALostUnlinkIsFound) {
  // The side that was not told fires when the other one's node crashes. With many processes some have
  // unlinked.
  plan_.processes_per_node = 25;
  const auto crash = [](World& world) {
    world.queue().after(std::chrono::seconds(18), [&world] {
      world.crash(1, false);
      world.crash(2, false);
    });
  };
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_unlinks, crash),
              Contains(HasSubstr("to which its unlink had come")));
}

TEST_F(Planted, AReorderedPairIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::swaps_messages), Contains(HasSubstr("reordered")));
}

TEST_F(Planted, TwoStreamsOfOnePairInAnotherOrderAreFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::swaps_streams),
              AllOf(Contains(HasSubstr("reordered across streams")),
                    Each(Not(HasSubstr("reordered or duplicated")))));
}

TEST_F(Planted, AnAlteredTextIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::alters_texts), Contains(HasSubstr("with another text")));
}

TEST_F(Planted, TheLostTailOfMessagesToANameIsFound) {
  EXPECT_THAT(faults_with(FaultyRouter::Fault::loses_names), Contains(HasSubstr("the last that came is")));
}

TEST_F(Planted, AResurrectedNameIsFound) {
  std::shared_ptr<const RegistrySnapshot> old;
  NodesScenario scenario(calm_plan(), identities());
  // One node goes back to what it knew in the middle of the run, as if removals had passed it by.
  World& world = scenario.world();
  world.queue().after(std::chrono::seconds(12), [&] { old = world.host(1).core->registry().snapshot(); });
  scenario.before_look = [&](World& now) { now.host(1).core->registry().publish(old); };
  EXPECT_THAT(scenario.run().faults, Contains(HasSubstr("which nobody holds")));
}

TEST_F(Planted, AOneWayViewIsFound) {
  // One node forgets a peer without a word to it.
  const auto forget = [](World& world) {
    node::Cluster& cluster = world.host(1).core->cluster();
    const auto view = cluster.overlay().active_view();
    if (!view.empty()) cluster.overlay().link_down(view.front(), LinkLoss::closed, cluster.moment());
    world.host(1).core->loop().wake();
    world.run_for(std::chrono::microseconds(10));
  };
  EXPECT_THAT(faults_with(forget), Contains(HasSubstr("one-way view")));
}

}  // namespace
}  // namespace barrel::sim
