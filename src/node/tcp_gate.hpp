#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/node/config.hpp"
#include "carrier/tcp_carrier.hpp"
#include "loop/loop.hpp"
#include "node/epmd_registration.hpp"

namespace barrel::node {

/// All that a node has of TCP: the listening socket, the links, the registration with EPMD. Cluster thread.
class TcpGate final : private loop::TcpListenerEvents {
 public:
  /// Opens the port. Errors name the setting. References must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<TcpGate>> open(const NodeConfig& config, std::uint32_t creation,
                                                             loop::Loop& loop, carrier::LinkOwner& owner,
                                                             Random random, Metrics& metrics, Log log);
  ~TcpGate() override;

  /// Registers with EPMD, if it is to.
  void start();
  [[nodiscard]] std::uint16_t port() const { return listener_->local_address().port(); }
  /// Starts a link.
  [[nodiscard]] Result<carrier::Link*> dial(NodeName peer, const SocketAddress& address, bool epmd) {
    return carrier_->dial(peer, {address, epmd}, loop_.now());
  }
  void turn() { carrier_->turn(loop_.now()); }
  [[nodiscard]] std::optional<Instant> next_timeout() const { return carrier_->next_timeout(); }
  /// Accepts no more, and is no longer to be found.
  void stop_connecting();
  void close_all(std::string_view why) { carrier_->close_all(why, loop_.now()); }

 private:
  explicit TcpGate(loop::Loop& loop) : loop_(loop) {}
  void on_accepted(std::unique_ptr<ByteStream> stream) override {
    carrier_->accept(std::move(stream), loop_.now());
  }

  loop::Loop& loop_;
  std::unique_ptr<carrier::TcpCarrier> carrier_;
  std::unique_ptr<loop::TcpListener> listener_;
  std::unique_ptr<EpmdRegistration> registration_;
};

}  // namespace barrel::node
