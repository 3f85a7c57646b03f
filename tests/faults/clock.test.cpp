// A wall clock that is set back by hours while nodes run.
#include <fstream>

#include "faults/fault_test.hpp"

namespace barrel::test {
namespace {

/// What `faketime` would put into LD_PRELOAD; empty where it is not installed.
std::string faketime_library() {
  const Child asked({.argv = {"faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"}});
  const auto line = asked.wait_for("libfaketime", 10s);
  return line.value_or("");
}

class WallClock : public FaultTest {
 protected:
  void SetUp() override {
    const std::string library = faketime_library();
    ASSERT_FALSE(library.empty()) << "scripts/setup --test installs faketime";
    set_clock("+0");
    start("seed");
    setup_.environment = {{"LD_PRELOAD", library},
                          {"FAKETIME_TIMESTAMP_FILE", (directory_.path() / "clock").string()},
                          {"FAKETIME_NO_CACHE", "1"},
                          {"DONT_FAKE_MONOTONIC", "1"}};
    start("node1", "seed");
    setup_.environment.clear();
    ASSERT_TRUE(sees(node("seed"), "node1"));
  }
  /// Of node1, from now on: relative to the machine's.
  void set_clock(const std::string& offset) const {
    // By renaming, so that nobody reads half of it.
    const auto path = directory_.path() / "clock";
    const auto next = directory_.path() / "clock.next";
    std::ofstream(next) << offset << "\n";
    std::filesystem::rename(next, path);
  }
};

TEST_F(WallClock, SetBackByHoursItDisturbsNeitherConnectionsNorNames) {
  make_room(node("node1"), "before", {&node("seed")});
  set_clock("-5h");
  make_room(node("node1"), "after", {&node("seed")});
  join(node("seed"), "before");
  join(node("seed"), "after");
  node("node1").send("send after hello");
  EXPECT_TRUE(node("seed").prints("[after] <node1@127.0.0.1> hello"));
  node("node1").send("send before still here");
  EXPECT_TRUE(node("seed").prints("[before] <node1@127.0.0.1> still here"));
  EXPECT_FALSE(node("seed").prints("is gone", 0s));
}

TEST_F(WallClock, TooFarOffANodeIsNotLetInAndBothAreTold) {
  node("node1").send("quit");
  ASSERT_EQ(node("node1").child().wait_exit(10s), 0);
  set_clock("-5h");
  setup_.environment = {{"LD_PRELOAD", faketime_library()},
                        {"FAKETIME_TIMESTAMP_FILE", (directory_.path() / "clock").string()},
                        {"FAKETIME_NO_CACHE", "1"},
                        {"DONT_FAKE_MONOTONIC", "1"}};
  const std::size_t mark = node("seed").child().mark();
  start("node1", "seed", {"--contact-retry-ms=500", "--base-backoff-ms=200"});
  EXPECT_TRUE(node("seed").prints("the clock of node1@127.0.0.1 is too far from ours", 20s, mark) ||
              node("node1").prints("the clock of seed@127.0.0.1 is too far from ours"));
  EXPECT_EQ(node("node1").ask("nodes"), "nodes:");
  set_clock("+0");
  EXPECT_TRUE(sees(node("node1"), "seed"));
}

}  // namespace
}  // namespace barrel::test
