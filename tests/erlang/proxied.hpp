#pragma once

#include <memory>
#include <string>

#include "erlang/erlang_test.hpp"

namespace barrel::test {

/// A Barrel node `b` without EPMD, so that all go where they are told, and a proxy that takes what a test
/// says from what it and an Erlang node tell each other (dist_proxy.erl).
class ProxiedNodes : public ErlangTest {
 protected:
  ProxiedNodes() {
    NodeConfig settings = tcp_config("b");
    settings.tcp.epmd_register = false;
    node_ = start_tcp(std::move(settings));
    proxy_.load("dist_proxy.erl");
  }
  ~ProxiedNodes() override { node_.reset(); }
  void SetUp() override { ASSERT_TRUE(node_); }

  /// An Erlang node that takes every node to be at that port, connected with the Barrel node.
  [[nodiscard]] std::unique_ptr<Beam> dial(const std::string& port) {
    auto beam = std::make_unique<Beam>(
        epmd_, "e", BeamOptions{.arguments = {"-dist_listen", "false", "-erl_epmd_port", port}});
    EXPECT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pong");
    return beam;
  }
  [[nodiscard]] std::unique_ptr<Beam> dial_by_proxy(const std::string& options) {
    return dial(proxy_.text("dist_proxy:start(" + std::to_string(node_->tcp_port()) + ", " + options + ")"));
  }
  /// Ends it, and waits until the Barrel node has seen that.
  void end(std::unique_ptr<Beam> beam) {
    beam.reset();
    ASSERT_TRUE(eventually([&] { return node_->hidden_nodes().empty() && node_->nodes().empty(); }));
  }

  std::unique_ptr<Node> node_;
  Beam proxy_{epmd_, "proxy"};
};

}  // namespace barrel::test
