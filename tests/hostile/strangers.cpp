// Who has not authenticated: packets and half handshakes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

void random_datagrams(Scene& scene) {
  Attacker& attacker = scene.make();
  Random random(42);
  for (int i = 0; i < 5'000; ++i) {
    Bytes bytes(1 + random.below(1'400));
    random.fill(bytes);
    attacker.raw(bytes);
  }
  attacker.run(200ms);
}

/// The first packet that an honest client sends.
Bytes initial() {
  struct Sink : DatagramSink {
    Status send(const DatagramTrain& train) override {
      train.for_each([&](BytesView packet) {
        if (first.empty()) first.assign(packet.begin(), packet.end());
      });
      return Status::accepted;
    }
    Bytes first;
  };
  struct Nobody : quic::EndpointEvents {
    quic::ConnectionEvents* on_accept(quic::Connection&) override { return nullptr; }
  };
  Sink sink;
  Nobody nobody;
  Metrics metrics;
  auto endpoint = quic::Endpoint::make({}, sink, nobody, metrics);
  require(bool(endpoint), "no endpoint");
  struct Silent : quic::ConnectionEvents {
    void on_connected(quic::Connection&) override {}
    void on_stream_data(quic::Connection&, quic::StreamId, BytesView, bool) override {}
    void on_stream_reset(quic::Connection&, quic::StreamId, std::uint64_t) override {}
    void on_closed(quic::Connection&, const quic::CloseReason&) override {}
  } silent;
  quic::Dial where;
  where.remote = *SocketAddress::parse("127.0.0.1:9");
  where.local = *SocketAddress::parse("127.0.0.1:10");
  const auto connection = (*endpoint)->connect(where, silent, Instant(std::chrono::seconds(1)));
  require(bool(connection), "no connection");
  (*endpoint)->flush(Instant(std::chrono::seconds(1)));
  (*connection)->detach();
  return sink.first;
}

void truncated_initials(Scene& scene) {
  Attacker& attacker = scene.make();
  const Bytes whole = initial();
  Random random(7);
  for (std::size_t size = 1; size < whole.size(); size += 3) {
    attacker.raw(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    Bytes damaged = whole;
    for (int i = 0; i < 8; ++i) damaged[random.below(damaged.size())] ^= 0x5a;
    attacker.raw(damaged);
  }
  attacker.run(200ms);
}

/// A socket without any protocol, which counts what comes back.
class RawSocket {
 public:
  explicit RawSocket(const SocketAddress& to) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(to.port());
    const int room = 4 << 20;
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    require(::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "no socket");
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  ~RawSocket() { ::close(fd_); }

  void send(BytesView packet) const { (void)::send(fd_, packet.data(), packet.size(), 0); }
  /// The next datagram; empty when none comes in time.
  [[nodiscard]] Bytes receive(std::chrono::milliseconds limit) const {
    pollfd wanted{fd_, POLLIN, 0};
    if (::poll(&wanted, 1, static_cast<int>(limit.count())) != 1) return {};
    Bytes bytes(2'000);
    const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

 private:
  int fd_;
};

Bytes of_other_version(std::size_t size, std::uint8_t number) {
  Bytes packet(size);
  packet[0] = 0xc0;
  packet[1] = 0xba;
  packet[2] = number;
  packet[5] = 8;
  return packet;
}

/// A long header with version 0 (RFC 9000, 17.2.1).
void require_answer(BytesView answer) {
  require(answer.size() > 5 && (answer[0] & 0x80) != 0, "the answer has no long header");
  require(answer[1] == 0 && answer[2] == 0 && answer[3] == 0 && answer[4] == 0, "the answer has a version");
}

/// One packet of each size; the attack before may have used up what is answered in this second.
void answers_are_smaller(const RawSocket& socket) {
  for (const std::size_t size : {std::size_t{30}, std::size_t{300}, std::size_t{1'199}}) {
    socket.send(of_other_version(size, 1));
  }
  Bytes answer;
  for (int attempt = 0; attempt < 20 && answer.empty(); ++attempt) {
    socket.send(of_other_version(1'200, 2));
    answer = socket.receive(200ms);
  }
  require_answer(answer);
  require(answer.size() < 100, "the answer is not much smaller than the question");
  require(answer.size() < 30 || socket.receive(100ms).empty(), "a small packet is answered, too");
}

/// Far more questions than a second's answers, for a second and until the victim says that it leaves some
/// unanswered.
void answers_are_limited(Scene& scene, const RawSocket& socket) {
  constexpr std::uint64_t per_second = 2'000;  // EndpointConfig::stateless_per_second_max
  const auto limited = [&] { return scene.arena().counters()["quic.stateless_limited"]; };
  const auto before = limited();
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t answers = 0;
  const auto count_answers = [&](std::chrono::milliseconds limit) {
    for (Bytes answer = socket.receive(limit); !answer.empty(); answer = socket.receive(0ms)) {
      require_answer(answer);
      ++answers;
    }
  };
  const auto elapsed = [&] { return std::chrono::steady_clock::now() - start; };
  for (int burst = 0; burst < 1'000 && (elapsed() < 1s || limited() == before); ++burst) {
    for (int i = 0; i < 1'000; ++i) {
      socket.send(of_other_version(1'200, static_cast<std::uint8_t>(i)));
      if (i % 50 == 49) count_answers(0ms);
    }
  }
  require(limited() > before, "all are answered");
  count_answers(200ms);
  const std::chrono::duration<double> taken = elapsed();
  require(answers > 0, "none is answered");
  require(static_cast<double>(answers) <= per_second * (1 + taken.count()), "too many are answered");
  scene.must_count(answers);
}

void other_versions(Scene& scene) {
  const RawSocket socket(scene.arena().target().address);
  answers_are_smaller(socket);
  answers_are_limited(scene, socket);
  // An answer to a question that was never asked.
  Attacker& attacker = scene.make();
  Bytes negotiation(40);
  negotiation[0] = 0x80;
  attacker.raw(negotiation);
  attacker.run(200ms);
}

/// All of 127/8 is this machine: the sender's address is what the packet says.
void send_from(const std::string& address, const SocketAddress& to, BytesView packet) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  require(fd >= 0, "no socket");
  sockaddr_in at{};
  at.sin_family = AF_INET;
  const bool is_bound = ::inet_pton(AF_INET, address.c_str(), &at.sin_addr) == 1 &&
                        ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(to.port());
  const bool is_sent = is_bound && ::sendto(fd, packet.data(), packet.size(), 0,
                                            reinterpret_cast<const sockaddr*>(&at), sizeof at) > 0;
  ::close(fd);
  require(is_sent, "not sent");
}

void forged_addresses(Scene& scene) {
  const Target target = scene.arena().target();
  for (int i = 0; i < 2'000; ++i) {
    const std::string address = "127." + std::to_string(1 + i / 250) + ".1." + std::to_string(1 + i % 250);
    send_from(address, target.address, initial());
  }
  Attacker honest(target, {.name = NodeName("trent@127.0.0.1"), .key = 78});
  require(honest.come_up(), "nobody else can connect meanwhile");
  // Those of the attack before may still be there.
  require(scene.arena().counters().at("quic.half_open") <= 512, "more half-open connections than allowed");
}

void half_handshakes(Scene& scene) {
  Attacker& attacker = scene.make();
  attacker.set_deaf(true);
  for (int i = 0; i < 600; ++i) {
    require(attacker.knock(), "no more connections");
    if (i % 50 == 49) attacker.run(5ms);
  }
  Attacker honest(scene.arena().target(), {.name = NodeName("trent@127.0.0.1"), .key = 78});
  require(honest.come_up(), "nobody else can connect meanwhile");
  const auto counters = scene.arena().counters();
  require(counters.at("quic.half_open") <= 512, "more half-open connections than allowed");
}

/// Connections that finish TLS and then say nothing.
void silent_connections(Scene& scene) {
  Attacker& attacker = scene.make();
  for (int i = 0; i < 200; ++i) {
    require(attacker.knock(), "no more connections");
    if (i % 20 == 19) attacker.run(20ms);
  }
  const auto ends = [&] {
    const auto counters = scene.arena().counters();
    const auto late = counters.find("auth.failed.timeout");
    return late != counters.end() && late->second >= 150;
  };
  for (int i = 0; i < 40 && !ends(); ++i) attacker.run(250ms);
  require(ends(), "the silent are not shown the door");
}

constexpr Attack attacks[] = {
    {"RandomDatagrams", "datagrams of random bytes", "drops them", "quic.datagrams_dropped",
     Ending::no_matter, &random_datagrams},
    {"TruncatedInitials", "first packets cut off or damaged at any place", "drops them",
     "quic.datagrams_dropped", Ending::no_matter, &truncated_initials},
    {"OtherVersions", "QUIC versions that do not exist, and answers to questions never asked",
     "names its own version with fewer bytes than came; 2,000 such answers a second at most",
     "quic.versions_refused", Ending::no_matter, &other_versions},
    {"HalfHandshakes",
     "hundreds of handshakes that are never continued",
     "asks for a proof of the address from 128 on; at most 512 of one address and 1,024 in all; others "
     "connect meanwhile",
     "quic.retries_sent",
     Ending::no_matter,
     &half_handshakes,
     {24, 32, "512 handshakes with their keys and certificates"}},
    {"ForgedAddresses", "first packets from thousands of addresses that do not answer",
     "asks for a proof of the address from 128 on, which costs nothing; others connect meanwhile",
     "quic.retries_sent", Ending::no_matter, &forged_addresses},
    {"SilentConnections",
     "hundreds of connections that never authenticate",
     "closes each after `auth_handshake_timeout`; at most 1,024 at once",
     "auth.failed.timeout",
     Ending::no_matter,
     &silent_connections,
     {32, 40, "200 connections with their buffers"}},
};

}  // namespace

const Family strangers{"Strangers", "Packets and connections of strangers", attacks};

}  // namespace barrel::hostile
