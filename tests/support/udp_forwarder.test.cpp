#include "support/udp_forwarder.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace barrel::test {
namespace {

class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = at(0);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  void send(std::uint16_t to, const std::string& text) const {
    const sockaddr_in address = at(to);
    (void)::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                   sizeof address);
  }
  /// Text and the sender's port; empty when nothing comes.
  [[nodiscard]] std::optional<std::pair<std::string, std::uint16_t>> receive(int limit_ms = 5'000) const {
    pollfd fd{fd_, POLLIN, 0};
    if (::poll(&fd, 1, limit_ms) <= 0) return std::nullopt;
    std::string text(2'000, ' ');
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n = ::recvfrom(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    text.resize(static_cast<std::size_t>(n));
    return std::pair(text, ntohs(from.sin_port));
  }

 private:
  static sockaddr_in at(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  int fd_;
};

TEST(UdpForwarder, PassesBothWaysAndRebinds) {
  const Socket server;
  const Socket client;
  UdpForwarder forwarder(server.port(), 1);
  client.send(forwarder.port(), "question");
  const auto question = server.receive();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->first, "question");
  server.send(question->second, "answer");
  EXPECT_EQ(client.receive(), std::pair(std::string("answer"), forwarder.port()));
  forwarder.rebind();
  client.send(forwarder.port(), "again");
  const auto again = server.receive();
  ASSERT_TRUE(again);
  EXPECT_NE(again->second, question->second);
  server.send(again->second, "answer");
  EXPECT_TRUE(client.receive());
}

TEST(UdpForwarder, LosesDoublesAndReordersAfterItsSeed) {
  const Socket server;
  const Socket client;
  UdpForwarder forwarder(server.port(), 7);
  forwarder.set_conditions({.loss_ppm = 200'000, .duplicate_ppm = 100'000, .reorder_ppm = 100'000});
  for (int i = 0; i < 200; ++i) client.send(forwarder.port(), std::to_string(1'000 + i));
  std::vector<std::string> received;
  while (const auto next = server.receive(200)) received.push_back(next->first);
  EXPECT_GT(forwarder.counts().lost, 10U);
  EXPECT_GT(forwarder.counts().duplicated, 5U);
  EXPECT_FALSE(std::is_sorted(received.begin(), received.end()));
  EXPECT_LT(std::set(received.begin(), received.end()).size(), received.size());
}

TEST(UdpForwarder, NothingPassesACut) {
  const Socket server;
  const Socket client;
  UdpForwarder forwarder(server.port(), 1);
  forwarder.set_cut(true);
  client.send(forwarder.port(), "lost");
  EXPECT_FALSE(server.receive(50));
  forwarder.set_cut(false);
  client.send(forwarder.port(), "through");
  EXPECT_EQ(server.receive().value_or(std::pair(std::string(), std::uint16_t{0})).first, "through");
}

}  // namespace
}  // namespace barrel::test
