// Erlang nodes and Barrel nodes find each other by EPMD and connect over TCP.

#include <gmock/gmock.h>

#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

class Connecting : public ErlangTest {};

TEST_F(Connecting, ErlangPingsABarrelNode) {
  const auto b = start_tcp("b");
  ASSERT_TRUE(b);
  Beam beam(epmd_, "e");
  EXPECT_EQ(beam.text("net_adm:ping('b@127.0.0.1')"), "pong");
  EXPECT_EQ(beam.text("nodes()"), "['b@127.0.0.1']");
  ASSERT_TRUE(connected(*b, beam)) << beam.transcript();
  const std::vector<PeerInfo> peers = b->peers();
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers[0].protocol, "erlang-tcp");
  EXPECT_FALSE(peers[0].dialed);
  EXPECT_FALSE(peers[0].hidden);
}

}  // namespace
}  // namespace barrel::test
