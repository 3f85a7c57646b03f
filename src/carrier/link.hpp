#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "carrier/link_config.hpp"
#include "carrier/link_owner.hpp"

namespace barrel::carrier {

/// Where a link is on its way.
enum class Phase : std::uint8_t {
  connecting,      ///< QUIC handshake.
  authenticating,  ///< Ed25519 handshake on the unidirectional streams.
  handshaking,     ///< Distribution handshake on stream 0.
  introducing,     ///< Capability terms (barrel/1).
  up,
  down,
};
[[nodiscard]] std::string_view to_string(Phase phase);

/// One QUIC connection as a distribution channel. Made and driven by the QuicCarrier, on the cluster thread
/// only.
class Link {
 public:
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Unique among the links of a carrier, never reused.
  [[nodiscard]] std::uint64_t id() const;
  [[nodiscard]] Phase phase() const;
  /// We dialed, rather than accepted.
  [[nodiscard]] bool dialed() const;
  /// The name of the other end: dialed or, on an accepted link, authenticated; unset before that.
  [[nodiscard]] std::optional<NodeName> name() const;
  /// How far our own dial is, for dist::PeerState; none on an accepted link and on one that is up or down.
  [[nodiscard]] dist::DialPhase dial_phase() const;
  /// Complete once up; null before.
  [[nodiscard]] const Peer* peer() const;
  [[nodiscard]] bool suspected() const;
  /// When the last packet of the peer arrived.
  [[nodiscard]] Instant last_heard() const;

  /// Takes what the link sends from now on; called in on_up(). Messages that wait in it go out at once.
  void attach(std::shared_ptr<dist::Outbound> outbound, Instant now);
  /// Moves what is queued to the streams; called once for each wake-up that a push asked for.
  void flush(Instant now);
  /// Ends the link with application code 0; on_down() comes within the call. What was queued is lost.
  void close(std::string_view why, Instant now);
};

}  // namespace barrel::carrier
