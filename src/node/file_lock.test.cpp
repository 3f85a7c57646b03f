#include "node/file_lock.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

/// Root may write everywhere: for as long as this lives it is somebody else.
class OrdinaryUser {
 public:
  OrdinaryUser() { become(65534); }
  ~OrdinaryUser() { become(0); }

 private:
  void become(uid_t user) const {
    if (is_root_) {
      EXPECT_EQ(::seteuid(user), 0);
    }
  }
  const bool is_root_ = ::geteuid() == 0;
};

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

TEST(FileLock, IsHeldAlsoInADirectoryThatMayOnlyBeRead) {
  const OrdinaryUser user;
  const test::TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0500), 0);
  {
    const auto first = FileLock::acquire(dir.path() / "lock", "auth_key_dir");
    ASSERT_TRUE(first) << first.error().message();
    const auto second = FileLock::acquire(dir.path() / "lock", "auth_key_dir");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::already_registered);
  }
  EXPECT_TRUE(FileLock::acquire(dir.path() / "lock", "auth_key_dir"));
}

TEST(FileLock, ADirectoryThatIsMissingIsAnError) {
  const test::TempDir dir;
  const auto lock = FileLock::acquire(dir.path() / "missing" / "lock", "auth_key_dir");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Errc::io);
}

}  // namespace
}  // namespace barrel::node
