#pragma once

#include <cstdint>

#include "barrel/node/config.hpp"
#include "carrier/link_config.hpp"
#include "node/identity_files.hpp"
#include "node/overlay.hpp"
#include "quic/endpoint_config.hpp"

/// The settings of each layer, from the node's configuration.
namespace barrel::node {

[[nodiscard]] OverlayConfig overlay_settings(const NodeConfig& config);
[[nodiscard]] carrier::LinkConfig link_settings(const NodeConfig& config, std::uint32_t creation);
[[nodiscard]] quic::EndpointConfig endpoint_settings(const NodeConfig& config,
                                                     const LoadedCertificate& certificate);
[[nodiscard]] dist::OutboundLimits outbound_settings(const NodeConfig& config);

}  // namespace barrel::node
