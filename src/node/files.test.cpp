#include "node/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

using test::TempDir;
using ::testing::HasSubstr;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777U;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Lets this process write no file beyond `bytes`, as a full disk would; even root is bound by it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Files, WriteThenReadGivesTheSame) {
  const TempDir dir;
  const auto path = dir.path() / "node.key";
  ASSERT_TRUE(write_file(path, as_bytes("secret"), private_file_mode, "key"));
  EXPECT_EQ(as_text(*read_file(path, 100, "key")), "secret");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "node.key.tmp"));
}

TEST(Files, WhatIsNoRegularFileIsRefusedAtOnce) {
  const TempDir dir;
  const auto fifo = dir.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {fifo, dir.path(), std::filesystem::path("/dev/zero")}) {
    const auto read = read_file(path, 100, "discovery_dir");
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code, Errc::io);
    EXPECT_THAT(read.error().message(), HasSubstr("no regular file"));
  }
  std::ofstream(dir.path() / "real") << "x";
  std::filesystem::create_symlink("real", dir.path() / "link");
  EXPECT_TRUE(read_file(dir.path() / "link", 100, "discovery_dir")) << "as mounted secrets are";
}

TEST(Files, WhatIsUnderTheTemporaryNameIsNoObstacle) {
  const TempDir dir;
  const auto path = dir.path() / "file";
  ASSERT_EQ(::mkfifo((dir.path() / "file.tmp").c_str(), 0600), 0);
  ASSERT_TRUE(write_file(path, as_bytes("content"), private_file_mode, "data_dir"));
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
  // What cannot be removed.
  std::filesystem::create_directories(dir.path() / "file.tmp" / "in it");
  ASSERT_TRUE(write_file(path, as_bytes("other"), private_file_mode, "data_dir"));
  EXPECT_EQ(text_of(path), "other");
}

TEST(Files, ModeDoesNotDependOnTheUmaskOrALeftover) {
  const TempDir dir;
  const auto path = dir.path() / "file";
  std::ofstream(dir.path() / "file.tmp") << "a much longer leftover of an interrupted write";
  std::filesystem::permissions(dir.path() / "file.tmp", std::filesystem::perms::all);
  const auto before = ::umask(0);
  ASSERT_TRUE(write_file(path, as_bytes("x"), private_file_mode, "key"));
  ::umask(0077);
  ASSERT_TRUE(write_file(dir.path() / "open", as_bytes("x"), public_file_mode, "key"));
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(dir.path() / "open"), 0644U);
  EXPECT_EQ(text_of(path), "x");
}

TEST(Files, FullDiskKeepsTheOldContentAndSaysWhatToDo) {
  const TempDir dir;
  const auto path = dir.path() / "node.key";
  ASSERT_TRUE(write_file(path, as_bytes("old"), private_file_mode, "auth_key_dir"));
  const Bytes big(1000, 'x');
  Result<> written;
  {
    const FileSizeLimit full(10);
    written = write_file(path, big, private_file_mode, "auth_key_dir");
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::io);
  EXPECT_THAT(written.error().message(), HasSubstr(path.string()));
  EXPECT_THAT(written.error().message(), HasSubstr("File too large"));
  EXPECT_EQ(text_of(path), "old");
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "node.key.tmp"));
}

TEST(Files, UnusableDirectoryIsNamedWithItsSetting) {
  const TempDir dir;
  std::ofstream(dir.path() / "file") << "in the way";
  const auto path = dir.path() / "file" / "node.key";
  const auto written = write_file(path, as_bytes("x"), private_file_mode, "auth_key_dir");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message(), HasSubstr(path.string()));
  EXPECT_THAT(written.error().message(), HasSubstr("Not a directory"));
  EXPECT_THAT(written.error().message(), HasSubstr("set auth_key_dir to another directory"));
  const auto made = make_directory(dir.path() / "file" / "keys", private_directory_mode, "auth_key_dir");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("auth_key_dir"));
  EXPECT_EQ(read_file(path, 10, "auth_key_dir").error().code, Errc::io);
}

TEST(Files, NewFileNeverReplacesOne) {
  const TempDir dir;
  const auto path = dir.path() / "bob@host.pub";
  EXPECT_EQ(write_new_file(path, as_bytes("first"), private_file_mode, "key"), Result<bool>(true));
  EXPECT_EQ(write_new_file(path, as_bytes("second"), private_file_mode, "key"), Result<bool>(false));
  EXPECT_EQ(text_of(path), "first");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "bob@host.pub.tmp"));
}

TEST(Files, ReadHasALimit) {
  const TempDir dir;
  std::ofstream(dir.path() / "file") << "123456";
  EXPECT_EQ(read_file(dir.path() / "file", 6, "key")->size(), 6U);
  EXPECT_EQ(read_file(dir.path() / "file", 5, "key").error().code, Errc::limit_exceeded);
  EXPECT_EQ(read_file("/dev/zero", 5, "key", FileKind::any).error().code, Errc::limit_exceeded);
  EXPECT_EQ(read_file(dir.path() / "none", 5, "key").error().code, Errc::not_found);
  EXPECT_EQ(read_file(dir.path(), 5, "key").error().code, Errc::io);
}

TEST(Files, DirectoriesAreMadePrivateAndLeftAlone) {
  const TempDir dir;
  const auto keys = dir.path() / "data" / "keys";
  ASSERT_TRUE(make_directory(keys, private_directory_mode, "key"));
  EXPECT_EQ(mode_of(keys), 0700U);
  std::filesystem::permissions(keys, std::filesystem::perms::owner_all | std::filesystem::perms::group_read);
  ASSERT_TRUE(make_directory(keys, private_directory_mode, "key"));
  EXPECT_EQ(mode_of(keys), 0740U);
}

TEST(Files, RemoveSaysWhetherThereWasOne) {
  const TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  EXPECT_EQ(remove_file(dir.path() / "file", "key"), Result<bool>(true));
  EXPECT_EQ(remove_file(dir.path() / "file", "key"), Result<bool>(false));
}

TEST(Files, PrivateMeansTheOwnerAlone) {
  const TempDir dir;
  const auto path = dir.path() / "node.key";
  std::ofstream(path) << "x";
  for (const unsigned mode : {0600U, 0400U, 0700U}) {
    ::chmod(path.c_str(), mode);
    EXPECT_TRUE(check_private(path, "key")) << mode;
  }
  for (const unsigned mode : {0640U, 0604U, 0620U, 0644U, 0777U}) {
    ::chmod(path.c_str(), mode);
    const auto checked = check_private(path, "key");
    ASSERT_FALSE(checked) << mode;
    EXPECT_EQ(checked.error().code, Errc::not_trusted);
    EXPECT_THAT(checked.error().message(), HasSubstr("chmod 600 " + path.string()));
  }
}

}  // namespace
}  // namespace barrel::node
