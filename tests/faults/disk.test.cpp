// Disks that are full or cannot be written. Where this machine lets us, on file systems of their own.
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <optional>

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
  /// A node whose data lies in `directory`, started by way of `starter`.
  [[nodiscard]] Command node_in(const fs::path& directory, std::vector<std::string> starter = {}) const {
    Command command{.argv = std::move(starter)};
    for (const std::string& word :
         {setup_.program.string(), std::string("--name=a@127.0.0.1"), "--data-dir=" + directory.string()}) {
      command.argv.push_back(word);
    }
    return command;
  }
  /// For whoever reads what has been shown, and what not.
  static void note_no_disk(const std::string& instead) {
    std::cout << "[   NOTE   ] no file system can be mounted here; " << instead << std::endl;
  }
  /// What starts programs that cannot write to `directory`, whose permissions say so; they do not count for
  /// root. Empty when there is no way.
  [[nodiscard]] static std::optional<std::vector<std::string>> unprivileged(const fs::path& directory) {
    const std::vector<std::string> bounded{"setpriv", "--bounding-set", "-dac_override,-dac_read_search"};
    for (const auto& starter : {std::vector<std::string>(), bounded}) {
      Command probe{.argv = starter};
      probe.argv.insert(probe.argv.end(), {"touch", directory / "probe"});
      if (Child(probe).wait_exit(10s) == 1 && !fs::exists(directory / "probe")) return starter;
      fs::remove(directory / "probe");
    }
    return std::nullopt;
  }
  /// A node ends with an error that has all these words.
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
  void expect_start(const fs::path& directory) const {
    Child child(node_in(directory));
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
    expect_refusal(node_in(at / "data"), {at.string(), "No space left", "free some space"});
    expect_whole_files(at);
    disk.empty();
  } else {
    note_no_disk("only the limit on files (EFBIG) is tried, not a full disk (ENOSPC)");
  }
  // ThreadSanitizer writes a file when a program starts, unless there is nowhere to.
  const Command limited =
      node_in(at / "data", {"sh", "-c", "export TMPDIR=/nowhere; ulimit -f 0; exec \"$@\"", "sh"});
  expect_refusal(limited, {at.string(), "File too large", "ulimit -f"});
  expect_whole_files(at);
  expect_start(at / "data");
  expect_whole_files(at);
}

TEST_F(Disk, OneThatCannotBeWrittenIsNamedWithTheSetting) {
  const fs::path at = directory_.path() / "disk";
  const SmallDisk disk(at, "size=64k,mode=0700");
  if (disk.is_mounted() && disk.make_read_only()) {
    expect_refusal(node_in(at / "data"), {at.string(), "Read-only file system", "let this user write there"});
    return;
  }
  fs::permissions(at, fs::perms::owner_read | fs::perms::owner_exec);
  const auto starter = unprivileged(at);
  if (!starter) GTEST_SKIP() << "nothing can be mounted, and permissions do not count for this user";
  note_no_disk("a directory without permission is tried, not a read-only file system");
  const Command refused = node_in(at / "data", *starter);
  expect_refusal(refused, {at.string(), "Permission denied", "let this user write there"});
  fs::permissions(at, fs::perms::owner_all);
}

TEST_F(Disk, OneThatFillsUpKeepsNoNewNodeOutOfSight) {
  const fs::path home = home_of("a");
  const SmallDisk disk(home, "size=64k,mode=0700");
  if (!disk.is_mounted()) note_no_disk("the limit on files (EFBIG) stands for a full disk (ENOSPC)");
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
