#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "barrel/base/socket_address.hpp"
#include "barrel/term/node_name.hpp"

namespace barrel::sim {

/// What lies on the disks of all simulated nodes: an Ed25519 identity and a certificate for each, every key
/// pinned by everybody. Made once for a program, in memory where the system has such a directory, shared by
/// all runs, removed at the end. A node that restarts finds its files again.
///
/// Certificates are signed with Ed25519: its signatures have one length, those of ECDSA several, and lengths
/// decide how packets are filled.
class IdentityPool {
 public:
  static constexpr std::size_t nodes_max = 50;

  /// Throws std::runtime_error when files cannot be written.
  IdentityPool();
  ~IdentityPool();
  IdentityPool(const IdentityPool&) = delete;
  IdentityPool& operator=(const IdentityPool&) = delete;

  [[nodiscard]] static NodeName name(std::size_t node);
  [[nodiscard]] static SocketAddress address(std::size_t node);
  [[nodiscard]] std::filesystem::path directory(std::size_t node) const;
  [[nodiscard]] std::filesystem::path discovery_directory() const { return root_ / "discovery"; }

 private:
  void make(std::size_t node) const;

  std::filesystem::path root_;
};

}  // namespace barrel::sim
