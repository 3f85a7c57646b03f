#include "loop/receive_window.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "loop/file_descriptor.hpp"
#include "loop/native_address.hpp"
#include "loop/test_kernel.hpp"

namespace barrel::loop {
namespace {

int option(int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd, SOL_SOCKET, name, &value, &length), 0);
  return value;
}

/// A connection over loopback, by which much comes in.
class ReceiveWindowTest : public testing::Test {
 protected:
  void SetUp() override { connect(); }
  void connect() {
    const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    NativeAddress address(*SocketAddress::parse("127.0.0.1:0"), AF_INET);
    ASSERT_EQ(::bind(listener.get(), address.get(), address.length), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ASSERT_EQ(::getsockname(listener.get(), address.get(), &address.length), 0);
    writer = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(writer.get(), address.get(), address.length), 0);
    reader = FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(reader.is_open());
  }
  /// A machine that stands still for a moment makes a path long: then another connection is made.
  [[nodiscard]] bool hold() {
    for (int i = 0; i < 20 && held() == 0; ++i) {
      if (i > 0) connect();
      window.hold_if_short(reader.get());
    }
    return held() == 1;
  }
  [[nodiscard]] std::uint64_t held() { return metrics.counter("held").value(); }
  /// Reads all that is written for a while, which widens a window that is free.
  void flow(std::size_t bytes) {
    std::thread sender([&] {
      const std::vector<std::uint8_t> piece(1 << 20);
      for (std::size_t sent = 0; sent < bytes;) {
        const ssize_t taken = ::send(writer.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (taken <= 0) return;
        sent += static_cast<std::size_t>(taken);
      }
      ::shutdown(writer.get(), SHUT_WR);
    });
    std::vector<std::uint8_t> room(1 << 20);
    while (::recv(reader.get(), room.data(), room.size(), 0) > 0) {}
    sender.join();
  }

  FileDescriptor writer;
  FileDescriptor reader;
  Metrics metrics;
  ReceiveWindow window{{metrics.counter("held"), metrics.counter("let_go")}};
};

TEST_F(ReceiveWindowTest, AShortPathIsHeldWhateverComes) {
  ASSERT_EQ(hold(), test::can_let_windows_go());
  if (!test::can_let_windows_go()) return;
  const int held = option(reader.get(), SO_RCVBUF);
  flow(std::size_t{64} << 20);
  EXPECT_EQ(option(reader.get(), SO_RCVBUF), held);
}

TEST_F(ReceiveWindowTest, LetGoItIsTheKernelsAndWideAtOnce) {
  ASSERT_EQ(hold(), test::can_let_windows_go());
  if (!test::can_let_windows_go()) return;
  window.let_go(reader.get());
  window.let_go(reader.get());
  EXPECT_EQ(metrics.counter("let_go").value(), 1U);
  EXPECT_EQ(option(reader.get(), SO_BUF_LOCK), 0);
  EXPECT_GE(option(reader.get(), SO_RCVBUF), 1 << 20);
  EXPECT_EQ(option(reader.get(), SO_RCVLOWAT), 1) << "every byte is told";
}

TEST_F(ReceiveWindowTest, WhatIsNotHeldIsLeftAlone) {
  const int before = option(reader.get(), SO_RCVBUF);
  window.let_go(reader.get());
  EXPECT_EQ(option(reader.get(), SO_RCVBUF), before);
  const FileDescriptor unconnected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  window.hold_if_short(unconnected.get());
  EXPECT_EQ(held(), 0U) << "nothing is known of its path";
}

}  // namespace
}  // namespace barrel::loop
