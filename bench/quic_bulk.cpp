// QUIC alone, without a runtime around it: two endpoints over real sockets of this machine, a thread each.
//   bench_quic_bulk [--cubic|--bbr] [--no-offload] [--payload bytes] [--spin us]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "transport/driver.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;
using quic::Connection;
using quic::StreamId;
using quic::test::Recorder;
using transport_test::Driver;

constexpr std::size_t bulk_bytes = std::size_t{1} << 30;
constexpr std::size_t block_bytes = std::size_t{1} << 20;
constexpr int handshakes = 2'000;
constexpr int dials_at_once = 16;
constexpr int round_trips = 20'000;

/// Of both threads: the figure that a busy machine leaves alone.
double cpu_seconds() {
  return double(std::clock()) / CLOCKS_PER_SEC;
}

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

struct Bench {
  Driver::Options server, client;
  loop::SystemClock clock;

  std::unique_ptr<Driver> start(std::vector<std::unique_ptr<Recorder>>& accepted,
                                const std::function<void(Recorder&)>& prepare) {
    auto driver = std::make_unique<Driver>(server);
    driver->accept = [&accepted, prepare](Connection&) {
      accepted.push_back(std::make_unique<Recorder>());
      accepted.back()->keep_bytes = false;
      if (prepare) prepare(*accepted.back());
      return accepted.back().get();
    };
    return driver;
  }

  void bulk() {
    std::vector<std::unique_ptr<Recorder>> accepted;
    std::promise<void> done;
    auto to = start(accepted, [&](Recorder& recorder) {
      recorder.on_data = [&](Connection&, StreamId, BytesView, bool fin) {
        if (fin) done.set_value();
      };
    });
    Recorder owner;
    Driver from(client);
    from.call([&] { from.dial(to->address(), owner); });
    from.wait_until([&] { return owner.connected; });
    // One block over and over: what is measured is the transport, not the memory.
    const auto block = std::make_shared<const Bytes>(block_bytes);
    const auto start_time = clock.now();
    const auto start_cpu = cpu_seconds();
    from.call([&] {
      auto& connection = *owner.connection;
      const auto stream = *connection.open_bidirectional();
      static std::size_t left;
      left = bulk_bytes;
      const auto fill = [&connection, block, stream] {
        while (left > 0 && connection.unsent(stream) < 4 * block_bytes) {
          left -= block_bytes;
          (void)connection.send(stream, SharedBytes(block, *block), left == 0);
        }
      };
      owner.when_acknowledged = fill;
      fill();
    });
    done.get_future().wait();
    const double time = seconds(clock.now() - start_time);
    const double cpu = cpu_seconds() - start_cpu;
    const auto stats = from.call([&] { return owner.connection->stats(); });
    std::printf(
        "bulk          %7.0f MB/s   (%.2f CPU s/GB, payload %zu, window %llu KB, %llu packets/send call)\n",
        double(bulk_bytes) / time / 1e6, cpu / (double(bulk_bytes) / 1e9), stats.udp_payload_bytes,
        static_cast<unsigned long long>(stats.congestion_window / 1024),
        static_cast<unsigned long long>(from.count("quic.packets_sent") /
                                        std::max<std::uint64_t>(1, from.count("loop.udp_send_calls"))));
  }

  void ping_pong() {
    std::vector<std::unique_ptr<Recorder>> accepted;
    auto to = start(accepted, [](Recorder& recorder) {
      recorder.on_data = [](Connection& connection, StreamId stream, BytesView bytes, bool) {
        (void)connection.send(stream, SharedBytes(Bytes(bytes.begin(), bytes.end())));
      };
    });
    Recorder owner;
    owner.keep_bytes = false;
    std::promise<void> done;
    std::vector<Duration> times;
    times.reserve(round_trips);
    Instant sent{};
    Driver from(client);
    owner.on_data = [&](Connection& connection, StreamId stream, BytesView bytes, bool) {
      times.push_back(clock.now() - sent);
      if (times.size() == round_trips) return done.set_value();
      sent = clock.now();
      (void)connection.send(stream, SharedBytes(Bytes(bytes.begin(), bytes.end())));
    };
    from.call([&] { from.dial(to->address(), owner); });
    from.wait_until([&] { return owner.connected; });
    from.call([&] {
      sent = clock.now();
      (void)owner.connection->send(*owner.connection->open_bidirectional(), SharedBytes(Bytes(64)));
    });
    done.get_future().wait();
    std::ranges::sort(times);
    std::printf("ping-pong 64B %7.1f us p50, %.1f us p99\n", seconds(times[times.size() / 2]) * 1e6,
                seconds(times[times.size() * 99 / 100]) * 1e6);
  }

  void handshake_rate() {
    std::vector<std::unique_ptr<Recorder>> accepted;
    auto to = start(accepted, nullptr);
    std::promise<void> done;
    std::vector<std::unique_ptr<Recorder>> owners;
    std::function<void()> dial;
    Driver from(client);
    dial = [&] {
      if (owners.size() == handshakes) return;
      owners.push_back(std::make_unique<Recorder>());
      owners.back()->when_connected = [&, last = owners.size() == handshakes](Connection& connection) {
        connection.close(0, {});
        if (last) done.set_value();
        from.loop().post([&] { dial(); });
      };
      from.dial(to->address(), *owners.back());
    };
    const auto start_time = clock.now();
    const auto start_cpu = cpu_seconds();
    from.call([&] {
      for (int i = 0; i < dials_at_once; ++i) dial();
    });
    done.get_future().wait();
    std::printf("handshakes    %7.0f /s     (%.0f CPU us each, both sides)\n",
                handshakes / seconds(clock.now() - start_time),
                (cpu_seconds() - start_cpu) / handshakes * 1e6);
  }
};

}  // namespace
}  // namespace barrel

int main(int argc, char** argv) {
  barrel::Bench bench;
  bench.server.quic = barrel::quic::test::server_config();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    for (auto* side : {&bench.server, &bench.client}) {
      if (argument == "--cubic") side->quic.congestion_control = barrel::quic::CongestionControl::cubic;
      if (argument == "--bbr") side->quic.congestion_control = barrel::quic::CongestionControl::bbr;
      if (argument == "--no-offload") side->offload = false;
      if (argument == "--payload" && i + 1 < argc) {
        side->quic.udp_payload_bytes_max = std::strtoul(argv[i + 1], nullptr, 10);
        side->quic.discover_path_mtu = false;
      }
      if (argument == "--spin" && i + 1 < argc) {
        side->spin = std::chrono::microseconds(std::strtol(argv[i + 1], nullptr, 10));
      }
    }
  }
  bench.bulk();
  bench.ping_pong();
  bench.handshake_rate();
}
