#pragma once

#include <algorithm>

#include "erlang/beam.hpp"
#include "node/test_nodes.hpp"

namespace barrel::test {

/// Barrel nodes and Erlang nodes that find each other through one EPMD.
class ErlangTest : public TestNodes {
 protected:
  /// A node with TCP on, registered with the test's EPMD.
  [[nodiscard]] NodeConfig tcp_config(std::string_view short_name) const {
    NodeConfig made = config(short_name);
    made.tcp.enabled = true;
    made.tcp.address = "127.0.0.1";
    made.tcp.epmd_port = epmd_.port();
    return made;
  }
  /// Started, and known to EPMD.
  [[nodiscard]] std::unique_ptr<Node> start_tcp(std::string_view short_name) const {
    return start_tcp(tcp_config(short_name));
  }
  [[nodiscard]] static std::unique_ptr<Node> start_tcp(NodeConfig made) {
    auto node = start(std::move(made));
    if (node == nullptr || !node->config().tcp.epmd_register) return node;
    EXPECT_TRUE(eventually([&] { return node->metrics()["tcp.epmd_registered"] == 1; }))
        << "not registered with EPMD";
    return node;
  }
  /// Of Erlang's lists of nodes.
  [[nodiscard]] static std::string atom(std::string_view node) { return "'" + std::string(node) + "'"; }
  [[nodiscard]] static std::string atom(const Node& node) { return atom(node.name().text()); }
  [[nodiscard]] static NodeName name_of(const Beam& beam) { return *NodeName::parse(beam.name()); }
  /// Waits until `node` sees `beam`.
  [[nodiscard]] static bool connected(const Node& node, const Beam& beam) {
    return eventually([&] { return std::ranges::count(node.nodes(), name_of(beam)) == 1; });
  }

  Epmd epmd_;
};

}  // namespace barrel::test
