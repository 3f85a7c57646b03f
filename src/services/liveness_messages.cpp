#include "services/liveness_messages.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "barrel/term/node_term.hpp"

namespace barrel::liveness {
namespace {

constexpr std::string_view envelope_tag = "$barrel_liveness";
/// Longest beat accepted. Guess: a node that beats more rarely is of no use.
constexpr std::int64_t beat_ms_max = 60'000;
constexpr std::array<std::string_view, 5> verdicts = {"alive", "down", "left", "suspect", "reachable"};

Term to_term(const Claim& claim) {
  return Term::tuple_of(Atom(verdicts[static_cast<std::size_t>(claim.verdict)]), claim.node, claim.creation,
                        claim.incarnation);
}

std::optional<Claim> read_claim(const Term& term) {
  if (!term.is_tuple(4)) return std::nullopt;
  const auto fields = term.elements();
  const auto verdict = std::ranges::find(verdicts, fields[0].atom_text());
  const auto node = node_from_term(fields[1]);
  const auto creation = fields[2].as_uint64();
  const auto incarnation = fields[3].as_uint64();
  if (!fields[0].is_atom() || verdict == verdicts.end() || !node || !creation || !incarnation)
    return std::nullopt;
  if (*creation == 0 || *creation > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return Claim{static_cast<Verdict>(verdict - verdicts.begin()), *node, static_cast<std::uint32_t>(*creation),
               *incarnation};
}

std::optional<Content> read_content(const Term& term) {
  if (!term.is_tuple(2)) return std::nullopt;
  const Term& argument = term.elements()[1];
  const bool is_reply = term.is_tagged("digest_reply", 2);
  if (is_reply || term.is_tagged("digest", 2)) {
    const auto hash = argument.as_uint64();
    return hash ? std::optional<Content>(Digest{*hash, is_reply}) : std::nullopt;
  }
  if (!term.is_tagged("claims", 2) || !argument.is_proper_list()) return std::nullopt;
  Claims read;
  const auto elements = argument.elements();
  read.cut_off = elements.size() - std::min(elements.size(), claims_max);
  for (const Term& element : elements.first(std::min(elements.size(), claims_max))) {
    if (const auto claim = read_claim(element)) read.claims.push_back(*claim);
    else ++read.malformed;
  }
  return read;
}

struct Encode {
  Term operator()(const Claims& content) const {
    std::vector<Term> terms;
    terms.reserve(content.claims.size());
    for (const Claim& claim : content.claims) terms.push_back(to_term(claim));
    return Term::tuple_of(Atom("claims"), Term::list(std::move(terms)));
  }
  Term operator()(const Digest& content) const {
    return Term::tuple_of(Atom(content.is_reply ? "digest_reply" : "digest"), content.hash);
  }
};

}  // namespace

Term gossip_of(NodeName origin, const Claim& claim) {
  return Term::tuple_of(Atom("custom"), origin, to_term(claim));
}

Result<std::pair<NodeName, Claim>> claim_of_gossip(const Term& payload) {
  const Error malformed(Errc::malformed, Atom("liveness"));
  if (!payload.is_tagged("custom", 3)) return malformed;
  const auto origin = node_from_term(payload.elements()[1]);
  const auto claim = read_claim(payload.elements()[2]);
  if (!origin || !claim) return malformed;
  return std::pair(*origin, *claim);
}

Term beat_of(NodeName node, Duration next) {
  const auto next_ms = std::chrono::duration_cast<std::chrono::milliseconds>(next).count();
  return Term::tuple_of(Atom("custom"), node, Term::tuple_of(Atom("beat"), next_ms));
}

Result<std::pair<NodeName, Duration>> beat_of_gossip(const Term& payload) {
  const Error malformed(Errc::malformed, Atom("beat"));
  if (!payload.is_tagged("custom", 3) || !payload.elements()[2].is_tagged("beat", 2)) return malformed;
  const auto node = node_from_term(payload.elements()[1]);
  const auto next_ms = payload.elements()[2].elements()[1].as_int64();
  if (!node || !next_ms || *next_ms <= 0 || *next_ms > beat_ms_max) return malformed;
  return std::pair(*node, Duration(std::chrono::milliseconds(*next_ms)));
}

Term encode(NodeName sender, const Content& content) {
  return Term::tuple_of(Atom(envelope_tag), sender, std::visit(Encode{}, content));
}

Result<std::pair<NodeName, Content>> decode(const Term& term) {
  const Error malformed(Errc::malformed, Atom("liveness"));
  if (!term.is_tagged(envelope_tag, 3)) return malformed;
  const auto sender = node_from_term(term.elements()[1]);
  auto content = read_content(term.elements()[2]);
  if (!sender || !content) return malformed;
  return std::pair(*sender, std::move(*content));
}

}  // namespace barrel::liveness
