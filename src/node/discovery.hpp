#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/node/config.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// 1 to 255 of [A-Za-z0-9_.:-]: host names and IP literals.
[[nodiscard]] bool valid_host(std::string_view host);

/// One way to find where a node listens. Implementations are thread-safe; they may block on the disk, never
/// on the network: resolving a host name is the caller's.
class Discovery {
 public:
  virtual ~Discovery() = default;
  /// As in discovery_backends, for messages.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// At least one address, best first. Errc::not_found: this backend does not know the node. Others: it
  /// should, but what it has is broken; the reason says where and what to do.
  [[nodiscard]] virtual Result<std::vector<NodeAddress>> lookup(NodeName node) const = 0;
  /// It does not know nodes, it only derives addresses from their names: others may be asked as well.
  [[nodiscard]] virtual bool guesses() const { return false; }
};

/// The tables `static_nodes` and, where TCP is enabled, `tcp_nodes`.
class StaticDiscovery final : public Discovery {
 public:
  explicit StaticDiscovery(std::map<std::string, NodeAddress, std::less<>> nodes)
      : nodes_(std::move(nodes)) {}
  [[nodiscard]] std::string_view name() const override { return "static"; }
  [[nodiscard]] Result<std::vector<NodeAddress>> lookup(NodeName node) const override;

 private:
  std::map<std::string, NodeAddress, std::less<>> nodes_;
};

/// `<node>.endpoint` files in one directory, the original's format: other nodes of the host, Erlang ones
/// included, find us by ours and we them by theirs.
class FileDiscovery final : public Discovery {
 public:
  explicit FileDiscovery(std::filesystem::path directory) : directory_(std::move(directory)) {}
  [[nodiscard]] std::string_view name() const override { return "file"; }
  [[nodiscard]] Result<std::vector<NodeAddress>> lookup(NodeName node) const override;

  /// Writes our file, replacing an older one. Makes the directory. Like the original's, it stays when the
  /// node ends. Errc::io, invalid_argument.
  [[nodiscard]] Result<> publish(NodeName node, const NodeAddress& address) const;
  /// Names of all nodes that have a file, readable or not, in order. A missing directory holds none.
  [[nodiscard]] Result<std::vector<std::string>> list() const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  [[nodiscard]] std::filesystem::path path_of(std::string_view node) const;

  std::filesystem::path directory_;
};

/// The EPMD on the host of the node name. The caller resolves the host and asks.
class EpmdDiscovery final : public Discovery {
 public:
  explicit EpmdDiscovery(std::uint16_t port) : port_(port) {}
  [[nodiscard]] std::string_view name() const override { return "epmd"; }
  [[nodiscard]] Result<std::vector<NodeAddress>> lookup(NodeName node) const override;
  [[nodiscard]] bool guesses() const override { return true; }

 private:
  std::uint16_t port_;
};

/// The host part of the node name, at one port for all nodes. The caller resolves it.
class DnsDiscovery final : public Discovery {
 public:
  /// What an Erlang node dials without a configured port.
  static constexpr std::uint16_t default_port = 4433;

  explicit DnsDiscovery(std::uint16_t port) : port_(port == 0 ? default_port : port) {}
  [[nodiscard]] std::string_view name() const override { return "dns"; }
  [[nodiscard]] Result<std::vector<NodeAddress>> lookup(NodeName node) const override;
  [[nodiscard]] bool guesses() const override { return true; }

 private:
  std::uint16_t port_;
};

/// Asks one backend after another; the first that knows the node wins, and a broken one does not keep the
/// next from being asked. Of those that only guess all addresses are taken, in order.
class DiscoveryChain final : public Discovery {
 public:
  explicit DiscoveryChain(std::vector<std::unique_ptr<Discovery>> backends)
      : backends_(std::move(backends)) {}
  [[nodiscard]] std::string_view name() const override { return "chain"; }
  /// Errc::not_found with what each backend said. A broken backend's error is in there too.
  [[nodiscard]] Result<std::vector<NodeAddress>> lookup(NodeName node) const override;

 private:
  std::vector<std::unique_ptr<Discovery>> backends_;
};

/// What epmd_port says, or ERL_EPMD_PORT, or Erlang's default.
[[nodiscard]] std::uint16_t epmd_port(const NodeConfig& config);

/// The chain that the configuration asks for.
[[nodiscard]] std::unique_ptr<Discovery> make_discovery(const NodeConfig& config);

}  // namespace barrel::node
