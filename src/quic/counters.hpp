#pragma once

#include "barrel/base/metrics.hpp"

namespace barrel::quic {

/// What an endpoint counts, looked up once.
struct Counters {
  explicit Counters(Metrics& metrics)
      : datagrams_received(metrics.counter("quic.datagrams_received")),
        bytes_received(metrics.counter("quic.bytes_received")),
        packets_sent(metrics.counter("quic.packets_sent")),
        bytes_sent(metrics.counter("quic.bytes_sent")),
        trains_sent(metrics.counter("quic.trains_sent")),
        dropped(metrics.counter("quic.datagrams_dropped")),
        dialled(metrics.counter("quic.connections_dialled")),
        accepted(metrics.counter("quic.connections_accepted")),
        closed(metrics.counter("quic.connections_closed")),
        connections(metrics.gauge("quic.connections")),
        half_open(metrics.gauge("quic.half_open")),
        half_open_dropped(metrics.counter("quic.half_open_dropped")),
        connections_limit(metrics.counter("quic.connections_limit")),
        retries_sent(metrics.counter("quic.retries_sent")),
        tokens_refused(metrics.counter("quic.tokens_refused")),
        versions_refused(metrics.counter("quic.versions_refused")),
        resets_sent(metrics.counter("quic.stateless_resets_sent")),
        stateless_limited(metrics.counter("quic.stateless_limited")),
        closing_limit(metrics.counter("quic.closing_limit")),
        send_buffer_limit(metrics.counter("quic.send_buffer_limit")),
        received_streams_limit(metrics.counter("quic.received_streams_limit")),
        not_accepting(metrics.counter("quic.not_accepting")),
        accepts_failed(metrics.counter("quic.accepts_failed")),
        alpn_refused(metrics.counter("quic.alpn_refused")),
        handshake_timeouts(metrics.counter("quic.handshake_timeouts")),
        migrated(metrics.counter("barrel_p2p.dist.migrate{outcome=ok}")) {}

  Counter& datagrams_received;
  Counter& bytes_received;
  Counter& packets_sent;
  Counter& bytes_sent;
  Counter& trains_sent;
  Counter& dropped;  ///< Belonged to no connection and were no valid beginning of one.
  Counter& dialled;
  Counter& accepted;  ///< Server handshakes begun.
  Counter& closed;
  Gauge& connections;  ///< Several endpoints may share it.
  Gauge& half_open;    ///< Server handshakes not finished.
  Counter& half_open_dropped;
  Counter& connections_limit;
  Counter& retries_sent;
  Counter& tokens_refused;
  Counter& versions_refused;
  Counter& resets_sent;
  Counter& stateless_limited;
  Counter& closing_limit;
  Counter& send_buffer_limit;
  Counter& received_streams_limit;
  Counter& not_accepting;
  Counter& accepts_failed;
  Counter& alpn_refused;
  Counter& handshake_timeouts;
  Counter& migrated;
};

}  // namespace barrel::quic
