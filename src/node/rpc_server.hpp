#pragma once

#include <cstddef>
#include <memory>

#include "barrel/base/metrics.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/shared_bytes.hpp"

namespace barrel::node {

/// A message from another node to one of the names that belong to Erlang's kernel. Who it is from is what the
/// connection proved, not what the message says. Local; never leaves the node.
struct KernelMessage {
  static constexpr std::string_view internal_name = "$barrel_kernel_message";
  NodeName peer;
  /// With the leading 131. Decoded by the process that it is for, not by the thread of the cluster.
  SharedBytes payload;
  Term message;
  /// What it counts for until it has been handled; see DecodeContext::unread_bytes.
  std::shared_ptr<const void> charge;
  /// For what is passed on, which counts again until that has been received.
  std::shared_ptr<const DecodeContext> context;
  std::size_t bytes = 0;

  /// Most terms in one. A guess: as arguments of a call they take 50 MB.
  static constexpr std::uint32_t terms_max = 1'048'576;
  /// Reads `message` from `payload`, and counts it by the memory that it takes. Errc::malformed ends the
  /// connection that it came by; Errc::limit_exceeded: it is over a limit, which is counted.
  [[nodiscard]] Result<> decode(Counter& over_limit);
};

/// Counts messages to the kernel's names that are none which they know.
[[nodiscard]] Counter& ignored_counter(Self self);

/// The process `rex`: the requests of Erlang's rpc module that do not go through erpc, sbcast among them, and
/// features_request.
[[nodiscard]] Task<> rex(Self self);

/// The process `net_kernel`: is_auth (net_adm:ping/1), and spawn, spawn_link and spawn_opt of nodes or calls
/// that do not use a spawn request.
[[nodiscard]] Task<> net_kernel(Self self);

}  // namespace barrel::node
