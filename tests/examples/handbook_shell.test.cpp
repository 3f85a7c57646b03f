// What the handbook has its reader type into terminals, and what it says is to be seen then.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

/// The lines of each block of the handbook that begins with `fence`.
std::vector<Lines> blocks_of(const std::string& fence) {
  std::ifstream handbook(BARREL_HANDBOOK);
  std::vector<Lines> blocks;
  bool is_inside = false;
  bool is_wanted = false;
  for (std::string line; std::getline(handbook, line);) {
    if (line.starts_with("```")) {
      is_wanted = !is_inside && line == fence;
      if (is_wanted) blocks.emplace_back();
      is_inside = !is_inside;
    } else if (is_wanted) {
      blocks.back().push_back(line);
    }
  }
  return blocks;
}

/// A directory like that of the repository, in which everything is built.
class HandbookShell : public testing::Test {
 protected:
  void SetUp() override {
    link_program(BARREL_CHAT_PROGRAM, "chat");
    link_program(BARREL_POOL_PROGRAM, "pool");
    const fs::path scripts = root() / "examples" / "chat" / "scripts";
    fs::create_directories(scripts);
    fs::copy(fs::path(BARREL_HANDBOOK).parent_path().parent_path() / "examples" / "chat" / "scripts",
             scripts);
    // Neither is wanted: what they make is there.
    for (const fs::path& name : {root() / "scripts" / "setup", root() / "bin" / "cmake"}) {
      fs::create_directories(name.parent_path());
      std::ofstream(name) << "#!/bin/sh\n";
      fs::permissions(name, fs::perms::owner_all);
    }
  }
  void TearDown() override {
    if (!HasFailure()) return;
    for (const auto& terminal : terminals_) ADD_FAILURE() << terminal->transcript();
  }

  /// A line in a terminal of its own, until the node that it starts is up.
  Child& type(const std::string& line) {
    Child& terminal = *terminals_.emplace_back(
        std::make_unique<Child>(Command{.argv = {"bash", "-c", "PATH=$PWD/bin:$PATH\n" + line},
                                        .directory = root(),
                                        .environment = {{"BARREL_LISTEN_ADDRESS", "127.0.0.1"}}}));
    EXPECT_TRUE(terminal.wait_for(" is up", 20s)) << line;
    return terminal;
  }

 private:
  [[nodiscard]] const fs::path& root() const { return directory_.path(); }
  void link_program(const fs::path& program, const std::string& name) const {
    const fs::path directory = root() / "build" / "release" / "examples" / name;
    fs::create_directories(directory);
    fs::create_symlink(program, directory / name);
  }

  const TempDir directory_;
  std::vector<std::unique_ptr<Child>> terminals_;
};

TEST_F(HandbookShell, TheDemoRunsAndSaysWhatIsShown) {
  const auto commands = blocks_of("```sh");
  const auto sessions = blocks_of("```");
  ASSERT_EQ(commands.size(), 2U) << "a new one needs a test";
  ASSERT_EQ(sessions.size(), 1U) << "a new one needs a test";
  Child* last = nullptr;
  for (const std::string& line : commands[0]) last = &type(line);
  ASSERT_NE(last, nullptr);
  std::size_t from = 0;
  for (const std::string& line : sessions[0]) {
    if (line.starts_with("> ")) {
      from = last->mark();
      last->send_line(line.substr(2));
    } else {
      EXPECT_TRUE(last->wait_for([&](const std::string& said) { return said == line; }, 10s, from)) << line;
    }
  }
}

TEST_F(HandbookShell, ThePoolRunsInTerminalsOfItsOwn) {
  const auto commands = blocks_of("```sh");
  ASSERT_EQ(commands.size(), 2U) << "a new one needs a test";
  const std::string& definition = commands[1].front();
  ASSERT_TRUE(definition.starts_with("pool() ")) << definition;
  Child* client = nullptr;
  for (const std::string& line : Lines(commands[1].begin() + 1, commands[1].end()))
    client = &type(definition + "\n" + line);
  ASSERT_NE(client, nullptr);
  const auto shows = [&](const std::string& first, const std::string& second) {
    for (int i = 0; i < 100; ++i) {
      const std::size_t from = client->mark();
      client->send_line("loads");
      const auto loads = client->wait_for("loads:", 5s, from);
      if (loads && loads->find(first) != loads->npos && loads->find(second) != loads->npos) return true;
      (void)client->wait_for("never", 100ms, client->mark());
    }
    return false;
  };
  ASSERT_TRUE(shows("w1@127.0.0.1=0", "w2@127.0.0.1=0"));
  client->send_line("30000 long job");
  ASSERT_TRUE(shows("=1", "=0")) << "one of them is busy";
  client->send_line("0 quick job");
  EXPECT_TRUE(client->wait_for("quick job: done by w", 10s)) << "the other one does it";
}

}  // namespace
}  // namespace barrel::test
