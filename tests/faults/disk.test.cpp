// Disks that are full or cannot be written. Where this machine lets us, on file systems of their own.
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>

#include "faults/fault_test.hpp"

namespace barrel::test {
namespace {

namespace fs = std::filesystem;

/// A small file system in memory.
class SmallDisk {
 public:
  SmallDisk(fs::path at, const std::string& options) : at_(std::move(at)) {
    fs::create_directories(at_);
    mounted_ = ::mount("barrel-test", at_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool is_mounted() const { return mounted_; }
  [[nodiscard]] bool make_read_only() const {
    return ::mount("barrel-test", at_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  /// Leaves no room.
  void fill() const {
    std::ofstream out(at_ / "ballast", std::ios::binary);
    const std::string block(4'096, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {}
  }
  void empty() const { fs::remove(at_ / "ballast"); }

 private:
  fs::path at_;
  bool mounted_ = false;
};

class Disk : public FaultTest {
 protected:
  /// A node whose data lies in `directory` ends with an error that has all these words.
  void expect_refusal(const fs::path& directory, const std::vector<std::string>& words) {
    Command command;
    command.argv = {setup_.program.string(), "--name=a@127.0.0.1", "--data-dir=" + directory.string()};
    expect_refusal(command, words);
  }
  static void expect_refusal(const Command& command, const std::vector<std::string>& words) {
    Child child(command);
    EXPECT_EQ(child.wait_exit(20s), 1) << child.transcript();
    const auto line = child.wait_for("chat: ", 5s);
    ASSERT_TRUE(line) << child.transcript();
    for (const std::string& word : words)
      EXPECT_NE(line->find(word), std::string::npos) << word << " in: " << *line;
  }
  /// No key is cut off, and nothing is left over from writing.
  static void expect_whole_files(const fs::path& directory) {
    if (!fs::exists(directory)) return;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
      const auto name = entry.path().filename();
      if (!entry.is_regular_file() || name == "ballast" || name == "lock") continue;
      EXPECT_GT(entry.file_size(), 0U) << entry.path();
      if (entry.path().parent_path().filename() == "keys") {
        EXPECT_EQ(entry.file_size(), 32U) << entry.path();
      }
    }
  }
  /// Lets a running node write files of `bytes` at most.
  void limit_files(const char* name, rlim_t bytes) {
    rlimit limit{};
    ASSERT_EQ(::prlimit(node(name).child().pid(), RLIMIT_FSIZE, nullptr, &limit), 0);
    limit.rlim_cur = std::min(bytes, limit.rlim_max);
    ASSERT_EQ(::prlimit(node(name).child().pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }
  void expect_start(const fs::path& directory) {
    Command command;
    command.argv = {setup_.program.string(), "--name=a@127.0.0.1", "--data-dir=" + directory.string()};
    Child child(command);
    EXPECT_TRUE(child.wait_for("is up", 20s)) << child.transcript();
    child.send_line("quit");
    EXPECT_EQ(child.wait_exit(10s), 0);
  }
};

TEST_F(Disk, NoRoomIsNamedWithTheFileAndLeavesNothingHalfWritten) {
  const fs::path at = directory_.path() / "disk";
  const SmallDisk disk(at, "size=64k,mode=0700");
  if (disk.is_mounted()) {
    disk.fill();
    expect_refusal(at / "data", {at.string(), "No space left", "free some space"});
    expect_whole_files(at);
    disk.empty();
  }
  Command command;
  command.argv = {"sh",
                  "-c",
                  "ulimit -f 0; exec \"$@\"",
                  "sh",
                  setup_.program.string(),
                  "--name=a@127.0.0.1",
                  "--data-dir=" + (at / "data").string()};
  expect_refusal(command, {at.string(), "File too large", "ulimit -f"});
  expect_whole_files(at);
  expect_start(at / "data");
  expect_whole_files(at);
}

TEST_F(Disk, OneThatCannotBeWrittenIsNamedWithTheSetting) {
  const fs::path at = directory_.path() / "disk";
  const SmallDisk disk(at, "size=64k,mode=0700");
  if (disk.is_mounted() && disk.make_read_only()) {
    expect_refusal(at / "data", {at.string(), "Read-only file system", "let this user write there"});
  } else {
    // Without that right, permissions count.
    fs::permissions(at, fs::perms::owner_read | fs::perms::owner_exec);
    expect_refusal(at / "data", {at.string(), "Permission denied", "let this user write there"});
    fs::permissions(at, fs::perms::owner_all);
  }
}

TEST_F(Disk, OneThatFillsUpKeepsNoNewNodeOutOfSight) {
  const fs::path home = home_of("a");
  const SmallDisk disk(home, "size=64k,mode=0700");
  start_apart("a");
  const UdpForwarder& path = paths_.emplace_back(port_of("a"), 1);
  show("b", "a", path.port());
  if (disk.is_mounted()) disk.fill();
  else limit_files("a", 0);
  start_apart("b", "a", {"--contact-retry-ms=500"});
  EXPECT_TRUE(node("a").prints("the key of a new node could not be stored"))
      << "who cannot be remembered is not let in";
  EXPECT_TRUE(node("a").prints(disk.is_mounted() ? "free some space" : "ulimit -f", 5s));
  if (disk.is_mounted()) disk.empty();
  else limit_files("a", RLIM_INFINITY);
  EXPECT_TRUE(sees(node("a"), "b"));
  expect_whole_files(home);
}

}  // namespace
}  // namespace barrel::test
