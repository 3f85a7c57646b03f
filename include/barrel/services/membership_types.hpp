#pragma once

#include <string_view>
#include <variant>

#include "barrel/term/node_name.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// `node` entered the active view.
struct PeerUp {
  static constexpr std::string_view tag = "peer_up";
  NodeName node;

  friend bool operator==(const PeerUp&, const PeerUp&) = default;
};

/// `node` left the active view, which says nothing about whether it lives. Reasons are the original's atoms:
/// graceful (it said so), dropped (we made room), nodedown (the link was lost), connect_failed, blocked.
struct PeerDown {
  static constexpr std::string_view tag = "peer_down";
  NodeName node;
  Atom reason;

  friend bool operator==(const PeerDown&, const PeerDown&) = default;
};

/// The node became part of the cluster through `contact`.
struct Joined {
  static constexpr std::string_view tag = "joined";
  NodeName contact;

  friend bool operator==(const Joined&, const Joined&) = default;
};

/// The node left the cluster at its own wish.
struct Left {
  static constexpr std::string_view tag = "left";

  friend bool operator==(const Left&, const Left&) = default;
};

/// What subscribers of the membership get: `{barrel_p2p_event, {peer_up, Node}}` and so on.
struct MembershipEvent {
  static constexpr std::string_view tag = "barrel_p2p_event";
  std::variant<PeerUp, PeerDown, Joined, Left> what;

  friend bool operator==(const MembershipEvent&, const MembershipEvent&) = default;
};

}  // namespace barrel
#pragma GCC visibility pop
