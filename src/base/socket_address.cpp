#include "barrel/base/socket_address.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace barrel {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint32_t> number(std::string_view text, int base, std::uint32_t highest) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value > highest) return {};
  return value;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> ip{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = i == 3 ? text.size() : text.find('.');
    if (dot == std::string_view::npos || dot > 3) return {};
    const auto part = number(text.substr(0, dot), 10, 255);
    if (!part) return {};
    ip[i] = static_cast<std::uint8_t>(*part);
    text.remove_prefix(std::min(text.size(), dot + 1));
  }
  return ip;
}

/// The groups of one side of "::", the last one may be a dotted IPv4 address. False when malformed or too
/// long.
bool parse_groups(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto colon = std::min(text.find(':'), text.size());
    const auto group = text.substr(0, colon);
    if (colon == text.size() && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4) return false;
      out.append(v4->begin(), v4->end());
      return out.size() <= 16;
    }
    const auto value = number(group, 16, 0xffff);
    if (!value || group.size() > 4) return false;
    out.push_back(static_cast<char>(*value >> 8));
    out.push_back(static_cast<char>(*value & 0xff));
    if (out.size() > 16) return false;
    if (colon == text.size()) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;
  }
  return true;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::string head;
  std::string tail;
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, head) || head.size() != 16) return {};
  } else {
    if (!parse_groups(text.substr(0, gap), head) || !parse_groups(text.substr(gap + 2), tail)) return {};
    if (head.size() + tail.size() > 14) return {};
  }
  std::array<std::uint8_t, 16> ip{};
  std::ranges::copy(head, ip.begin());
  std::ranges::copy(tail, ip.end() - static_cast<std::ptrdiff_t>(tail.size()));
  return ip;
}

/// RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::".
std::string format_v6(std::span<const std::uint8_t> ip) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(ip[2 * i] << 8 | ip[2 * i + 1]);
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) best = i, best_length = end - i;
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    out.append(digits.data(), end);
  }
  return out;
}

}  // namespace

SocketAddress SocketAddress::v4(std::array<std::uint8_t, 4> ip, std::uint16_t port) {
  SocketAddress address;
  std::ranges::copy(ip, address.ip_.begin());
  address.port_ = port;
  address.family_ = Family::v4;
  return address;
}

SocketAddress SocketAddress::v6(std::array<std::uint8_t, 16> ip, std::uint16_t port, std::uint32_t scope) {
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), ip.begin())) {
    return v4({ip[12], ip[13], ip[14], ip[15]}, port);
  }
  SocketAddress address;
  address.ip_ = ip;
  address.scope_ = scope;
  address.port_ = port;
  address.family_ = Family::v6;
  return address;
}

std::optional<SocketAddress> SocketAddress::from_ip(std::string_view ip, std::uint16_t port) {
  if (const auto four = parse_v4(ip)) return v4(*four, port);
  if (const auto six = parse_v6(ip)) return v6(*six, port);
  return {};
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto port = number(text.substr(colon + 1), 10, 0xffff);
  if (!port) return {};
  auto ip = text.substr(0, colon);
  const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  // Without brackets "::1:80" would be ambiguous.
  if (bracketed != (ip.find(':') != std::string_view::npos)) return {};
  return from_ip(ip, static_cast<std::uint16_t>(*port));
}

bool SocketAddress::is_wildcard() const {
  return is_valid() && std::ranges::all_of(ip_, [](std::uint8_t byte) { return byte == 0; });
}

bool SocketAddress::is_loopback() const {
  if (family_ == Family::v4) return ip_[0] == 127;
  return family_ == Family::v6 && ip_[15] == 1 &&
         std::all_of(ip_.begin(), ip_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

std::span<const std::uint8_t> SocketAddress::ip() const {
  const std::size_t length = family_ == Family::v4 ? 4 : family_ == Family::v6 ? 16 : 0;
  return {ip_.data(), length};
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const {
  SocketAddress other = *this;
  other.port_ = port;
  return other;
}

std::string SocketAddress::ip_string() const {
  if (family_ == Family::v6) return format_v6(ip());
  if (family_ == Family::none) return "none";
  std::string out;
  for (const auto byte : ip()) {
    if (!out.empty()) out += '.';
    out += std::to_string(byte);
  }
  return out;
}

std::string SocketAddress::to_string() const {
  if (family_ == Family::none) return "none";
  std::string out = ip_string();
  if (family_ == Family::v6) out.insert(0, 1, '[').push_back(']');
  out += ':';
  out += std::to_string(port_);
  return out;
}

}  // namespace barrel

std::size_t std::hash<barrel::SocketAddress>::operator()(
    const barrel::SocketAddress& address) const noexcept {
  // FNV-1a over what distinguishes addresses; the tables keyed by it are bounded, so no keyed hash is needed.
  std::uint64_t mixed = 0xcbf29ce484222325U;
  const auto mix = [&](std::uint8_t byte) { mixed = (mixed ^ byte) * 0x100000001b3U; };
  for (const auto byte : address.ip()) mix(byte);
  mix(static_cast<std::uint8_t>(address.port() >> 8));
  mix(static_cast<std::uint8_t>(address.port() & 0xff));
  return static_cast<std::size_t>(mixed ^ mixed >> 32);
}
