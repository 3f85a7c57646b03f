#include "sim/nodes/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/nodes/sim_loop.hpp"

namespace barrel::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::Lt;

SocketAddress address(std::uint8_t number) {
  return SocketAddress::v4({10, 0, 0, number}, 4433);
}

/// A machine with a loop and a socket, which writes down what comes.
class Computer final : public loop::UdpEvents {
 public:
  Computer(EventQueue& queue, DatagramNetwork& network, std::size_t index)
      : machine(queue, network, index, address(static_cast<std::uint8_t>(index + 1))),
        loop(machine.make_loop()),
        port(*loop->open_udp({}, *this)) {}

  void on_datagrams(const DatagramTrain& train) override { sizes.push_back(train.bytes.size()); }
  void on_writable() override {}
  void on_refused(const SocketAddress&) override { ++refusals; }

  void send(const Computer& to, std::size_t bytes) {
    const Bytes content(bytes, std::uint8_t{1});
    (void)port->send({machine.address(), to.machine.address(), content, 0});
  }

  Machine machine;
  std::unique_ptr<loop::Loop> loop;
  std::unique_ptr<loop::UdpSocket> port;
  std::vector<std::size_t> sizes;
  int refusals = 0;
};

class SimulatedMachines : public ::testing::Test {
 protected:
  void run_for(Duration span) { queue_.run_until(queue_.now() + span); }

  EventQueue queue_;
  Trace trace_;
  DatagramNetwork network_{queue_, trace_, {}, Random(3)};
  Computer a_{queue_, network_, 0};
  Computer b_{queue_, network_, 1};
};

TEST_F(SimulatedMachines, DatagramsArriveInOrderAfterTheLatency) {
  for (std::size_t bytes = 1; bytes <= 3; ++bytes) a_.send(b_, bytes);
  EXPECT_THAT(b_.sizes, ElementsAre());
  run_for(seconds(1));
  EXPECT_THAT(b_.sizes, ElementsAre(1, 2, 3));
}

TEST_F(SimulatedMachines, ACutPathLeavesTheWayBack) {
  network_.cut(0, 1);
  a_.send(b_, 1);
  b_.send(a_, 2);
  run_for(seconds(1));
  EXPECT_THAT(b_.sizes, ElementsAre());
  EXPECT_THAT(a_.sizes, ElementsAre(2));
  network_.mend(0, 1);
  network_.partition({{0, 1}});
  a_.send(b_, 3);
  b_.send(a_, 3);
  run_for(seconds(1));
  EXPECT_THAT(a_.sizes, ElementsAre(2));
  network_.heal();
  a_.send(b_, 4);
  run_for(seconds(1));
  EXPECT_THAT(b_.sizes, ElementsAre(4));
}

TEST_F(SimulatedMachines, APausedMachineReadsLaterWhatItsBufferHolds) {
  bool fired = false;
  (void)b_.loop->add_timer(queue_.now() + milliseconds(10), [&] { fired = true; });
  b_.machine.pause(seconds(30));
  for (int i = 0; i < 300; ++i) a_.send(b_, 1'200);
  run_for(seconds(29));
  EXPECT_FALSE(fired);
  EXPECT_TRUE(b_.sizes.empty());
  run_for(seconds(2));
  EXPECT_TRUE(fired);
  EXPECT_EQ(b_.sizes.size() + b_.machine.buffer_overflows(), 300U);
  EXPECT_GT(b_.machine.buffer_overflows(), 100U);
}

TEST_F(SimulatedMachines, APauseIsNotEndedByAShorterOne) {
  b_.machine.pause(seconds(30));
  b_.machine.pause(seconds(1));
  run_for(seconds(29));
  EXPECT_TRUE(b_.machine.paused());
  run_for(seconds(2));
  EXPECT_FALSE(b_.machine.paused());
}

TEST_F(SimulatedMachines, ALossyDirectionLosesItsShareAndTheOtherOneNothing) {
  network_.lose(0, 1, 900'000);
  for (int i = 0; i < 200; ++i) {
    a_.send(b_, 1);
    b_.send(a_, 1);
  }
  run_for(seconds(1));
  EXPECT_THAT(b_.sizes.size(), AllOf(Gt(5U), Lt(50U)));
  EXPECT_EQ(a_.sizes.size(), 200U);
}

TEST_F(SimulatedMachines, AMachineWithoutANodeRefuses) {
  b_.machine.unplug(true);
  a_.send(b_, 1);
  run_for(seconds(1));
  EXPECT_EQ(a_.refusals, 1);
  b_.machine.unplug(false);
  a_.send(b_, 1);
  run_for(seconds(1));
  EXPECT_EQ(a_.refusals, 1);
  EXPECT_TRUE(b_.sizes.empty());
}

TEST_F(SimulatedMachines, AStepOfTheWallClockMovesNoTimer) {
  const auto wall = a_.loop->system_now();
  bool fired = false;
  (void)a_.loop->add_timer(queue_.now() + seconds(10), [&] { fired = true; });
  a_.machine.step_wall_clock(minutes(5));
  run_for(seconds(9));
  EXPECT_FALSE(fired);
  EXPECT_EQ(a_.loop->system_now() - wall, minutes(5) + seconds(9));
  run_for(seconds(2));
  EXPECT_TRUE(fired);
}

TEST_F(SimulatedMachines, PostedWorkRunsInALaterTurn) {
  int done = 0;
  EXPECT_TRUE(a_.loop->offload([] {}, [&] { ++done; }));
  a_.loop->post([&] { a_.loop->post([&] { ++done; }); });
  EXPECT_EQ(done, 0);
  run_for(milliseconds(1));
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace barrel::sim
