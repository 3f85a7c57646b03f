#include "gossip/plumtree_messages.hpp"

#include <optional>

#include "barrel/term/node_term.hpp"

namespace barrel::plumtree {
namespace {

constexpr std::string_view envelope_tag = "$barrel_p2p_plumtree";

std::optional<MessageId> read_id(const Term& term) {
  const auto text = term.as_text();
  if (!text || text->empty() || text->size() > id_bytes_max) return std::nullopt;
  return MessageId(*text);
}

std::optional<Message> read_message(const Term& term) {
  const auto fields = term.elements();
  if (term.is_tagged("prune", 2)) {
    const auto sender = node_from_term(fields[1]);
    return sender ? std::optional<Message>(Prune{*sender}) : std::nullopt;
  }
  const bool is_gossip = term.is_tagged("gossip", 5);
  const bool is_ihave = term.is_tagged("ihave", 3);
  if (!is_gossip && !is_ihave && !term.is_tagged("graft", 3)) return std::nullopt;
  auto id = read_id(fields[1]);
  const auto sender = node_from_term(fields.back());
  if (!id || !sender || (is_gossip && !fields[2].is_atom())) return std::nullopt;
  if (is_gossip) return Gossip{std::move(*id), fields[2], fields[3], *sender};
  if (is_ihave) return Ihave{std::move(*id), *sender};
  return Graft{std::move(*id), *sender};
}

struct Encode {
  Term operator()(const Gossip& m) const {
    return Term::tuple_of(Atom("gossip"), Term(m.id), m.tag, m.payload, m.sender);
  }
  Term operator()(const Ihave& m) const { return Term::tuple_of(Atom("ihave"), Term(m.id), m.sender); }
  Term operator()(const Graft& m) const { return Term::tuple_of(Atom("graft"), Term(m.id), m.sender); }
  Term operator()(const Prune& m) const { return Term::tuple_of(Atom("prune"), m.sender); }
};

}  // namespace

Term encode(const Message& message) {
  static const Atom envelope(envelope_tag);
  return Term::tuple_of(envelope, std::visit(Encode{}, message));
}

Result<Message> decode(const Term& term) {
  const Error malformed(Errc::malformed, Atom("plumtree"));
  if (!term.is_tagged(envelope_tag, 2)) return malformed;
  auto message = read_message(term.elements()[1]);
  if (!message) return malformed;
  return std::move(*message);
}

}  // namespace barrel::plumtree
