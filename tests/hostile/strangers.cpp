// Who has not authenticated: packets and half handshakes.
#include <arpa/inet.h>
#include <netinet/in.h>
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

void other_versions(Scene& scene) {
  Attacker& attacker = scene.make();
  for (int i = 0; i < 500; ++i) {
    Bytes packet(1'200);
    packet[0] = 0xc0;
    packet[1] = 0xba;
    packet[2] = static_cast<std::uint8_t>(i);
    packet[5] = 8;
    attacker.raw(packet);
  }
  // An answer to a question that was never asked.
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
