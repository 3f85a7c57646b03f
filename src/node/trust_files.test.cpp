#include "node/trust_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

using auth::TrustDecision;
using ::testing::HasSubstr;

PublicKey key_of(std::uint8_t byte) {
  PublicKey key;
  key.bytes.fill(byte);
  return key;
}

Result<TrustDecision> decided(TrustDecision decision) {
  return decision;
}

class TrustFilesTest : public ::testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path trusted = dir.path() / "trusted";

  std::unique_ptr<TrustFiles> open(TrustMode mode = TrustMode::tofu) {
    auto files = TrustFiles::open(dir.path(), mode);
    EXPECT_TRUE(files);
    return std::move(*files);
  }
  void write(const std::string& name, std::string_view content) {
    std::ofstream(trusted / name, std::ios::binary) << content;
  }
};

TEST_F(TrustFilesTest, PinSurvivesARestart) {
  EXPECT_EQ(open()->decide("bob@127.0.0.1", key_of(1)), decided(TrustDecision::accept_new));
  EXPECT_EQ(open()->store_if_new("bob@127.0.0.1", key_of(1)), decided(TrustDecision::accept_new));
  const auto files = open();
  EXPECT_EQ(files->decide("bob@127.0.0.1", key_of(1)), decided(TrustDecision::accept_known));
  EXPECT_EQ(files->decide("bob@127.0.0.1", key_of(2)), decided(TrustDecision::key_mismatch));
  std::ifstream in(trusted / "bob@127.0.0.1.pub", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), std::string(32, '\1'));
  struct stat info{};
  ::stat((trusted / "bob@127.0.0.1.pub").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(TrustFilesTest, DecidingPinsNothing) {
  const auto files = open();
  EXPECT_EQ(files->decide("bob@h", key_of(1)), decided(TrustDecision::accept_new));
  EXPECT_TRUE(files->list()->empty());
}

TEST_F(TrustFilesTest, StrictAcceptsWhatAnOperatorProvisionsWhileItRuns) {
  const auto files = open(TrustMode::strict);
  EXPECT_EQ(files->decide("bob@h", key_of('k')), decided(TrustDecision::untrusted_key));
  write("bob@h.pub", std::string(32, 'k'));
  EXPECT_EQ(files->decide("bob@h", key_of('k')), decided(TrustDecision::accept_known));
  EXPECT_EQ(files->decide("bob@h", key_of('x')), decided(TrustDecision::key_mismatch));
  std::filesystem::remove(trusted / "bob@h.pub");
  EXPECT_EQ(files->decide("bob@h", key_of('k')), decided(TrustDecision::untrusted_key));
}

TEST_F(TrustFilesTest, SecondOfTwoNewConnectionsIsRefused) {
  const auto files = open();
  EXPECT_EQ(files->store_if_new("bob@h", key_of(1)), decided(TrustDecision::accept_new));
  EXPECT_EQ(files->store_if_new("bob@h", key_of(1)), decided(TrustDecision::accept_known));
  EXPECT_EQ(files->store_if_new("bob@h", key_of(2)), decided(TrustDecision::key_mismatch));
  EXPECT_EQ(files->find("bob@h"), Result<std::optional<PublicKey>>(std::optional(key_of(1))));
}

TEST_F(TrustFilesTest, OneOfManyThreadsPins) {
  const auto files = open();
  std::atomic<int> pinned{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint8_t i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto stored = files->store_if_new("bob@h", key_of(i));
        if (stored == decided(TrustDecision::accept_new)) ++pinned;
        if (stored == decided(TrustDecision::key_mismatch)) ++refused;
      });
    }
  }
  EXPECT_EQ(pinned, 1);
  EXPECT_EQ(refused, 7);
}

TEST_F(TrustFilesTest, OperatorPutsListsAndErases) {
  const auto files = open();
  ASSERT_TRUE(files->put("bob@h", key_of(1)));
  ASSERT_TRUE(files->put("bob@h", key_of(2)));
  ASSERT_TRUE(files->put("al@h", key_of(3)));
  const auto pins = files->list();
  ASSERT_TRUE(pins);
  EXPECT_EQ(pins->size(), 2U);
  EXPECT_EQ(pins->at("bob@h"), key_of(2));
  EXPECT_EQ(files->erase("bob@h"), Result<bool>(true));
  EXPECT_EQ(files->erase("bob@h"), Result<bool>(false));
  EXPECT_EQ(files->decide("bob@h", key_of(9)), decided(TrustDecision::accept_new));
}

TEST_F(TrustFilesTest, ForeignFilesAreNoPins) {
  const auto files = open();
  write("bob@h.pub", std::string(32, 'k'));
  write("README", "text");
  write("short@h.pub", "short");
  write("no-at.pub", std::string(32, 'k'));
  write("-x@h.pub", std::string(32, 'k'));
  write("carol@h.pub.tmp", std::string(32, 'k'));
  std::filesystem::create_directory(trusted / "dir@h.pub");
  const auto pins = files->list();
  ASSERT_TRUE(pins);
  EXPECT_EQ(pins->size(), 1U);
  EXPECT_TRUE(pins->contains("bob@h"));
}

// A pin that a crash or an editor has damaged must not let the next key in.
TEST_F(TrustFilesTest, DamagedPinRefusesTheNode) {
  const auto files = open();
  write("bob@h.pub", "short");
  EXPECT_FALSE(files->decide("bob@h", key_of(1)));
  const auto stored = files->store_if_new("bob@h", key_of(1));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::malformed);
  EXPECT_THAT(stored.error().message(), HasSubstr((trusted / "bob@h.pub").string()));
}

TEST_F(TrustFilesTest, NameCannotLeaveTheDirectory) {
  const auto files = open();
  for (const std::string_view name : {"../../etc/x@h", "a/b@h", "..", ""}) {
    EXPECT_FALSE(files->decide(name, key_of(1))) << name;
    EXPECT_FALSE(files->store_if_new(name, key_of(1))) << name;
    EXPECT_FALSE(files->put(name, key_of(1))) << name;
    EXPECT_FALSE(files->erase(name)) << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(trusted));
}

// A stranger may say one: it must not look like a pin that cannot be read.
TEST_F(TrustFilesTest, NameTooLongForAFileHasNoPin) {
  for (const std::size_t size : {std::size_t{251}, std::size_t{252}, std::size_t{255}}) {
    const std::string name = std::string(size - 2, 'x') + "@h";
    EXPECT_EQ(open()->decide(name, key_of(1)), decided(TrustDecision::accept_new)) << size;
    EXPECT_EQ(open(TrustMode::strict)->decide(name, key_of(1)), decided(TrustDecision::untrusted_key));
    const auto stored = open()->store_if_new(name, key_of(1));
    ASSERT_FALSE(stored) << "a key that is not remembered is not trusted";
    EXPECT_EQ(stored.error().code, Errc::io);
  }
}

TEST_F(TrustFilesTest, UnusableDirectoryIsNamed) {
  std::ofstream(dir.path() / "file") << "x";
  const auto files = TrustFiles::open(dir.path() / "file", TrustMode::tofu);
  ASSERT_FALSE(files);
  EXPECT_THAT(files.error().message(), HasSubstr("auth_key_dir"));
}

TEST_F(TrustFilesTest, PinThatCannotBeStoredIsAnError) {
  const auto files = open();
  std::filesystem::remove(trusted);
  std::ofstream(trusted) << "in the way";
  const auto stored = files->store_if_new("bob@h", key_of(1));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::io);
}

}  // namespace
}  // namespace barrel::node
