#include "tcp/epmd.hpp"

#include <charconv>

#include "barrel/base/assert.hpp"

namespace barrel::tcp {
namespace {

constexpr std::uint8_t tag_register = 'x';
constexpr std::uint8_t tag_registered = 'y';
constexpr std::uint8_t tag_registered_long = 'v';  // with a creation of 32 bits
constexpr std::uint8_t tag_lookup = 'z';
constexpr std::uint8_t tag_found = 'w';
constexpr std::uint8_t tag_names = 'n';
constexpr std::uint8_t visible_node = 'M';
constexpr std::uint8_t hidden_node = 'H';
constexpr std::uint8_t protocol_tcp = 0;

Bytes request(const Bytes& body) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(body.size()));
  writer.bytes(body);
  return out;
}

Error malformed(const char* what) {
  return {Errc::malformed, Term::binary(as_bytes(std::string("EPMD: ") + what))};
}

/// `name NAME at port N`
std::optional<EpmdNode> parse_line(std::string_view line) {
  constexpr std::string_view before = "name ";
  constexpr std::string_view between = " at port ";
  const std::size_t middle = line.rfind(between);
  if (!line.starts_with(before) || middle == std::string_view::npos || middle < before.size()) return {};
  EpmdNode node;
  node.name = line.substr(before.size(), middle - before.size());
  const std::string_view port = line.substr(middle + between.size());
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), node.port);
  if (error != std::errc() || end != port.data() + port.size() || node.name.empty()) return {};
  return node;
}

}  // namespace

Bytes encode_register(const EpmdNode& node) {
  BARREL_ASSERT(!node.name.empty() && node.name.size() <= epmd_name_bytes_max);
  Bytes body;
  ByteWriter writer(body);
  writer.u8(tag_register);
  writer.u16(node.port);
  writer.u8(node.hidden ? hidden_node : visible_node);
  writer.u8(protocol_tcp);
  writer.u16(node.highest_version);
  writer.u16(node.lowest_version);
  writer.u16(static_cast<std::uint16_t>(node.name.size()));
  writer.text(node.name);
  writer.u16(0);
  return request(body);
}

Bytes encode_lookup(std::string_view name) {
  BARREL_ASSERT(!name.empty() && name.size() <= epmd_name_bytes_max);
  Bytes body;
  ByteWriter writer(body);
  writer.u8(tag_lookup);
  writer.text(name);
  return request(body);
}

Bytes encode_names() {
  return request({tag_names});
}

Result<std::optional<EpmdRegistered>> parse_registered(BytesView bytes) {
  if (bytes.empty()) return std::optional<EpmdRegistered>();
  ByteReader reader(bytes);
  const std::uint8_t tag = reader.u8();
  if (tag != tag_registered && tag != tag_registered_long) return malformed("no answer to a registration");
  const std::uint8_t result = reader.u8();
  EpmdRegistered answer;
  answer.accepted = result == 0;
  answer.creation = tag == tag_registered_long ? reader.u32() : reader.u16();
  if (!reader.ok()) return std::optional<EpmdRegistered>();
  return std::optional(answer);
}

Result<std::optional<EpmdFound>> parse_found(BytesView bytes) {
  if (bytes.empty()) return std::optional<EpmdFound>();
  ByteReader reader(bytes);
  if (reader.u8() != tag_found) return malformed("no answer to a lookup");
  if (reader.at_end()) return std::optional<EpmdFound>();
  if (reader.u8() != 0) return std::optional(EpmdFound{});
  EpmdNode node;
  node.port = reader.u16();
  const std::uint8_t type = reader.u8();
  const std::uint8_t protocol = reader.u8();
  node.highest_version = reader.u16();
  node.lowest_version = reader.u16();
  node.name = as_text(reader.take(reader.u16()));
  (void)reader.take(reader.u16());  // the node's own, of no use to others
  if (!reader.ok()) return std::optional<EpmdFound>();
  if (node.port == 0) return malformed("a node at port 0");
  if (protocol != protocol_tcp) return malformed("a node that does not listen on TCP");
  if (node.name.size() > epmd_name_bytes_max) return malformed("a name that is too long");
  node.hidden = type == hidden_node;
  return std::optional(EpmdFound{std::move(node)});
}

Result<std::vector<EpmdNode>> parse_names(BytesView bytes) {
  ByteReader reader(bytes);
  (void)reader.u32();  // EPMD's own port
  if (!reader.ok()) return malformed("no answer to NAMES");
  std::vector<EpmdNode> nodes;
  std::string_view text = as_text(reader.rest());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto node = parse_line(text.substr(0, end))) nodes.push_back(*std::move(node));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return nodes;
}

}  // namespace barrel::tcp
