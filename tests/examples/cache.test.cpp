#include <signal.h>

#include <string>

#include "example_test.hpp"

namespace barrel::test {
namespace {

class CacheTest : public ExampleTest {
 protected:
  CacheTest() : ExampleTest(BARREL_CACHE_PROGRAM) {}

  /// A client and the shop s1, which the client knows.
  ChatNode& start_both() {
    ChatNode& client = start("client", "client");
    start("shop", "s1", "client");
    EXPECT_EQ(client.ask("call tea", 20s), "call tea: 3");
    return client;
  }
};

TEST_F(CacheTest, AShopIsLookedUpOnceAndThenRemembered) {
  ChatNode& client = start_both();
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s1@127.0.0.1, looked up");
  EXPECT_EQ(client.ask("price coffee"), "price coffee: 4 from s1@127.0.0.1, cached");
  EXPECT_EQ(client.ask("price beer"), "price beer: rejected: unknown_item");
}

TEST_F(CacheTest, AKilledShopIsForgottenOnAnotherNode) {
  ChatNode& client = start_both();
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s1@127.0.0.1, looked up");
  node("s1").child().signal(SIGKILL);
  EXPECT_TRUE(client.prints("forgot shop on s1@127.0.0.1"));
  EXPECT_EQ(client.ask("price tea"), "price tea: not_found");

  start("shop", "s2", "client");
  EXPECT_EQ(client.ask("call coffee", 20s), "call coffee: 4");
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s2@127.0.0.1, looked up");
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s2@127.0.0.1, cached");
}

TEST_F(CacheTest, AShopThatClosesIsForgottenAndOneThatStaysIsNot) {
  ChatNode& client = start_both();
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s1@127.0.0.1, looked up");
  ChatNode& other = start("shop", "s2", "client");
  other.child().close_input();
  EXPECT_EQ(other.child().wait_exit(20s), 0);
  EXPECT_EQ(client.ask("price coffee"), "price coffee: 4 from s1@127.0.0.1, cached");

  node("s1").child().close_input();
  EXPECT_TRUE(client.prints("forgot shop on s1@127.0.0.1"));
}

TEST_F(CacheTest, ARetriedCallSucceedsWhenTheServiceComesBack) {
  ChatNode& client = start_both();
  EXPECT_EQ(client.ask("price tea"), "price tea: 3 from s1@127.0.0.1, looked up");
  node("s1").child().signal(SIGKILL);
  ASSERT_TRUE(client.prints("forgot shop on s1@127.0.0.1"));

  const std::size_t before = client.child().mark();
  client.send("call coffee");  // nobody is there
  start("shop", "s1", "client");
  EXPECT_TRUE(client.prints("call coffee: 4", 20s, before));
}

}  // namespace
}  // namespace barrel::test
