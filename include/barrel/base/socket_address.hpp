#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// An IP address with a port. A value without any operating system type in it, so that protocol cores and a
/// simulated network can use it. IPv4-mapped IPv6 addresses are kept as IPv4.
class SocketAddress {
 public:
  enum class Family : std::uint8_t { none, v4, v6 };

  /// Names nothing: family() is none.
  SocketAddress() = default;
  [[nodiscard]] static SocketAddress v4(std::array<std::uint8_t, 4> ip, std::uint16_t port);
  /// `scope` is the interface index of a link-local address, otherwise 0.
  [[nodiscard]] static SocketAddress v6(std::array<std::uint8_t, 16> ip, std::uint16_t port,
                                        std::uint32_t scope = 0);
  /// An IP literal ("127.0.0.1", "::1", without brackets) and a port; empty when `ip` is no literal.
  [[nodiscard]] static std::optional<SocketAddress> from_ip(std::string_view ip, std::uint16_t port);
  /// "127.0.0.1:4433" or "[::1]:4433"; empty when it is neither.
  [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_valid() const { return family_ != Family::none; }
  [[nodiscard]] bool is_wildcard() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint32_t scope() const { return scope_; }
  /// Network byte order: 4 bytes, 16, or none.
  [[nodiscard]] std::span<const std::uint8_t> ip() const;
  [[nodiscard]] SocketAddress with_port(std::uint16_t port) const;
  /// The literal without the port.
  [[nodiscard]] std::string ip_string() const;
  /// What parse() reads; "none" for an invalid address.
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;

 private:
  std::array<std::uint8_t, 16> ip_{};
  std::uint32_t scope_ = 0;
  std::uint16_t port_ = 0;
  Family family_ = Family::none;
};

}  // namespace barrel
#pragma GCC visibility pop

template <>
struct std::hash<barrel::SocketAddress> {
  std::size_t operator()(const barrel::SocketAddress& address) const noexcept;
};
