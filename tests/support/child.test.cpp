#include "support/child.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

TEST(Child, LinesOfBothOutputsArriveAndInputIsAnswered) {
  Child child({.argv = {"sh", "-c", "echo ready; echo oops >&2; while read -r x; do echo \"got $x\"; done"}});
  EXPECT_EQ(child.wait_for("ready", 10s), "ready");
  EXPECT_EQ(child.wait_for("oops", 10s), "oops");
  const std::size_t before = child.mark();
  child.send_line("one");
  EXPECT_EQ(child.wait_for("got", 10s, before), "got one");
  EXPECT_EQ(child.wait_for("ready", 0ms, before), std::nullopt);
  child.close_input();
  EXPECT_EQ(child.wait_exit(10s), 0);
}

TEST(Child, WaitingEndsWhenTheProgramDoes) {
  Child child({.argv = {"sh", "-c", "exit 3"}});
  EXPECT_EQ(child.wait_for("never", 1h), std::nullopt);
  EXPECT_EQ(child.wait_exit(10s), 3);
}

TEST(Child, IsKilledAndStoppedBySignal) {
  Child child({.argv = {"cat"}});
  child.signal(SIGSTOP);
  child.send_line("held");
  EXPECT_EQ(child.wait_for("held", 50ms), std::nullopt);
  child.signal(SIGCONT);
  EXPECT_EQ(child.wait_for("held", 10s), "held");
  child.signal(SIGKILL);
  EXPECT_EQ(child.wait_exit(10s), -SIGKILL);
}

TEST(Child, RunsInItsDirectoryWithItsEnvironment) {
  const TempDir dir;
  Child child({.argv = {"sh", "-c", "pwd; echo $BARREL_X"},
               .directory = dir.path(),
               .environment = {{"BARREL_X", "as given"}}});
  EXPECT_TRUE(child.wait_for(dir.path().filename().string(), 10s));
  EXPECT_EQ(child.wait_for("as given", 10s), "as given");
}

TEST(TempDir, IsRemovedWithItsContent) {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.path();
    std::ofstream(path / "file") << "x";
    EXPECT_TRUE(std::filesystem::exists(path / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace barrel::test
