#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/node/config.hpp"
#include "barrel/node/membership.hpp"
#include "barrel/node/registry.hpp"
#include "barrel/process/functions.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/result.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace node {
class [[gnu::visibility("hidden")]] NodeCore;
}

/// A node that this one has a connection to.
struct PeerInfo {
  NodeName name;
  /// The peer's incarnation.
  std::uint32_t creation = 0;
  /// "barrel/1" or "erlang-dist" over QUIC, "erlang-tcp" or "erlang-tls" over TCP.
  std::string protocol;
  /// Where its packets come from.
  std::string address;
  /// We dialed, rather than accepted.
  bool dialed = false;
  /// Nothing was heard from it for suspect_after_ms (over TCP: for three quarters of net_ticktime_ms).
  bool suspected = false;
  /// It does not want to be seen in nodes() (an Erlang node started with -hidden, a C node).
  bool hidden = false;
};

/// One node of a cluster: its processes, its connections, and the services on them. Several may live in one
/// OS process. Thread-safe.
class Node {
 public:
  /// Makes keys and certificate on first boot, opens the port, publishes its address for discovery, starts
  /// the schedulers and joins the contact nodes in the background. Errors name what was wrong and what to do.
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(NodeConfig config);
  /// shutdown(), with the configured time limit.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Stops in order: no new connections; processes, from the roots down; the cluster is told; what waits is
  /// sent; the connections close. Errc::timeout with the pids of processes that did not end within the limit.
  /// Once; the second call does nothing.
  Result<void> shutdown();

  [[nodiscard]] NodeName name() const noexcept;
  /// This incarnation's number.
  [[nodiscard]] std::uint32_t creation() const noexcept;
  /// The UDP port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The TCP port it listens on; 0 without TCP.
  [[nodiscard]] std::uint16_t tcp_port() const noexcept;
  [[nodiscard]] const NodeConfig& config() const noexcept;
  /// The nodes connected now (erlang:nodes/0), ordered; without those that are hidden.
  [[nodiscard]] std::vector<NodeName> nodes() const;
  /// The hidden ones (erlang:nodes(hidden)).
  [[nodiscard]] std::vector<NodeName> hidden_nodes() const;
  [[nodiscard]] std::vector<PeerInfo> peers() const;

  [[nodiscard]] Membership& membership() noexcept;
  [[nodiscard]] Registry& registry() noexcept;
  [[nodiscard]] const Registry& registry() const noexcept;
  /// What other nodes may call here.
  [[nodiscard]] Functions& functions() noexcept;
  /// Where the text goes that processes print, those of other nodes too when this node is their group leader;
  /// at first standard output, and again after null. Called on a thread for blocking work, one text at a
  /// time. What it throws is logged, and who printed gets {error, put_chars}.
  void set_output(std::function<void(std::string_view text)> write);
  [[nodiscard]] Runtime& runtime() noexcept;
  /// All counters and gauges by name.
  [[nodiscard]] std::map<std::string, std::uint64_t> metrics() const;

  // From plain threads; as in Runtime.
  template <class F, class... As>
  Pid spawn(F&& body, As&&... args) {
    return runtime().spawn(std::forward<F>(body), std::forward<As>(args)...);
  }
  template <class F, class... As>
  [[nodiscard]] auto run(F&& body, As&&... args) {
    return runtime().run(std::forward<F>(body), std::forward<As>(args)...);
  }
  template <class Server, class... As>
  [[nodiscard]] Result<Pid> start_server(As&&... args) {
    return runtime().start_server<Server>(std::forward<As>(args)...);
  }
  template <class M>
  Result<void> send(const Address& to, M&& message, Duration limit = Self::call_limit) {
    return runtime().send(to, std::forward<M>(message), limit);
  }
  template <class Reply = void, class Request>
  [[nodiscard]] auto call(const Address& to, Request request, Duration limit = Self::call_limit) {
    return runtime().call<Reply>(to, std::move(request), limit);
  }

 private:
  friend class node::NodeCore;
  Node() = default;
  std::unique_ptr<node::NodeCore> core_;
};

}  // namespace barrel
#pragma GCC visibility pop
