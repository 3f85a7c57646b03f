#include "loop/udp_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <vector>

#include "barrel/base/random.hpp"
#include "loop/epoll_loop.hpp"

namespace {
/// What the next sends shall fail with: a full buffer and a device without GSO cannot be had on loopback.
int sends_fail_with = 0;
int sends_failed = 0;
/// No datagram on loopback is as large as that the kernel would cut it.
bool cuts_what_comes = false;

bool fails() {
  if (sends_fail_with == 0) return false;
  errno = sends_fail_with;
  ++sends_failed;
  return true;
}
}  // namespace

// Take the place of the C library's.
extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return fails() ? -1 : ::syscall(SYS_sendmsg, fd, message, flags);
}
extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  return fails() ? -1 : static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, count, flags));
}
extern "C" int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  const auto taken = static_cast<int>(::syscall(SYS_recvmmsg, fd, messages, count, flags, timeout));
  for (int i = 0; i < taken && cuts_what_comes; ++i) messages[i].msg_hdr.msg_flags |= MSG_TRUNC;
  return taken;
}

namespace barrel::loop {
namespace {

using namespace std::chrono_literals;

/// A socket that remembers what it heard.
struct Station : UdpEvents {
  Station(Loop& the_loop, const char* address, bool offload = true,
          std::size_t buffer_bytes = loop::UdpOptions().buffer_bytes)
      : loop(the_loop) {
    auto opened = loop.open_udp(
        {.bind = *SocketAddress::parse(address), .buffer_bytes = buffer_bytes, .offload = offload}, *this);
    if (opened) socket = std::move(*opened);
  }
  void on_datagrams(const DatagramTrain& train) override {
    train.for_each([&](BytesView bytes) { datagrams.emplace_back(bytes.begin(), bytes.end()); });
    ++trains;
    from = train.remote;
    to = train.local;
    if (changed) changed();
  }
  void on_writable() override {
    ++writable;
    if (changed) changed();
  }
  void on_refused(const SocketAddress& remote) override {
    refused = remote;
    if (changed) changed();
  }
  DatagramSink::Status send(const Station& other, const Bytes& bytes, std::size_t segment = 0) {
    return socket->send({socket->local_address(), other.socket->local_address(), bytes, segment});
  }

  Loop& loop;
  std::unique_ptr<UdpSocket> socket;
  std::vector<Bytes> datagrams;
  int trains = 0;
  int writable = 0;
  SocketAddress from, to, refused;
  std::function<void()> changed;
};

struct UdpTest : testing::Test {
  ~UdpTest() override {
    sends_fail_with = 0;
    cuts_what_comes = false;
  }
  /// Runs the loop until `done`; false after two seconds.
  bool until(std::initializer_list<Station*> stations, const std::function<bool()>& done) {
    bool timeout = false;
    Timer limit(*loop, [&] {
      timeout = true;
      loop->stop();
    });
    limit.arm_after(2s);
    for (auto* station : stations) {
      station->changed = [&] {
        if (done()) loop->stop();
      };
    }
    if (!done()) loop->run();
    for (auto* station : stations) station->changed = nullptr;
    return !timeout;
  }
  Bytes noise(std::size_t size) {
    Bytes bytes(size);
    random.fill(bytes);
    return bytes;
  }

  Metrics metrics;
  std::unique_ptr<EpollLoop> loop = std::move(*make_epoll_loop(metrics));
  Random random{1};
};

TEST_F(UdpTest, DatagramsTravelBothWaysOverBothFamilies) {
  for (const auto* address : {"127.0.0.1:0", "[::1]:0"}) {
    Station a(*loop, address);
    Station b(*loop, address);
    ASSERT_TRUE(a.socket && b.socket) << address;
    EXPECT_NE(a.socket->local_address().port(), 0);
    const auto ping = noise(100);
    const auto pong = noise(1'452);
    EXPECT_EQ(a.send(b, ping), DatagramSink::Status::accepted);
    ASSERT_TRUE(until({&b}, [&] { return b.datagrams.size() == 1; }));
    EXPECT_EQ(b.datagrams[0], ping);
    EXPECT_EQ(b.from, a.socket->local_address());
    EXPECT_EQ(b.to, b.socket->local_address());
    EXPECT_EQ(b.send(a, pong), DatagramSink::Status::accepted);
    ASSERT_TRUE(until({&a}, [&] { return a.datagrams.size() == 1; }));
    EXPECT_EQ(a.datagrams[0], pong);
  }
}

TEST_F(UdpTest, TrainsArriveAsTheDatagramsTheyAreMadeOf) {
  for (const bool sender_offload : {true, false}) {
    for (const bool receiver_offload : {true, false}) {
      Station a(*loop, "127.0.0.1:0", sender_offload);
      Station b(*loop, "127.0.0.1:0", receiver_offload);
      const auto bytes = noise(40 * 1'200 + 77);
      a.send(b, bytes, 1'200);
      ASSERT_TRUE(until({&b}, [&] { return b.datagrams.size() == 41; }));
      Bytes joined;
      for (const auto& datagram : b.datagrams) {
        EXPECT_EQ(datagram.size(), &datagram == &b.datagrams.back() ? 77U : 1'200U);
        joined.insert(joined.end(), datagram.begin(), datagram.end());
      }
      EXPECT_EQ(joined, bytes);
      if (!sender_offload) {
        EXPECT_FALSE(a.socket->sends_trains());
      }
    }
  }
}

TEST_F(UdpTest, OneSystemCallSendsATrainWhereTheKernelCan) {
  Station a(*loop, "127.0.0.1:0");
  Station b(*loop, "127.0.0.1:0");
  a.send(b, noise(64'000), 1'000);
  if (a.socket->sends_trains()) {
    EXPECT_EQ(metrics.counter("loop.udp_send_calls").value(), 1U);
  }
  EXPECT_EQ(metrics.counter("loop.udp_datagrams_sent").value(), 64U);
  ASSERT_TRUE(until({&b}, [&] { return b.datagrams.size() == 64; }));
}

TEST_F(UdpTest, DeviceWithoutSegmentationFallsBackOnce) {
  Station a(*loop, "127.0.0.1:0");
  Station b(*loop, "127.0.0.1:0");
  sends_fail_with = EIO;
  a.send(b, noise(3'000), 1'000);
  sends_fail_with = 0;
  EXPECT_FALSE(a.socket->sends_trains());
  a.send(b, noise(3'000), 1'000);
  EXPECT_TRUE(until({&b}, [&] { return b.datagrams.size() == 3; }));
}

TEST_F(UdpTest, FullBufferIsReportedAndNothingIsLost) {
  for (const bool offload : {true, false}) {
    Station a(*loop, "127.0.0.1:0", offload);
    Station b(*loop, "127.0.0.1:0");
    const auto first = noise(5'500);
    const auto second = noise(700);
    sends_fail_with = EAGAIN;
    EXPECT_EQ(a.send(b, first, 1'000), DatagramSink::Status::blocked);
    sends_fail_with = 0;
    EXPECT_EQ(a.send(b, second), DatagramSink::Status::blocked) << "it must not overtake";
    EXPECT_EQ(metrics.gauge("loop.udp_waiting_bytes").value(), 6'200U);
    ASSERT_TRUE(until({&a, &b}, [&] { return a.writable == 1 && b.datagrams.size() == 7; }));
    EXPECT_EQ(b.datagrams[0], Bytes(first.begin(), first.begin() + 1'000));
    EXPECT_EQ(b.datagrams[5], Bytes(first.begin() + 5'000, first.end()));
    EXPECT_EQ(b.datagrams[6], second);
    EXPECT_EQ(metrics.gauge("loop.udp_waiting_bytes").value(), 0U);
    EXPECT_EQ(a.send(b, second), DatagramSink::Status::accepted);
  }
}

TEST_F(UdpTest, WhatIsKeptWhileBlockedIsBounded) {
  const Station b(*loop, "127.0.0.1:0");
  {
    Station a(*loop, "127.0.0.1:0");
    sends_fail_with = EAGAIN;
    const auto bytes = noise(60'000);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.send(b, bytes, 1'200), DatagramSink::Status::blocked);
    // A MiB has room for 17 of the trains; of the others each of the 50 datagrams counts.
    EXPECT_EQ(metrics.counter("loop.udp_send_dropped").value(), 83U * 50U);
    EXPECT_EQ(metrics.gauge("loop.udp_waiting_bytes").value(), 17U * 60'000U);
  }
  EXPECT_EQ(metrics.gauge("loop.udp_waiting_bytes").value(), 0U);
}

TEST_F(UdpTest, WhatTheKernelDoesNotSendIsCountedByDatagrams) {
  Station a(*loop, "127.0.0.1:0");
  const Station b(*loop, "127.0.0.1:0");
  sends_fail_with = EPERM;
  EXPECT_EQ(a.send(b, noise(3'000), 1'000), DatagramSink::Status::accepted);
  EXPECT_EQ(metrics.counter("loop.udp_send_dropped").value(), 3U);
  EXPECT_EQ(metrics.counter("loop.udp_send_errors").value(), 1U);
}

TEST_F(UdpTest, WhatTheKernelHasNoRoomForIsCounted) {
  Station a(*loop, "127.0.0.1:0");
  Station b(*loop, "127.0.0.1:0", true, 4'096);
  ASSERT_TRUE(b.socket);
  for (int i = 0; i < 200; ++i) a.send(b, noise(1'000));
  ASSERT_TRUE(until({&b}, [&] { return !b.datagrams.empty(); }));
  const std::size_t fitted = b.datagrams.size();
  ASSERT_LT(fitted, 200U);
  a.send(b, noise(1'000));  // the kernel tells with the next that it takes
  ASSERT_TRUE(until({&b}, [&] { return b.datagrams.size() == fitted + 1; }));
  EXPECT_EQ(metrics.counter("loop.udp_overflows").value(), 200 - fitted);
}

TEST_F(UdpTest, WhatTheKernelHasCutIsDroppedAndCounted) {
  Station a(*loop, "127.0.0.1:0");
  Station b(*loop, "127.0.0.1:0");
  cuts_what_comes = true;
  a.send(b, noise(10));
  Timer poll(*loop, [&] {
    if (metrics.counter("loop.udp_truncated").value() > 0) loop->stop();
    else poll.arm_after(1ms);
  });
  poll.arm_after(1ms);
  EXPECT_TRUE(until({&b}, [&] { return metrics.counter("loop.udp_truncated").value() > 0; }));
  EXPECT_TRUE(b.datagrams.empty());
  cuts_what_comes = false;
  a.send(b, noise(20));
  EXPECT_TRUE(until({&b}, [&] { return b.datagrams.size() == 1; }));
  EXPECT_EQ(metrics.counter("loop.udp_truncated").value(), 1U);
}

TEST_F(UdpTest, NobodyListeningIsReportedAsAHint) {
  for (const auto* address : {"127.0.0.1:0", "[::1]:0"}) {
    Station a(*loop, address);
    SocketAddress nobody;
    {
      Station gone(*loop, address);
      nobody = gone.socket->local_address();
    }
    const auto bytes = noise(10);
    a.socket->send({a.socket->local_address(), nobody, bytes, 0});
    ASSERT_TRUE(until({&a}, [&] { return a.refused.is_valid(); })) << address;
    EXPECT_EQ(a.refused, nobody);
    Station b(*loop, address);
    a.send(b, bytes);
    EXPECT_TRUE(until({&b}, [&] { return b.datagrams.size() == 1; }))
        << "the error of one peer stops no other";
  }
}

TEST_F(UdpTest, WildcardSocketAnswersFromTheAddressThatWasAsked) {
  for (const auto* address : {"0.0.0.0:0", "[::]:0"}) {
    Station server(*loop, address);
    Station client(*loop, "127.0.0.1:0");
    ASSERT_TRUE(server.socket) << address;
    const auto port = server.socket->local_address().port();
    const auto asked = *SocketAddress::from_ip("127.0.0.7", port);
    const auto bytes = noise(10);
    client.socket->send({client.socket->local_address(), asked, bytes, 0});
    ASSERT_TRUE(until({&server}, [&] { return server.datagrams.size() == 1; })) << address;
    EXPECT_EQ(server.to, asked);
    EXPECT_EQ(server.from, client.socket->local_address());
    const auto answer = noise(5'000);
    server.socket->send({server.to, server.from, answer, 1'000});
    ASSERT_TRUE(until({&client}, [&] { return client.datagrams.size() == 5; }));
    EXPECT_EQ(client.from, asked);
  }
}

TEST_F(UdpTest, TakenPortIsAnError) {
  Station a(*loop, "127.0.0.1:0");
  Station other(*loop, a.socket->local_address().to_string().c_str());
  EXPECT_FALSE(other.socket);
  const auto result = loop->open_udp({.bind = {}}, other);
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
}

TEST_F(UdpTest, SocketMayGoInsideAnEventOfAnother) {
  Station a(*loop, "127.0.0.1:0");
  auto b = std::make_unique<Station>(*loop, "127.0.0.1:0");
  auto c = std::make_unique<Station>(*loop, "127.0.0.1:0");
  a.send(*b, noise(10));
  a.send(*c, noise(10));
  int heard = 0;
  b->changed = [&] {
    ++heard;
    c.reset();
    loop->stop();
  };
  c->changed = [&] {
    ++heard;
    b.reset();
    loop->stop();
  };
  loop->run();
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace barrel::loop
