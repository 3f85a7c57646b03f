#include "hostile/refusals.hpp"

#include <optional>

#include "barrel/otp/gen_server.hpp"
#include "barrel/term/etf.hpp"
#include "dist/control.hpp"
#include "gossip/plumtree_messages.hpp"
#include "membership/hyparview_messages.hpp"
#include "node/overlay_limits.hpp"
#include "node/system_names.hpp"
#include "services/liveness_messages.hpp"
#include "services/registry_config.hpp"
#include "services/registry_messages.hpp"
#include "services/route.hpp"

namespace barrel::hostile {

namespace {

/// As the victim reads it; none when it does not.
std::optional<Term> as_read(std::string_view name, const Term& message) {
  const auto limits = overlay_limits(Atom(name));
  const Bytes bytes = encode_etf(message);
  if (!limits || bytes.size() > limits->bytes_max) return std::nullopt;
  EtfLimits etf;
  etf.terms_max = limits->terms_max;
  auto read = decode_etf(bytes, etf);
  return read ? std::optional(*std::move(read)) : std::nullopt;
}

std::uint64_t wrong_entries(const Term& map) {
  const RegistryConfig config;
  return registry::read_map(map, {config.name_bytes_max, config.meta_bytes_max, config.reason_bytes_max})
      .malformed;
}

std::uint64_t refused_by_registry(NodeName sender, const Term& message) {
  if (registry::audit_answer(message)) return 0;
  const auto decoded = registry::decode(message);
  if (!decoded) return 1;
  const auto* full = std::get_if<registry::FullSync>(&*decoded);
  // In another's name, nothing more of it is read.
  return full != nullptr && full->sender == sender ? wrong_entries(full->map) : 0;
}

bool is_call(const Term& request) {
  return request.is_tagged("call", 5) || request.is_tagged("block_call", 5) || request.is_tagged("cast", 5) ||
         request.is_tagged("sbcast", 3);
}
bool is_spawn(const Term& request) {
  return request.is_tagged("spawn", 5) || request.is_tagged("spawn_link", 5) ||
         request.is_tagged("spawn_opt", 7);
}

}  // namespace

std::uint64_t refused_by_overlay(std::string_view name, NodeName sender, const Term& message) {
  const auto term = as_read(name, message);
  if (!term) return 0;
  if (name == "barrel_p2p_bridge") return hyparview::decode(*term) ? 0 : 1;
  if (name == "barrel_p2p_plumtree") return plumtree::decode(*term) ? 0 : 1;
  if (name == "barrel_p2p_registry_replica") return refused_by_registry(sender, *term);
  if (name == "barrel_liveness") return liveness::decode(*term) ? 0 : 1;
  if (name == "barrel_p2p_router") return read_route_query(*term) ? 0 : 1;
  return 0;
}

std::uint64_t refused_as_gossip(std::string_view tag, const Term& payload) {
  if (tag == "barrel_liveness") return liveness::claim_of_gossip(payload) ? 0 : 1;
  if (tag == "barrel_beat") return liveness::beat_of_gossip(payload) ? 0 : 1;
  const auto delta = registry::read_delta(payload);
  return delta ? wrong_entries(delta->map) : 1;
}

bool ignored_by_kernel(std::string_view name, const Term& message, NodeName victim) {
  const auto parts = message.elements();
  if (name == "user") return !message.is_tagged("io_request", 4) || !parts[1].as_pid();
  if (node::answer_system(Atom(name), message, victim) || message.is_tagged("system", 3)) return false;
  if (name == "net_kernel") return !message.is_tagged("$gen_call", 3) || !is_spawn(parts[2]);
  if (message.is_tagged("$gen_call", 3)) return !is_call(parts[2]);
  return !message.is_tuple(2) || !is_call(parts[1]);
}

bool unknown_to_room(const Term& message) {
  const auto parsed = detail::parse_gen_message(message);
  if (parsed.kind == detail::GenMessage::Kind::cast) return !parsed.content.is_tagged("message", 3);
  return parsed.kind == detail::GenMessage::Kind::info && !message.is_tagged("DOWN", 5);
}

bool closes_connection(NodeName victim, NodeName sender, BytesView message) {
  if (message.empty()) return false;  // a tick
  const auto read = dist::MessageParser(victim, sender).parse(message);
  return !read && read.error().code == Errc::malformed;
}

}  // namespace barrel::hostile
