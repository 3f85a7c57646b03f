#include "membership/hyparview_messages.hpp"

#include <algorithm>
#include <optional>

#include "barrel/term/node_term.hpp"

namespace barrel::hyparview {
namespace {

constexpr std::string_view envelope_tag = "$barrel_p2p_hyparview";

/// Above every max_fail_count: no candidate.
constexpr std::int64_t no_candidate = 1'000'000;

/// `{peer, Id, Address, Port, QuicPort, Connected, Priority, LastSeen, FailCount, BackoffUntil}`. Only Id
/// matters: addresses come from discovery. The original crashes on any other arity.
Term to_term(const PeerRecord& peer, std::int64_t fail_count = 0) {
  static const Atom peer_tag("peer");
  static const Atom undefined("undefined");
  static const Atom high("high");
  static const Atom low("low");
  return Term::tuple_of(peer_tag, peer.node, undefined, undefined, undefined, peer.connected,
                        peer.connected ? high : low, undefined, fail_count, undefined);
}

Term to_term(const std::vector<PeerRecord>& peers) {
  std::vector<Term> terms;
  terms.reserve(peers.size());
  for (const PeerRecord& peer : peers) terms.push_back(to_term(peer));
  return Term::list(std::move(terms));
}

std::optional<PeerRecord> read_peer(const Term& term) {
  if (!term.is_tagged("peer", 10)) return std::nullopt;
  const auto node = node_from_term(term.elements()[1]);
  if (!node) return std::nullopt;
  return PeerRecord{*node, term.elements()[5].as_bool().value_or(false)};
}

struct Peers {
  std::vector<PeerRecord> read;
  std::size_t cut_off = 0;
};
std::optional<Peers> read_peers(const Term& term) {
  if (!term.is_proper_list()) return std::nullopt;
  const auto told = term.elements();
  Peers peers;
  for (const Term& element : told.first(std::min(told.size(), shuffle_peers_max))) {
    const auto peer = read_peer(element);
    if (!peer) return std::nullopt;
    peers.read.push_back(*peer);
  }
  peers.cut_off = told.size() - peers.read.size();
  return peers;
}

std::optional<std::int64_t> read_ttl(const Term& term) {
  const auto ttl = term.as_int64();
  if (!ttl || *ttl < 0) return std::nullopt;
  return ttl;
}

std::optional<Message> read_about_peer(const Term& term) {
  const auto peer = read_peer(term.elements()[1]);
  if (!peer) return std::nullopt;
  if (term.is_tagged("join", 2)) return Join{*peer};
  if (term.is_tagged("disconnect", 2)) return Disconnect{*peer};
  return std::nullopt;
}

std::optional<Message> read_neighbor(const Term& term) {
  const auto peer = read_peer(term.elements()[2]);
  if (!peer) return std::nullopt;
  const Term& argument = term.elements()[1];
  if (term.is_tagged("neighbor", 3)) {
    if (argument.is_atom("high")) return Neighbor{Priority::high, *peer};
    if (argument.is_atom("low")) return Neighbor{Priority::low, *peer};
    return std::nullopt;
  }
  const auto accepted = argument.as_bool();
  if (!term.is_tagged("neighbor_reply", 3) || !accepted) return std::nullopt;
  return NeighborReply{*accepted, *peer};
}

std::optional<Message> read_walk(const Term& term) {
  if (term.is_tagged("forward_join", 4)) {
    const auto peer = read_peer(term.elements()[1]);
    const auto ttl = read_ttl(term.elements()[2]);
    const auto sender = read_peer(term.elements()[3]);
    if (!peer || !ttl || !sender) return std::nullopt;
    return ForwardJoin{*peer, *ttl, *sender};
  }
  if (!term.is_tagged("shuffle", 4)) return std::nullopt;
  const auto ttl = read_ttl(term.elements()[1]);
  auto peers = read_peers(term.elements()[2]);
  const auto sender = read_peer(term.elements()[3]);
  if (!ttl || !peers || !sender) return std::nullopt;
  return Shuffle{*ttl, std::move(peers->read), *sender, peers->cut_off};
}

std::optional<Message> read_shuffle_reply(const Term& term) {
  if (!term.is_tagged("shuffle_reply", 3)) return std::nullopt;
  auto peers = read_peers(term.elements()[1]);
  const auto sender = read_peer(term.elements()[2]);
  if (!peers || !sender) return std::nullopt;
  return ShuffleReply{std::move(peers->read), *sender, peers->cut_off};
}

std::optional<Message> read_message(const Term& term) {
  switch (term.is_tuple() ? term.elements().size() : 0) {
    case 2: return read_about_peer(term);
    case 3: return term.is_tagged("shuffle_reply", 3) ? read_shuffle_reply(term) : read_neighbor(term);
    case 4: return read_walk(term);
    default: return std::nullopt;
  }
}

struct SenderOf {
  NodeName operator()(const Join& m) const { return m.peer.node; }
  NodeName operator()(const ForwardJoin& m) const { return m.sender.node; }
  NodeName operator()(const Disconnect& m) const { return m.peer.node; }
  NodeName operator()(const Neighbor& m) const { return m.peer.node; }
  NodeName operator()(const NeighborReply& m) const { return m.peer.node; }
  NodeName operator()(const Shuffle& m) const { return m.sender.node; }
  NodeName operator()(const ShuffleReply& m) const { return m.sender.node; }
};

struct Encode {
  Term operator()(const Join& m) const { return Term::tuple_of(Atom("join"), to_term(m.peer)); }
  Term operator()(const ForwardJoin& m) const {
    return Term::tuple_of(Atom("forward_join"), to_term(m.peer), m.ttl, to_term(m.sender));
  }
  /// The original keeps the record among its candidates and may choose it at once. It crashes when a
  /// candidate answers, and who leaves is none.
  Term operator()(const Disconnect& m) const {
    return Term::tuple_of(Atom("disconnect"), to_term(m.peer, no_candidate));
  }
  Term operator()(const Neighbor& m) const {
    return Term::tuple_of(Atom("neighbor"), Atom(m.priority == Priority::high ? "high" : "low"),
                          to_term(m.peer));
  }
  Term operator()(const NeighborReply& m) const {
    return Term::tuple_of(Atom("neighbor_reply"), m.accepted, to_term(m.peer));
  }
  Term operator()(const Shuffle& m) const {
    return Term::tuple_of(Atom("shuffle"), m.ttl, to_term(m.peers), to_term(m.sender));
  }
  Term operator()(const ShuffleReply& m) const {
    return Term::tuple_of(Atom("shuffle_reply"), to_term(m.peers), to_term(m.sender));
  }
};

}  // namespace

Term encode(NodeName sender, const Message& message) {
  return Term::tuple_of(Atom(envelope_tag), sender, std::visit(Encode{}, message));
}

Result<std::pair<NodeName, Message>> decode(const Term& term) {
  const Error malformed(Errc::malformed, Atom("hyparview"));
  if (!term.is_tagged(envelope_tag, 3)) return malformed;
  const auto sender = node_from_term(term.elements()[1]);
  auto message = read_message(term.elements()[2]);
  if (!sender || !message || std::visit(SenderOf{}, *message) != *sender) return malformed;
  return std::pair(*sender, std::move(*message));
}

}  // namespace barrel::hyparview
