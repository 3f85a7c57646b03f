#include "barrel/base/socket_address.hpp"

#include <gtest/gtest.h>

namespace barrel {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  return address ? address->to_string() : "refused";
}

TEST(SocketAddress, PrintsWhatItParses) {
  for (const auto* text : {"127.0.0.1:4433", "0.0.0.0:0", "[::1]:4433", "[::]:65535",
                           "[2001:db8::5:0:0:1]:80", "[fe80::1:2:3:4]:1", "[1:2:3:4:5:6:7:8]:9", "[1::]:2"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(SocketAddress, NormalisesToTheShortestForm) {
  EXPECT_EQ(round_trip("[2001:0DB8:0:0:0:0:0:1]:1"), "[2001:db8::1]:1");
  EXPECT_EQ(round_trip("[::ffff:10.0.0.7]:1"), "10.0.0.7:1") << "mapped addresses are IPv4";
}

TEST(SocketAddress, RefusesWhatIsNoAddress) {
  for (const auto* text :
       {"", "127.0.0.1", "127.0.0:1", "127.0.0.256:1", "1.2.3.4.5:1", "::1:80", "[::1]", "[1.2.3.4]:5",
        "[1:2:3:4:5:6:7]:8", "[1:2:3:4:5:6:7:8:9]:1", "[1::2::3]:4", "[:1]:2", "[12345::]:1", "1.2.3.4:65536",
        "1.2.3.4:x", "host:1", "[::1.2.3]:4", "1..2.3:4", "[1:]:2"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

TEST(SocketAddress, KnowsWildcardAndLoopback) {
  EXPECT_TRUE(SocketAddress::parse("0.0.0.0:1")->is_wildcard());
  EXPECT_TRUE(SocketAddress::parse("[::]:1")->is_wildcard());
  EXPECT_FALSE(SocketAddress().is_wildcard());
  EXPECT_TRUE(SocketAddress::parse("127.9.9.9:1")->is_loopback());
  EXPECT_TRUE(SocketAddress::parse("[::1]:1")->is_loopback());
  EXPECT_FALSE(SocketAddress::parse("[::2]:1")->is_loopback());
}

}  // namespace
}  // namespace barrel
