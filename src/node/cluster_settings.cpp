#include "node/cluster_settings.hpp"

#include <algorithm>

namespace barrel::node {

OverlayConfig overlay_settings(const NodeConfig& config) {
  const NodeConfig::Membership& from = config.membership;
  OverlayConfig settings;
  HyParViewConfig& membership = settings.membership;
  membership.active_size = from.active_size;
  membership.passive_size = from.passive_size;
  membership.arwl = from.arwl;
  membership.prwl = from.prwl;
  membership.shuffle_length = from.shuffle_length;
  membership.shuffle_period = from.shuffle_period;
  membership.shuffle_period_min = std::min<Duration>(membership.shuffle_period_min, from.shuffle_period);
  membership.pending_timeout = from.pending_timeout;
  membership.contact_retry = from.contact_retry;
  membership.backoff_min = from.base_backoff;
  membership.fail_count_max = from.max_fail_count;
  settings.registry.clock_skew_max = config.services.clock_ahead_max;
  settings.registry.bytes_per_node_max = config.services.registry_bytes_per_node_max;
  settings.registry.bytes_max = RegistryConfig::full_shares * settings.registry.bytes_per_node_max;
  settings.liveness.clock_skew_max = config.services.clock_ahead_max;
  settings.contacts = from.contact_nodes;
  return settings;
}

carrier::LinkConfig link_settings(const NodeConfig& config, std::uint32_t creation) {
  carrier::LinkConfig settings;
  settings.self = config.name;
  settings.creation = creation;
  settings.cookie = config.cookie;
  settings.auth_timeout = config.auth.handshake_timeout;
  settings.auth_timestamp_window = config.auth.timestamp_window;
  settings.setup_timeout = config.channel.dial_timeout;
  settings.liveness = {config.failure.ping_after, config.failure.suspect_after, config.failure.down_after};
  settings.frame_bytes_max = config.channel.frame_bytes_max;
  settings.unfinished_bytes_max = config.channel.unfinished_bytes_max;
  return settings;
}

quic::EndpointConfig endpoint_settings(const NodeConfig& config, const LoadedCertificate& certificate) {
  quic::EndpointConfig settings;
  settings.certificate_pem = certificate.pem.certificate;
  settings.private_key_pem = certificate.pem.private_key;
  settings.handshake_timeout = config.auth.handshake_timeout;
  return settings;
}

dist::OutboundLimits outbound_settings(const NodeConfig& config) {
  dist::OutboundLimits limits;
  limits.budget_bytes_max = config.channel.bytes_max;
  limits.drained_bytes_max = config.channel.bytes_max / 2;
  limits.frame_bytes_max = config.channel.frame_bytes_max;
  return limits;
}

}  // namespace barrel::node
