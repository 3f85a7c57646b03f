#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/socket_address.hpp"
#include "base/byte_stream.hpp"
#include "loop/loop.hpp"
#include "tcp/epmd.hpp"

namespace barrel::node {

/// Keeps this node registered with an EPMD for as long as it lives: again whenever EPMD was not there, or
/// went. Cluster thread.
class EpmdRegistration final : private StreamEvents {
 public:
  /// Between two attempts. A guess: an operator who starts EPMD after the node waits no longer.
  static constexpr Duration retry_after = std::chrono::seconds(2);

  EpmdRegistration(loop::Loop& loop, const SocketAddress& epmd, tcp::EpmdNode self, Metrics& metrics,
                   Log log);
  ~EpmdRegistration() override;

  void start();

 private:
  void on_connected() override;
  void on_bytes(BytesView bytes) override;
  void on_writable() override {}
  void on_closed(const std::string& why) override;
  void try_later(const std::string& why);

  loop::Loop& loop_;
  const SocketAddress epmd_;
  const tcp::EpmdNode self_;
  Gauge& registered_;
  Counter& retries_;
  Log log_;
  std::unique_ptr<ByteStream> stream_;
  Bytes answer_;
  std::string last_problem_;  // logged once, not at each attempt
  loop::Timer retry_;
};

}  // namespace barrel::node
