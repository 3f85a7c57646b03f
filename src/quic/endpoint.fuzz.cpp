// Feeds an Endpoint whatever bytes there are: as a server nobody has spoken to, in the middle of handshakes,
// and connected. The input is a little program: what is thrown at whom, what is done to packets on their way,
// what the owners do meanwhile. Beyond not crashing, it asks that strangers leave no connection behind.
#include <algorithm>
#include <cstdlib>

#include "barrel/base/bytes.hpp"
#include "quic/test_support.hpp"

namespace barrel::quic {
namespace {

using test::Network;
using test::Peer;
using test::Recorder;
using test::Runner;

constexpr int steps_max = 64;

void require(bool condition) {
  if (!condition) std::abort();
}

/// One run of the program.
class Play {
 public:
  explicit Play(BytesView input)
      : script_(input),
        server_(network_, "10.0.0.1:4433", settings()),
        client_(network_, "10.0.0.2:5000", {}),
        runner_(network_, {&server_, &client_}) {}

  void run() {
    // Packets pass through the script's hands.
    for (int i = 0; i < steps_max && !script_.at_end(); ++i) step(script_.u8());
    runner_.run_for(std::chrono::milliseconds(50));
    const bool dialled = owner_.connection != nullptr || owner_.closed;
    if (!dialled) require(server_.accepted.empty());
    require(server_.endpoint->half_open_count() <= server_.endpoint->connection_count());
    // What is not finished goes by its deadlines.
    network_.packets.clear();
    network_.conditions.loss_ppm = 1'000'000;
    runner_.run_for(std::chrono::seconds(30));
    require(server_.endpoint->half_open_count() == 0);
  }

 private:
  static EndpointConfig settings() {
    auto config = test::server_config();
    config.idle_timeout = std::chrono::seconds(20);
    config.retry_threshold = 2;
    config.half_open_max = 4;
    config.connections_max = 6;
    return config;
  }

  void step(std::uint8_t op) {
    switch (op % 12) {
      case 0: return inject(server_, client_.address);
      case 1: return inject(server_, stranger());
      case 2: return inject(client_, server_.address);
      case 3: return dial();
      case 4: runner_.run_for(std::chrono::microseconds(100 * (1 + script_.u8()))); return;
      case 5: return spoil();
      case 6: return reorder();
      case 7: return write();
      case 8: return meddle();
      case 9: client_.outgoing = SocketAddress::v4({10, 9, 9, script_.u8()}, 7777); return;
      case 10: network_.conditions.loss_ppm = script_.u8() * 2'000U; return;
      default: return forge();
    }
  }
  SocketAddress stranger() { return SocketAddress::v4({100, 1, 1, script_.u8()}, 9); }
  void inject(Peer& to, const SocketAddress& from) {
    const auto bytes = script_.take(std::min<std::size_t>(script_.u16() % 1'500, script_.remaining()));
    to.endpoint->receive({to.address, from, bytes, 0}, network_.now);
    to.endpoint->flush(network_.now);
  }
  /// A header that leads somewhere, with anything behind it.
  void forge() {
    if (network_.packets.empty()) return;
    const auto& known = network_.packets[script_.u8() % network_.packets.size()];
    Bytes bytes(
        known.bytes.begin(),
        known.bytes.begin() +
            std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(known.bytes.size()), 1 + script_.u8() % 40));
    const auto tail = script_.take(std::min<std::size_t>(script_.u8(), script_.remaining()));
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    bytes.resize(std::max<std::size_t>(bytes.size(), script_.u8() % 2 == 0 ? 1'200 : 1));
    Peer& to = known.to == server_.address ? server_ : client_;
    const auto from = known.from;
    to.endpoint->receive({to.address, from, bytes, 0}, network_.now);
    to.endpoint->flush(network_.now);
  }
  void dial() {
    if (owner_.connection != nullptr || owner_.closed) return;
    client_.dial(server_, owner_);
    runner_.flush();
  }
  void spoil() {
    if (network_.packets.empty()) return;
    auto& bytes = network_.packets[script_.u8() % network_.packets.size()].bytes;
    for (int flips = script_.u8() % 8; flips >= 0 && !bytes.empty(); --flips) {
      bytes[script_.u16() % bytes.size()] ^= script_.u8();
    }
    if (script_.u8() % 4 == 0) bytes.resize(script_.u16() % (bytes.size() + 1));
  }
  void reorder() {
    if (network_.packets.empty()) return;
    auto packet = network_.packets[script_.u8() % network_.packets.size()];
    packet.at = network_.now + std::chrono::milliseconds(script_.u8());
    network_.packets.push_back(std::move(packet));
    std::push_heap(network_.packets.begin(), network_.packets.end(), Network::later);
  }
  Connection* some_connection() {
    if (script_.u8() % 2 == 0) return owner_.connection;
    return server_.accepted.empty() ? nullptr : server_.accepted.back()->connection;
  }
  void write() {
    auto* connection = some_connection();
    if (connection == nullptr || !connection->is_connected()) return;
    const auto stream =
        script_.u8() % 2 == 0 ? connection->open_bidirectional() : connection->open_unidirectional();
    if (stream) (void)connection->send(*stream, SharedBytes(Bytes(script_.u16())), script_.u8() % 2 == 0);
    runner_.flush();
  }
  void meddle() {
    auto* connection = some_connection();
    if (connection == nullptr) return;
    const StreamId stream = script_.u8();
    switch (script_.u8() % 6) {
      case 0: connection->reset_stream(stream, script_.u8()); break;
      case 1: connection->stop_sending(stream, script_.u8()); break;
      case 2: connection->close(script_.u8(), "fuzz"); break;
      case 3: connection->probe(); break;
      case 4: (void)connection->send(stream, SharedBytes(Bytes(10)), script_.u8() % 2 == 0); break;
      default: connection->consume(stream, script_.u16()); break;
    }
    runner_.flush();
  }

  ByteReader script_;
  Network network_;
  Recorder owner_;
  Peer server_;
  Peer client_;
  Runner runner_;
};

}  // namespace
}  // namespace barrel::quic

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  barrel::quic::Play(barrel::BytesView(data, size)).run();
  return 0;
}
