#include <algorithm>
#include <tuple>

#include "services/liveness.hpp"
#include "services/liveness_change.hpp"

// What nodes tell each other about the life of nodes.

namespace barrel {

using liveness::Claim;
using liveness::Verdict;

namespace {

/// At one incarnation the later stage of life wins.
int rank_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::alive: return 0;
    case Verdict::down: return 1;
    case Verdict::left: return 2;
    case Verdict::suspect:
    case Verdict::reachable: return -1;
  }
  return -1;
}

}  // namespace

Claim Liveness::own_claim(Verdict verdict) const {
  return {verdict, self_, creation_, incarnation_};
}

Claim Liveness::claim_about(NodeName node, const Member& member, Verdict verdict) const {
  return {verdict, node, member.creation, member.incarnation};
}

Verdict Liveness::verdict_of(State state) {
  switch (state) {
    case State::alive: return Verdict::alive;
    case State::dead: return Verdict::down;
    case State::left: return Verdict::left;
  }
  return Verdict::alive;
}

void Liveness::tell(const Claim& claim, Effects& out) {
  out.push_back(Broadcast{liveness::gossip_of(self_, claim)});
}

std::uint64_t Liveness::digest() const {
  Member me;
  me.creation = creation_;
  me.incarnation = incarnation_;
  if (left_) me.state = State::left;
  return members_hash_ ^ hash_of(self_, me);
}

void Liveness::send_claims(NodeName to, Effects& out) {
  std::vector<Claim> claims{own_claim(left_ ? Verdict::left : Verdict::alive)};
  const auto flush = [&] {
    out.push_back(SendTo{to, encode(self_, liveness::Claims{std::move(claims)})});
    claims.clear();
  };
  for (const auto& [node, member] : members_) {
    if (member.creation == 0 || member.incarnation == 0) continue;
    claims.push_back(claim_about(node, member, verdict_of(member.state)));
    if (claims.size() >= config_.claims_max) flush();
  }
  if (!claims.empty()) flush();
}

void Liveness::peer_up(NodeName node, Instant now, Effects& out) {
  const bool first = peers_.empty();
  peers_.insert(node);
  if (first) beacon_since_ = now;
  if (left_ || !first) return;
  tell(own_claim(Verdict::alive), out);
  expect_beat(now);
}

void Liveness::sync(NodeName node, Effects& out) {
  out.push_back(SendTo{node, encode(self_, liveness::Digest{digest(), false})});
}

void Liveness::join() {
  if (!left_) return;
  left_ = false;
  ++living_version_;
  ++incarnation_;
}

void Liveness::leave(Effects& out) {
  if (left_) return;
  tell(own_claim(Verdict::left), out);
  // Who is linked believes nobody else that we go.
  for (const auto& [node, member] : members_) {
    if (member.linked && member.speaks)
      out.push_back(SendTo{node, encode(self_, liveness::Claims{{own_claim(Verdict::left)}})});
  }
  left_ = true;
  refute_at_.reset();
  ++living_version_;
}

void Liveness::gossip(NodeName from, const Term& payload, Instant now, std::int64_t wall_ms, Effects& out) {
  const auto read = liveness::claim_of_gossip(payload);
  if (!read) return malformed_.add();
  (void)on_claim({from, read->first, true}, read->second, now, wall_ms, out);
}

void Liveness::message(NodeName from, const Term& message, Instant now, std::int64_t wall_ms, Effects& out) {
  const auto read = liveness::decode(message);
  if (!read) return malformed_.add();
  if (read->first != from) return spoofed_.add();
  if (const auto* content = std::get_if<liveness::Claims>(&read->second)) {
    return on_claims(from, *content, now, wall_ms, out);
  }
  const auto& theirs = std::get<liveness::Digest>(read->second);
  if (theirs.hash == digest()) return;
  if (turns_.admit(from, theirs, members_.size(), now)) return answer(from, theirs, out);
  answers_put_off_.add();
}

void Liveness::on_claims(NodeName from, const liveness::Claims& content, Instant now, std::int64_t wall_ms,
                         Effects& out) {
  claims_limit_.add(content.cut_off);
  malformed_.add(content.malformed);
  std::set<NodeName> news;
  for (const Claim& claim : content.claims) {
    if (on_claim({from, from, false}, claim, now, wall_ms, out) && claim.node != from)
      news.insert(claim.node);
  }
  // What had to be told directly did not come by gossip, so those behind us may lack it too.
  for (const NodeName node : news) {
    if (const Member* member = find(node)) tell(claim_about(node, *member, verdict_of(member->state)), out);
  }
}

void Liveness::answer(NodeName to, const liveness::Digest& theirs, Effects& out) {
  if (theirs.hash == digest()) return;
  // Also while we leave: the registry still answers, and names of nodes that nobody else knows of would be
  // seen for ever once these have died.
  send_claims(to, out);
  if (!theirs.is_reply) out.push_back(SendTo{to, encode(self_, liveness::Digest{digest(), true})});
}

bool Liveness::on_claim(const Source& source, const Claim& claim, Instant now, std::int64_t wall_ms,
                        Effects& out) {
  const auto skew = std::chrono::duration_cast<std::chrono::milliseconds>(config_.clock_skew_max).count();
  if (claim.incarnation > static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms + skew, 0))) {
    from_future_.add();
    return false;
  }
  if (claim.node == self_) {
    on_own(claim, now, out);
    return false;
  }
  Member* member = find(claim.node);
  if (claim.verdict == Verdict::suspect || claim.verdict == Verdict::reachable) {
    const bool about_now = member != nullptr && member->state == State::alive &&
                           member->creation == claim.creation && claim.incarnation >= member->incarnation;
    if (!about_now || source.origin == self_) return false;
    if (claim.verdict == Verdict::suspect) on_suspect(source.origin, claim.node, *member, now, out);
    else on_witness(source.origin, claim.node, *member, now);
    return false;
  }
  if (member == nullptr) member = obtain(claim.node, source.peer, now);
  return member != nullptr && on_verdict(source, claim.node, *member, claim, now, out);
}

void Liveness::on_witness(NodeName origin, NodeName node, Member& member, Instant now) {
  member.suspecters.erase(origin);
  member.witness_at.reset();
  remember(member.witnesses, origin, now);
  wake(node, member, now);
}

void Liveness::on_own(const Claim& claim, Instant now, Effects& out) {
  if (left_ || claim.incarnation < incarnation_ || claim.verdict == Verdict::reachable) return;
  const bool mine = claim.creation == creation_;
  if (claim.verdict == Verdict::alive && mine) {
    incarnation_ = claim.incarnation;
    return;
  }
  if (claim.verdict == Verdict::suspect && !mine) return;
  refutations_.add();
  incarnation_ = claim.incarnation + 1;
  refute(now, out);
}

void Liveness::refute(Instant now, Effects& out) {
  if (refute_at_) return refutations_put_off_.add();
  if (refuted_at_ && now < *refuted_at_ + config_.refute_period) {
    refute_at_ = *refuted_at_ + config_.refute_period;
    return refutations_put_off_.add();
  }
  refuted_at_ = now;
  tell(own_claim(Verdict::alive), out);
}

void Liveness::refute_for(NodeName node, Member& member, Instant now, Effects& out) {
  const Instant soonest = member.refuted_at ? *member.refuted_at + config_.refute_period : now;
  if (now < soonest) {
    member.refute_at = std::min(member.refute_at.value_or(soonest), soonest);
    refutations_put_off_.add();
    return wake(node, member, now);
  }
  member.refuted_at = now;
  const std::optional<Claim>& told = member.told_against;
  if (member.speaks) {
    if (told) out.push_back(SendTo{node, encode(self_, liveness::Claims{{*told}})});
    return;
  }
  if (told && !is_old(node, member, *told))
    change(node, member, now, out, [&] { member.incarnation = told->incarnation + 1; });
  tell(claim_about(node, member, Verdict::alive), out);
}

void Liveness::on_suspect(NodeName origin, NodeName node, Member& member, Instant now, Effects& out) {
  member.witnesses.erase(origin);
  remember(member.suspecters, origin, now);
  if (member.linked && !member.silent) {
    if (!member.witness_at)
      member.witness_at = now + Duration(random_.between(0, config_.witness_delay_max.count()));
    return wake(node, member, now);
  }
  if (member.suspicion) decide(node, member, now, out);
}

bool Liveness::is_later(const Claim& claim, const Claim& than) {
  // Of two lives with one incarnation all must believe the same one, whichever they heard of first.
  const auto order = [](const Claim& c) { return std::tuple(c.incarnation, c.creation, rank_of(c.verdict)); };
  return order(claim) > order(than);
}

bool Liveness::is_old(NodeName node, const Member& member, const Claim& claim) const {
  return !is_later(claim, claim_about(node, member, verdict_of(member.state)));
}

bool Liveness::contradicted(const Source& source, NodeName node, Member& member, const Claim& claim,
                            Instant now, Effects& out) {
  if (!member.linked) return false;
  const bool of_this_life = claim.creation == member.link_creation;
  if (claim.verdict == Verdict::alive && of_this_life) return false;
  const bool other_ended = !of_this_life && claim.verdict == Verdict::down;
  // It goes by its own word, which is no gossip: a node passes on whatever is told of it, too. And a silent
  // link stands against nothing but the end of another life.
  const bool own_word = source.peer == node && !source.by_gossip;
  if (!other_ended && (member.silent || own_word)) return false;
  if (!other_ended) {
    contradicted_.add();
    if (!member.told_against || is_later(claim, *member.told_against)) member.told_against = claim;
  }
  if (member.silent) return true;
  const bool greater_lives = claim.verdict == Verdict::alive && claim.creation > member.link_creation;
  if (greater_lives && !member.speaks) {
    give_way(node, member, now);
    return true;
  }
  if (!member.speaks) change(node, member, now, out, [&] { member.incarnation = claim.incarnation + 1; });
  refute_for(node, member, now, out);
  return true;
}

void Liveness::give_way(NodeName node, Member& member, Instant now) {
  if (member.refute_at) return;
  member.gave_way = std::clamp(member.gave_way * 2, config_.give_way_min, config_.give_way_max);
  member.refute_at = now + member.gave_way;
  wake(node, member, now);
}

bool Liveness::on_verdict(const Source& source, NodeName node, Member& member, const Claim& claim,
                          Instant now, Effects& out) {
  if (is_old(node, member, claim) || contradicted(source, node, member, claim, now, out)) return false;
  return believe(node, member, claim, now, out);
}

bool Liveness::believe(NodeName node, Member& member, const Claim& claim, Instant now, Effects& out) {
  const bool was_known = member.creation != 0;
  const NodeVisibility before = visibility_of(member);
  change(node, member, now, out, [&] {
    member.incarnation = claim.incarnation;
    member.creation = claim.creation;
    switch (claim.verdict) {
      case Verdict::alive:
        member.state = State::alive;
        member.out_of_reach = false;
        break;
      case Verdict::down: member.state = State::dead; break;
      case Verdict::left: member.state = State::left; break;
      case Verdict::suspect:
      case Verdict::reachable: break;
    }
  });
  member.suspicion.reset();
  member.told_against.reset();
  member.suspecters.clear();
  member.witnesses.clear();
  wake(node, member, now);
  return was_known && before != visibility_of(member);
}

}  // namespace barrel
