#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/term/result.hpp"
#include "base/byte_stream.hpp"
#include "carrier/link_context.hpp"
#include "carrier/link_table.hpp"
#include "carrier/tcp_config.hpp"
#include "carrier/tcp_link.hpp"

namespace barrel::carrier {

/// All links of a node over TCP: to plain Erlang nodes. Sans-IO: connections come from a listener's owner and
/// from a StreamDialer. Not thread-safe: cluster thread only.
///
/// Drive it so: accept() as the listener reports; turn() at the end of each turn of the loop, after pushes to
/// outbound queues were flushed (Link::flush); then wait until next_timeout() at most.
class TcpCarrier final {
 public:
  /// All references must outlive the carrier. Errors: invalid_argument for times that make no sense.
  [[nodiscard]] static Result<std::unique_ptr<TcpCarrier>> make(LinkConfig config, TcpConfig tcp,
                                                                StreamDialer& dialer, const Clock& clock,
                                                                LinkOwner& owner, Random random,
                                                                Metrics& metrics, Log log = {});
  /// Tells nobody anything: close_all() first where peers and owner should know.
  ~TcpCarrier();
  TcpCarrier(const TcpCarrier&) = delete;
  TcpCarrier& operator=(const TcpCarrier&) = delete;

  /// Starts a link to `target`. The owner has asked dist::may_dial() before. Its outcome is on_up() or
  /// on_down(), neither within this call. Errc::busy when the system has no more sockets.
  [[nodiscard]] Result<Link*> dial(NodeName target, const TcpDial& where, Instant now);
  /// Somebody has connected.
  void accept(std::unique_ptr<ByteStream> stream, Instant now);

  /// Does what is due.
  void turn(Instant now);
  /// When to call turn() at the latest.
  [[nodiscard]] std::optional<Instant> next_timeout() const { return links_.next_timer(); }
  /// Whether connections are accepted; links that exist stay.
  void set_accepting(bool accepting) { accepting_ = accepting; }
  /// Every link that is not down.
  [[nodiscard]] std::vector<Link*> links() const { return links_.alive(); }
  /// Link::close() for all links.
  void close_all(std::string_view why, Instant now) { links_.close_all(why, now); }

 private:
  TcpCarrier(LinkConfig config, TcpConfig tcp, StreamDialer& dialer, const Clock& clock, LinkOwner& owner,
             Random random, Metrics& metrics, Log log);

  /// Accepted links that are not down.
  [[nodiscard]] std::size_t accepted() const;
  /// Accepted links of a host that are not up.
  [[nodiscard]] std::size_t pending_from(const SocketAddress& address) const;

  /// The ids of other carriers of the same node are far below.
  static constexpr std::uint64_t first_id = std::uint64_t{1} << 63;

  LinkContext context_;
  TcpContext tcp_;
  LinkTable links_{context_, first_id};
  Gauge& connections_;
  Gauge& half_open_;
  Gauge& unfinished_bytes_;
  bool accepting_ = true;
};

}  // namespace barrel::carrier
