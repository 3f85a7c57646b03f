#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "auth/handshake.hpp"
#include "barrel/term/atom_quota.hpp"
#include "carrier/link_config.hpp"
#include "dist/open_challenges.hpp"

namespace barrel::carrier {

class Link;

/// What became of the key of a peer whose handshake is complete.
enum class Pinned : std::uint8_t {
  yes,    ///< It is pinned.
  no,     ///< Another one is, or it cannot be stored: the link is closed with key_mismatch.
  later,  ///< It is being stored: Link::pinned() will say, and the link is not used before.
};

/// Who owns the links: the node. Called on the cluster thread from within the calls that drive the carrier.
/// An implementation may call anything on any Link from here except destroy one (the carrier does that, after
/// on_down()), and may start dials.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;

  /// Wall time, for the timestamps of the auth handshake.
  [[nodiscard]] virtual SystemTime system_now() = 0;
  /// For each auth handshake anew, so that a rotated identity takes effect at once.
  [[nodiscard]] virtual auth::Identity identity() = 0;
  /// Fresh and unpredictable for each handshake: auth::fresh_nonce(), or seeded in a simulation.
  [[nodiscard]] virtual auth::Nonce nonce() = 0;
  /// The trust decision for a claimed name; see auth::TrustCheck.
  [[nodiscard]] virtual auth::TrustDecision check_trust(std::string_view claimed_name,
                                                        const PublicKey& key) = 0;

  /// Of all carriers of the node.
  [[nodiscard]] dist::OpenChallenges& open_challenges() { return open_challenges_; }

  /// What the names in the peer's messages are charged to. One for each peer, kept across its links, bounds
  /// what a peer that reconnects can add; the default is a fresh one for each link.
  [[nodiscard]] virtual std::shared_ptr<AtomQuota> atom_quota(NodeName peer);

  /// The peer has proved its key (never over TCP). From here on an accepted link counts for may_dial(). Not
  /// yet to be pinned, and the name not to be made an atom: anybody can have come so far.
  virtual void on_authenticated(Link& link, std::string_view peer, const PublicKey& key) = 0;
  /// The peer dialed and its `N` message was read: how to answer (dist::decide_incoming). The owner itself
  /// closes the own dial that the verdict drops. An older accepted link of that name stays until this one is
  /// up: who comes may not know the cookie.
  [[nodiscard]] virtual dist::Verdict on_incoming(Link& link, std::string_view peer,
                                                  std::uint32_t creation) = 0;
  /// Whether a node of this name may be connected although nothing proves its name, because it comes by TCP.
  [[nodiscard]] virtual bool admits_unproven(std::string_view) { return true; }
  /// Whether a node whose name is new to this process may connect. It knows the cookie.
  [[nodiscard]] virtual bool admits_new_name(bool /*proven*/) { return true; }
  /// Everything has succeeded, just before on_up(): pin the key if the name has none.
  [[nodiscard]] virtual Pinned pin(Link& link, NodeName peer, const PublicKey& key) = 0;

  /// The link carries messages from now on. An older live link to the same peer must be treated as down first
  /// (close() it); its on_down() comes within that call. attach() the outbound queue here.
  virtual void on_up(Link& link) = 0;
  /// A distribution message, in the order of its stream; its sender is of the peer's node. payload is lent
  /// for this call unless it has an owner.
  virtual void on_message(Link& link, dist::Message& message, dist::Lane lane) = 0;
  /// Nothing heard for Liveness::suspect_after; on_alive() when it speaks again.
  virtual void on_suspect(Link& link) = 0;
  virtual void on_alive(Link& link) = 0;
  /// A lane that had refused a push has drained.
  virtual void on_drained(Link& link, dist::Lane lane) = 0;
  /// The end of the link, exactly once, also when it never came up (link.peer() is then unset). The Link is
  /// destroyed some time after this has returned.
  virtual void on_down(Link& link, const Down& down) = 0;

 private:
  dist::OpenChallenges open_challenges_;
};

}  // namespace barrel::carrier
