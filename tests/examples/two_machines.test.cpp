// "Two machines" of the handbook: the file that it shows, on two machines with one network between them,
// which are network namespaces.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  if (!(out << text << std::flush)) throw std::runtime_error("cannot write " + file.string());
}

/// Whoever may not make networks may do so among namespaces of its own; false when there is no way. Before
/// there are threads.
bool become_root() {
  if (::geteuid() == 0 && Child({.argv = {"unshare", "--net", "true"}}).wait_exit(10s) == 0) return true;
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  // A network of our own, too: only there may a cable be laid to others.
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  write("/proc/self/setgroups", "deny");
  write("/proc/self/uid_map", "0 " + user + " 1");
  write("/proc/self/gid_map", "0 " + group + " 1");
  return true;
}

void run(const std::vector<std::string>& argv) {
  Child child({.argv = argv});
  if (child.wait_exit(10s) != 0) throw std::runtime_error(argv.front() + ": " + child.transcript());
}

/// A machine without a network at first.
class Machine {
 public:
  Machine() : system_({.argv = {"unshare", "--net", "sh", "-c", "echo started; exec sleep 300"}}) {
    if (!system_.wait_for("started", 10s)) throw std::runtime_error(system_.transcript());
  }
  [[nodiscard]] std::string pid() const { return std::to_string(system_.pid()); }
  /// What to put before a command so that it runs here.
  [[nodiscard]] std::vector<std::string> here(const std::vector<std::string>& command) const {
    std::vector<std::string> argv{"nsenter", "--net=/proc/" + pid() + "/ns/net"};
    argv.insert(argv.end(), command.begin(), command.end());
    return argv;
  }
  void plug_in(const std::string& address) const {
    run(here({"ip", "address", "add", address + "/24", "dev", "eth0"}));
    run(here({"ip", "link", "set", "eth0", "up"}));
    run(here({"ip", "link", "set", "lo", "up"}));
  }
  void pull_the_cable() const { run(here({"ip", "link", "set", "eth0", "down"})); }

 private:
  Child system_;
};

/// The configuration that the handbook shows.
std::string handbook_file() {
  std::ifstream handbook(BARREL_HANDBOOK);
  std::stringstream text;
  std::string line;
  while (std::getline(handbook, line) && line != "```toml") {}
  while (std::getline(handbook, line) && line != "```") text << line << "\n";
  return text.str();
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("the handbook's file has no " + what);
  return text.replace(at, what.size(), by);
}

class TwoMachines : public testing::Test {
 protected:
  void SetUp() override {
    if (!become_root()) GTEST_SKIP() << "neither CAP_SYS_ADMIN nor user namespaces are at hand";
    first_ = std::make_unique<Machine>();
    second_ = std::make_unique<Machine>();
    run({"ip", "link", "add", "eth0", "netns", first_->pid(), "type", "veth", "peer", "name", "eth0", "netns",
         second_->pid()});
    first_->plug_in("10.0.0.1");
    second_->plug_in("10.0.0.2");
  }
  std::unique_ptr<Child> start(const Machine& machine, const std::string& name, const std::string& config) {
    const std::filesystem::path home = directory_.path() / name;
    std::filesystem::create_directories(home);
    write(home / "barrel.toml", config);
    std::filesystem::permissions(home / "barrel.toml", std::filesystem::perms::owner_read);
    return std::make_unique<Child>(
        Command{.argv = machine.here({BARREL_CHAT_PROGRAM, "--config", "barrel.toml"}), .directory = home});
  }

  const TempDir directory_;
  std::unique_ptr<Machine> first_;
  std::unique_ptr<Machine> second_;
};

TEST_F(TwoMachines, FindEachOtherByTheirAddressesAndChat) {
  const std::string file = handbook_file();
  const auto a = start(*first_, "a", file);
  ASSERT_TRUE(a->wait_for("*** a@10.0.0.1 is up", 20s)) << a->transcript();
  a->send_line("create_room lobby");
  const auto b =
      start(*second_, "b", replaced(file, "a@10.0.0.1", "b@10.0.0.2") + "contact_nodes = [\"a@10.0.0.1\"]\n");
  ASSERT_TRUE(b->wait_for("*** Room lobby available on a@10.0.0.1", 20s)) << b->transcript();
  b->send_line("join lobby");
  b->send_line("members lobby");
  ASSERT_TRUE(b->wait_for("members lobby: b@10.0.0.2", 10s)) << b->transcript();
  b->send_line("send lobby hello");
  EXPECT_TRUE(b->wait_for("[lobby] <b@10.0.0.2> hello", 10s)) << b->transcript();

  second_->pull_the_cable();
  EXPECT_TRUE(b->wait_for("*** Room lobby left a@10.0.0.1", 20s)) << b->transcript();
}

}  // namespace
}  // namespace barrel::test
