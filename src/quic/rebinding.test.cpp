// A client whose NAT gives it another port, again and again, in the middle of everything.
#include <gtest/gtest.h>

#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

using namespace std::chrono_literals;

/// One connection over a network of its own kind, with random traffic in both directions.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed), pair_(test::server_config(), {}, seed) {
    pair_.network.conditions.delay = std::chrono::microseconds(100 + 300 * (seed % 20));
    if (!pair_.connect()) throw std::runtime_error("no connection");
    to_server_ = *pair_.owner.connection->open_bidirectional();
    to_client_ = *pair_.accepted().connection->open_bidirectional();
  }

  void rebind(int number) {
    pair_.client.outgoing = *SocketAddress::parse("10.0.0.2:" + std::to_string(6000 + number));
    for (auto steps = random_.below(6); steps > 0; --steps) {
      if (random_.chance(500'000)) say_to_server(50);
      if (random_.chance(500'000)) say_to_client(2'000);
      pair_.runner.run_for(std::chrono::microseconds(random_.below(5'000)));
    }
    pair_.runner.run_for(std::chrono::milliseconds(random_.below(500)));
  }
  void say_to_server(std::size_t count) {
    if (closed()) return;
    sent_to_server_ += say(*pair_.owner.connection, to_server_, count);
  }
  void say_to_client(std::size_t count) {
    if (closed()) return;
    sent_to_client_ += say(*pair_.accepted().connection, to_client_, count);
  }
  /// Until all has arrived or one end knows that the connection is over; false when neither comes about. The
  /// client says something every second, as a link that wants to know whether the other end lives.
  [[nodiscard]] bool settles() {
    const auto done = [&] {
      return closed() || (pair_.accepted().received_bytes[to_server_] == sent_to_server_ &&
                          pair_.owner.received_bytes[to_client_] == sent_to_client_);
    };
    for (int second = 0; second < 10; ++second) {
      if (pair_.until(done, 1s)) return true;
      say_to_server(50);
    }
    return false;
  }
  [[nodiscard]] bool closed() { return pair_.owner.closed || pair_.accepted().closed; }

 private:
  static std::size_t say(Connection& connection, StreamId stream, std::size_t count) {
    if (!connection.send(stream, SharedBytes(Bytes(count)))) throw std::runtime_error("refused");
    return count;
  }

  Random random_;
  test::Pair pair_;
  StreamId to_server_ = 0;
  StreamId to_client_ = 0;
  std::size_t sent_to_server_ = 0;
  std::size_t sent_to_client_ = 0;
};

TEST(Rebinding, BothDirectionsGoOnWhateverWasInFlight) {
  constexpr int seeds = 300;
  int closed = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Traffic traffic(seed);
    for (int i = 0; i < 30; ++i) traffic.rebind(i);
    traffic.say_to_server(50);
    traffic.say_to_client(20'000);
    ASSERT_TRUE(traffic.settles()) << "stalled with seed " << seed;
    if (traffic.closed()) ++closed;
  }
  // When the port changes once more while the last one is being validated, and the client says nothing from
  // the new one, the server finds no path and ends the connection.
  EXPECT_LE(closed, seeds / 20);
}

}  // namespace
}  // namespace barrel::quic
