// How the time for a dial is shared among the addresses of a node.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test_nodes.hpp"

namespace barrel::test {
namespace {

/// Takes connections (SOCK_STREAM) or datagrams (SOCK_DGRAM), and never says anything: a host behind a
/// firewall, or an EPMD that hangs.
class MuteListener {
 public:
  MuteListener(const char* address, int type) : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, address, &where.sin_addr), 1);
    auto* generic = reinterpret_cast<sockaddr*>(&where);
    socklen_t length = sizeof where;
    EXPECT_EQ(::bind(fd_, generic, length), 0);
    EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd_, 16) == 0);
    EXPECT_EQ(::getsockname(fd_, generic, &length), 0);
    port_ = ntohs(where.sin_port);
  }
  ~MuteListener() { ::close(fd_); }
  MuteListener(const MuteListener&) = delete;
  MuteListener& operator=(const MuteListener&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

int twice(int number) {
  return 2 * number;
}
Task<Result<int>> call_twice(Self self, NodeName to) {
  co_return co_await self.rpc<int>(to, 30s, "math", "twice", 21);
}

class Dialing : public TestNodes {
 protected:
  /// Nodes of other hosts are at two addresses: what the mute EPMD would say, and `port` of their host.
  [[nodiscard]] NodeConfig two_addresses(std::uint16_t port) const {
    NodeConfig made = config("a");
    made.listen.port = port;
    made.discovery.backends = {DiscoveryBackend::epmd, DiscoveryBackend::dns};
    made.tcp.enabled = true;
    made.tcp.address = "127.0.0.1";
    made.tcp.epmd_register = false;
    made.tcp.epmd_port = epmd_.port();
    return made;
  }

  MuteListener epmd_{"127.0.0.2", SOCK_STREAM};
};

TEST_F(Dialing, AnAddressThatDoesNotAnswerLeavesTimeForTheNext) {
  NodeConfig other = config("b");
  other.name = "b@127.0.0.2";
  other.listen.address = "127.0.0.2";
  const auto b = start(other);
  ASSERT_TRUE(b);
  b->functions().expose("math", "twice", twice);
  NodeConfig settings = two_addresses(b->port());
  settings.channel.dial_timeout = 4s;
  const auto a = start(settings);
  ASSERT_TRUE(a);
  const auto answer = a->run(&call_twice, b->name());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(*answer, 42);
  EXPECT_EQ(a->metrics()["node.addresses_tried"], 2U);
}

TEST_F(Dialing, WhatDidNotAnswerIsInTheLogByItsAddress) {
  const MuteListener mute("127.0.0.2", SOCK_DGRAM);
  NodeConfig settings = two_addresses(mute.port());
  settings.channel.dial_timeout = 600ms;
  settings.log.level = LogLevel::info;
  settings.log.file = settings.data_dir / "a.log";
  const auto a = start(settings);
  ASSERT_TRUE(a);
  const auto answer = a->run(&call_twice, "b@127.0.0.2");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::no_connection);
  const std::string line = logged_line(settings.log.file, "could not connect");
  EXPECT_THAT(line, testing::HasSubstr("over TCP: 127.0.0.2:" + std::to_string(epmd_.port()) +
                                       ": no answer within its share of the time"));
  EXPECT_THAT(line, testing::HasSubstr("over QUIC: 127.0.0.2:" + std::to_string(mute.port()) +
                                       ": no answer within dial_timeout_ms"));
}

}  // namespace
}  // namespace barrel::test
