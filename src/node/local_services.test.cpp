#include "node/local_services.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "barrel/term/term_text.hpp"

namespace barrel::node {
namespace {

Pid pid(std::uint32_t id) {
  return {Atom("me@127.0.0.1"), id, 0, 4};
}

TEST(LocalServices, ANameIsHeldByOneProcess) {
  LocalServices services;
  EXPECT_TRUE(services.claim("a", pid(1)));
  EXPECT_TRUE(services.claim("a", pid(1))) << "again by the same";
  const auto refused = services.claim("a", pid(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::already_registered);
  EXPECT_FALSE(services.release("a", pid(2)));
  EXPECT_EQ(services.find("a"), pid(1));
  EXPECT_TRUE(services.release("a", pid(1)));
  EXPECT_FALSE(services.find("a"));
  EXPECT_TRUE(services.claim("a", pid(2)));
}

TEST(LocalServices, ANameThatIsTextIsAnAtomFromThenOn) {
  LocalServices services;
  const auto name = parse_term("'only text so far'");
  ASSERT_TRUE(name);
  ASSERT_FALSE(Atom::find("only text so far"));
  EXPECT_TRUE(services.claim(*name, pid(1)));
  EXPECT_TRUE(Atom::find("only text so far")) << "peers send to it";
}

TEST(LocalServices, OnlyTheNewestClaimCounts) {
  LocalServices services;
  const auto first = services.claim("a", pid(1));
  const auto second = services.claim("a", pid(1));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(services.holds("a", pid(1), *first));
  EXPECT_TRUE(services.holds("a", pid(1), *second));
  EXPECT_FALSE(services.release("a", pid(1), *first));
  EXPECT_EQ(services.find("a"), pid(1));
  EXPECT_TRUE(services.release("a", pid(1), *second));
  const auto again = services.claim("a", pid(1));
  ASSERT_TRUE(again);
  EXPECT_FALSE(services.release("a", pid(1), *second)) << "a number is given once";
}

TEST(LocalServices, AProcessLosesAllItsNamesAtOnce) {
  LocalServices services;
  ASSERT_TRUE(services.claim("a", pid(1)));
  ASSERT_TRUE(services.claim("b", pid(1)));
  ASSERT_TRUE(services.claim("c", pid(2)));
  EXPECT_EQ(services.release_all(pid(1)), (std::vector<Term>{"a", "b"}));
  EXPECT_TRUE(services.release_all(pid(1)).empty());
  EXPECT_FALSE(services.find("a"));
  EXPECT_EQ(services.find("c"), pid(2));
}

TEST(LocalServices, OneOfManyThreadsWinsTheName) {
  LocalServices services;
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 1; i <= 8; ++i) {
    threads.emplace_back([&, i] { winners += services.claim("a", pid(i)) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

}  // namespace
}  // namespace barrel::node
