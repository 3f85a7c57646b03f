#include "node/file_lock.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

TEST(FileLock, IsHeldByOneAtATime) {
  const test::TempDir dir;
  const auto path = dir.path() / "lock";
  std::optional<Result<FileLock>> first(FileLock::acquire(path, "auth_key_dir"));
  ASSERT_TRUE(*first);
  const auto second = FileLock::acquire(path, "auth_key_dir");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::already_registered);
  EXPECT_NE(second.error().message().find(path.string()), std::string::npos) << second.error().message();
  EXPECT_NE(second.error().message().find("auth_key_dir"), std::string::npos) << second.error().message();
  first.reset();
  EXPECT_TRUE(FileLock::acquire(path, "auth_key_dir"));
}

TEST(FileLock, ADirectoryThatIsMissingIsAnError) {
  const test::TempDir dir;
  const auto lock = FileLock::acquire(dir.path() / "missing" / "lock", "auth_key_dir");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Errc::io);
}

}  // namespace
}  // namespace barrel::node
