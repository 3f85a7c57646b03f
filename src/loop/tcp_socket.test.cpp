#include "loop/tcp_socket.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <span>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/base/sanitizer.hpp"
#include "loop/epoll_loop.hpp"
#include "loop/file_descriptor.hpp"
#include "loop/test_kernel.hpp"

namespace {
/// What the next watches shall fail with: the system's limit on them cannot be had in a test.
int watches_fail_with = 0;
}  // namespace

// Takes the place of the C library's.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_ADD && watches_fail_with != 0) {
    errno = watches_fail_with;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

namespace barrel::loop {
namespace {

using namespace std::chrono_literals;

/// One end of a connection: remembers what it heard, and writes what it is told to as fast as it can.
struct End final : StreamEvents {
  void begin(std::unique_ptr<ByteStream> made) {
    stream = std::move(made);
    stream->start(*this);
  }
  void on_connected() override {
    connected = true;
    pump();
    tell();
  }
  std::span<std::uint8_t> room() override { return std::span(place).subspan(placed); }
  void on_placed(std::size_t count) override {
    ASSERT_LE(count, place.size() - placed);
    const auto begin = place.begin() + static_cast<std::ptrdiff_t>(placed);
    heard.insert(heard.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    placed += count;
    placed_in_all += count;
    tell();
  }
  void on_bytes(BytesView bytes) override {
    EXPECT_EQ(placed, place.size()) << "they have a place";
    place.assign(place_bytes, 0);
    placed = 0;
    heard.insert(heard.end(), bytes.begin(), bytes.end());
    if (echo) say(bytes);
    tell();
  }
  void on_writable() override {
    ++writable;
    pump();
    tell();
  }
  void on_closed(const std::string& why) override {
    closed = why;
    tell();
  }
  void say(BytesView bytes) {
    waiting.insert(waiting.end(), bytes.begin(), bytes.end());
    pump();
  }
  void pump() {
    // In pieces, as messages come.
    std::vector<BytesView> pieces;
    for (BytesView rest(waiting); !rest.empty();) {
      pieces.push_back(rest.first(std::min<std::size_t>(rest.size(), 1'000)));
      rest = rest.subspan(pieces.back().size());
    }
    const std::size_t taken = stream->write(pieces);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  void tell() const {
    if (changed) changed();
  }

  std::unique_ptr<ByteStream> stream;
  Bytes heard;
  Bytes waiting;
  std::size_t place_bytes = 0;  ///< What comes behind other bytes has so large a place.
  Bytes place;
  std::size_t placed = 0;
  std::size_t placed_in_all = 0;
  bool echo = false;
  bool connected = false;
  int writable = 0;
  std::string closed;
  std::function<void()> changed;
};

struct TcpTest : testing::Test, TcpListenerEvents {
  void on_accepted(std::unique_ptr<ByteStream> stream) override {
    ++accepted;
    if (refuse) return;
    server.begin(std::move(stream));
    server.tell();
  }
  void listen(const char* address = "127.0.0.1:0") {
    auto opened = loop->listen_tcp({.bind = *SocketAddress::parse(address)}, *this);
    ASSERT_TRUE(opened) << opened.error().message();
    listener = *std::move(opened);
  }
  void connect() { client.begin(loop->tcp_dialer().dial(listener->local_address())); }
  /// Runs the loop until `done`; false after five seconds.
  bool until(const std::function<bool()>& done) {
    bool timeout = false;
    Timer limit(*loop, [&] {
      timeout = true;
      loop->stop();
    });
    limit.arm_after(5s);
    client.changed = server.changed = [&] {
      if (done()) loop->stop();
    };
    loop->set_turn_hook([&] {
      if (done()) loop->stop();
    });
    if (!done()) loop->run();
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
  std::unique_ptr<TcpListener> listener;
  End client;
  End server;
  int accepted = 0;
  bool refuse = false;
};

TEST_F(TcpTest, BytesTravelBothWaysOverBothFamilies) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0"}) {
    client.heard.clear();
    listen(address);
    EXPECT_NE(listener->local_address().port(), 0);
    server.echo = true;
    connect();
    ASSERT_TRUE(until([&] { return client.connected; })) << client.closed;
    const Bytes sent = noise(5'000);
    client.say(sent);
    ASSERT_TRUE(until([&] { return client.heard.size() == sent.size(); }));
    EXPECT_EQ(client.heard, sent);
    EXPECT_EQ(client.stream->remote_address(), listener->local_address());
    client = {};
    server = {};
  }
}

TEST_F(TcpTest, BytesThatHaveAPlaceAreReadThereAndTheOthersInOrder) {
  listen();
  connect();
  ASSERT_TRUE(until([&] { return client.connected && server.stream; }));
  server.place_bytes = 50'000;
  const Bytes sent = noise(3'000'000);
  client.say(sent);
  ASSERT_TRUE(until([&] { return server.heard.size() == sent.size(); }));
  EXPECT_EQ(server.heard, sent);
  EXPECT_GT(server.placed_in_all, sent.size() / 2);
}

TEST_F(TcpTest, WritersWaitForSlowReadersAndNothingIsLost) {
  listen();
  connect();
  ASSERT_TRUE(until([&] { return client.connected && server.stream; }));
  const Bytes sent = noise(20 << 20);
  client.say(sent);
  EXPECT_FALSE(client.waiting.empty()) << "no kernel takes all of this";
  ASSERT_TRUE(until([&] { return server.heard.size() == sent.size(); }));
  EXPECT_EQ(server.heard, sent);
  EXPECT_GT(client.writable, 0);
  EXPECT_TRUE(client.waiting.empty());
}

TEST_F(TcpTest, SmallPiecesLeaveInOneSystemCall) {
  listen();
  connect();
  ASSERT_TRUE(until([&] { return client.connected; }));
  const auto before = metrics.counter("loop.tcp_send_calls").value();
  client.say(noise(40'000));
  EXPECT_EQ(metrics.counter("loop.tcp_send_calls").value(), before + 1);
}

TEST_F(TcpTest, WhoIsNearIsHeldBackUntilItsMessagesAreLarge) {
  const bool can_let_go = test::can_let_windows_go();
  listen();
  // A machine that stands still for a moment makes a path long: then another connection is made.
  std::uint64_t held = 0;
  for (int i = 0; i < 20 && held != 2; ++i) {
    const auto before = metrics.counter("loop.tcp_windows_held").value();
    server.stream.reset();
    client = {};
    connect();
    ASSERT_TRUE(until([&] { return client.connected && server.stream; }));
    held = metrics.counter("loop.tcp_windows_held").value() - before;
    if (!can_let_go) break;
  }
  ASSERT_EQ(held, can_let_go ? 2U : 0U) << "each end holds its peer since Linux 5.14";
  if (!can_let_go) return;
  for (const bool widened : {false, true}) {
    if (widened) server.stream->widen();
    EXPECT_EQ(metrics.counter("loop.tcp_windows_let_go").value(), widened ? 1U : 0U);
    const Bytes sent = noise(3'000'000);
    server.heard.clear();
    client.say(sent);
    ASSERT_TRUE(until([&] { return server.heard.size() == sent.size(); }));
    EXPECT_EQ(server.heard, sent);
  }
}

/// With the size of a piece.
class TcpFloodTest : public TcpTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(TcpFloodTest, OneThatNobodyAnswersIsReadInGulpsAndNothingIsLost) {
  const std::size_t size = GetParam();
  listen();
  connect();
  ASSERT_TRUE(until([&] { return client.connected && server.stream; }));
  const auto rests = [&] { return metrics.counter("loop.tcp_rests").value(); };
  // Each piece after the one before has been read, which is how such reads come about. How many it takes
  // until there are enough within a short time, is up to the machine.
  Bytes sent;
  for (int i = 0; i < 5'000 && (i < 64 || rests() == 0); ++i) {
    const Bytes piece = noise(size);
    sent.insert(sent.end(), piece.begin(), piece.end());
    client.say(piece);
    ASSERT_TRUE(until([&] { return server.heard.size() == sent.size(); })) << i;
  }
  EXPECT_EQ(server.heard, sent);
  EXPECT_GT(rests(), 0U);
  // A conversation is not held up.
  server.echo = true;
  client.say(noise(size));
  ASSERT_TRUE(until([&] { return client.heard.size() == size; }));
  const auto before = rests();
  for (std::size_t i = 2; i < 200; ++i) {
    client.say(noise(size));
    ASSERT_TRUE(until([&] { return client.heard.size() == size * i; })) << i;
  }
  EXPECT_EQ(rests(), before);
}

INSTANTIATE_TEST_SUITE_P(Pieces, TcpFloodTest, testing::Values(100, 5'000));

TEST_F(TcpTest, NobodyListeningIsToldWithTheSystemsWords) {
  listen();
  const SocketAddress nobody = listener->local_address();
  listener.reset();
  client.begin(loop->tcp_dialer().dial(nobody));
  ASSERT_TRUE(until([&] { return !client.closed.empty(); }));
  EXPECT_EQ(client.closed, "Connection refused");
  EXPECT_FALSE(client.connected);
}

TEST_F(TcpTest, AddressesThatCannotBeDialedAreToldAfterwardsToo) {
  client.begin(loop->tcp_dialer().dial(*SocketAddress::parse("255.255.255.255:9")));
  EXPECT_TRUE(client.closed.empty());
  ASSERT_TRUE(until([&] { return !client.closed.empty(); }));
}

TEST_F(TcpTest, AStreamThatCannotBeWatchedEndsWithTheSystemsError) {
  listen();
  for (const bool dialed : {true, false}) {
    client.closed.clear();
    server.closed.clear();
    if (dialed) watches_fail_with = ENOSPC;
    connect();
    watches_fail_with = dialed ? 0 : ENOSPC;
    End& end = dialed ? client : server;
    EXPECT_TRUE(end.closed.empty());
    const bool told = until([&] { return !end.closed.empty(); });
    watches_fail_with = 0;
    ASSERT_TRUE(told) << "it hangs";
    EXPECT_NE(end.closed.find("No space left"), std::string::npos) << end.closed;
  }
}

TEST_F(TcpTest, WhatWasWrittenBeforeTheEndArrives) {
  listen();
  connect();
  ASSERT_TRUE(until([&] { return client.connected && server.stream; }));
  // The client has unread bytes when it closes.
  server.say(noise(100));
  ASSERT_TRUE(until([&] { return server.waiting.empty(); }));
  const Bytes sent = noise(50'000);
  client.say(sent);
  ASSERT_TRUE(client.waiting.empty());
  client.stream->close();
  ASSERT_TRUE(until([&] { return !server.closed.empty(); }));
  EXPECT_EQ(server.heard, sent);
  EXPECT_TRUE(client.closed.empty()) << "who closes is told nothing";
}

TEST_F(TcpTest, UnwantedConnectionsAreClosed) {
  refuse = true;
  listen();
  connect();
  ASSERT_TRUE(until([&] { return !client.closed.empty(); }));
  EXPECT_EQ(accepted, 1);
}

#if !BARREL_SANITIZED  // UndefinedBehaviorSanitizer opens a pipe to look at an object's type
TEST_F(TcpTest, AProcessWithoutDescriptorsTurnsConnectionsAwayInsteadOfSpinning) {
  listen();
  connect();
  // All that are left are taken.
  std::vector<FileDescriptor> taken;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit low{64, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.emplace_back(fd);
  const bool told = until([&] { return !client.closed.empty(); });
  taken.clear();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(told);
  EXPECT_EQ(accepted, 0);
  EXPECT_LT(metrics.counter("loop.tcp_accept_errors").value(), 10U);
}
#endif

TEST_F(TcpTest, TakenPortsAreErrors) {
  listen();
  const auto again = loop->listen_tcp({.bind = listener->local_address()}, *this);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::io);
}

}  // namespace
}  // namespace barrel::loop
