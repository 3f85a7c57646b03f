#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "barrel/base/datagram.hpp"
#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"
#include "carrier/link_config.hpp"
#include "carrier/link_context.hpp"
#include "carrier/link_owner.hpp"
#include "carrier/link_table.hpp"
#include "carrier/quic_link.hpp"
#include "quic/endpoint.hpp"

namespace barrel::carrier {

/// All links of a node over one UDP socket: wraps the QUIC endpoint, makes a QuicLink of each of its
/// connections, and keeps their time. Sans-IO like the endpoint: datagrams and `now` come in, datagrams leave
/// through the sink. Not thread-safe: cluster thread only.
///
/// Drive it so: receive(), refused() and writable() as the socket reports; turn() at the end of each turn of
/// the loop, after pushes to outbound queues were flushed (Link::flush); then wait until next_timeout() at
/// most.
class QuicCarrier final : private quic::EndpointEvents {
 public:
  /// `sink`, `owner`, `metrics` and what `log` writes to must outlive the carrier. Errors: as
  /// quic::Endpoint::make, and invalid_argument for a LinkConfig whose times contradict each other.
  [[nodiscard]] static Result<std::unique_ptr<QuicCarrier>> make(LinkConfig config,
                                                                 quic::EndpointConfig endpoint,
                                                                 DatagramSink& sink, LinkOwner& owner,
                                                                 Random random, Metrics& metrics,
                                                                 Log log = {});
  /// Tells nobody anything: close_all() first, and turn(), where peers and owner should know.
  ~QuicCarrier() override;
  QuicCarrier(const QuicCarrier&) = delete;
  QuicCarrier& operator=(const QuicCarrier&) = delete;

  /// Starts a link to `target` at an address. `where.alpn` empty offers barrel/1, then erlang-dist. The owner
  /// has asked dist::may_dial() before. Its outcome is on_up() or on_down(), neither within this call.
  /// Errors: as quic::Endpoint::connect; then nothing follows.
  [[nodiscard]] Result<Link*> dial(NodeName target, quic::Dial where, Instant now);

  void receive(const DatagramTrain& train, Instant now);
  /// ICMP says that nobody listens at `remote`.
  void refused(const SocketAddress& remote, Instant now);
  void writable(Instant now);
  /// Does what is due and writes what there is to send.
  void turn(Instant now);
  /// When to call turn() at the latest; in the past when there is more to do at once.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// Whether connections are accepted; links that exist stay.
  void set_accepting(bool accepting);
  /// Every link that is not down.
  [[nodiscard]] std::vector<Link*> links() const { return links_.alive(); }
  /// Null when there is no such link, or it is down.
  [[nodiscard]] Link* find(std::uint64_t id) const { return links_.find(id); }
  /// Bytes of all links that their peers have not acknowledged; what still waits in outbound queues is not in
  /// it.
  [[nodiscard]] std::size_t unacknowledged_bytes() const { return links_.unacknowledged_bytes(); }
  /// Link::close() for all links.
  void close_all(std::string_view why, Instant now) { links_.close_all(why, now); }

 private:
  QuicCarrier(LinkConfig config, LinkOwner& owner, Random random, Metrics& metrics, Log log);
  quic::ConnectionEvents* on_accept(quic::Connection& connection) override;
  /// Closes an accepted link that is not up.
  void close_pending();

  LinkContext context_;
  Gauge& unfinished_bytes_;
  Gauge& early_bytes_;
  Gauge& authenticating_;
  Gauge& pending_;
  LinkTable links_{context_, 0};
  std::unique_ptr<quic::Endpoint> endpoint_;  // last: it refers to the links
};

}  // namespace barrel::carrier
