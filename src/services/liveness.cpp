#include "services/liveness.hpp"

#include <algorithm>

#include "crdt/term_hash.hpp"
#include "services/liveness_change.hpp"

// Links, time and suspicion. What others claim is in liveness_claims.cpp, what there is room for in
// liveness_room.cpp.

namespace barrel {

using liveness::Claim;
using liveness::Verdict;

Liveness::Liveness(NodeName self, std::uint32_t creation, std::int64_t wall_ms, LivenessConfig config,
                   Random random, Metrics& metrics)
    : self_(self),
      creation_(creation),
      incarnation_(static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms, 0))),
      config_(config),
      random_(random),
      beacon_(self),
      beat_period_(config.beat_min),
      malformed_(metrics.counter("liveness.malformed")),
      spoofed_(metrics.counter("liveness.spoofed")),
      from_future_(metrics.counter("liveness.from_future")),
      nodes_full_(metrics.counter("liveness.nodes_full")),
      answers_put_off_(metrics.counter("liveness.answers_put_off")),
      claims_limit_(metrics.counter("liveness.claims_limit")),
      observers_full_(metrics.counter("liveness.observers_full")),
      suspicions_(metrics.counter("liveness.suspicions")),
      deaths_told_(metrics.counter("liveness.deaths_told")),
      refutations_(metrics.counter("liveness.refutations")),
      refutations_put_off_(metrics.counter("liveness.refutations_put_off")),
      contradicted_(metrics.counter("liveness.contradicted")),
      cut_off_(metrics.counter("liveness.cut_off")),
      nodes_gauge_(metrics.gauge("liveness.nodes")) {}

Duration Liveness::jittered(Duration base) {
  return Duration(random_.between(base.count() * 3 / 4, base.count() * 5 / 4));
}

Liveness::Member* Liveness::find(NodeName node) {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

NodeVisibility Liveness::visibility_of(const Member& member) {
  return {member.state == State::alive && !member.out_of_reach, member.creation, member.met};
}

NodeVisibility Liveness::visibility(NodeName node) const {
  if (node == self_) return {true, creation_, true};
  const auto found = members_.find(node);
  return found == members_.end() ? NodeVisibility{} : visibility_of(found->second);
}

bool Liveness::lives(const Member& member) {
  return member.creation != 0 && visibility_of(member).alive;
}

std::vector<NodeName> Liveness::living() const {
  std::vector<NodeName> nodes{self_};
  if (left_) return nodes;
  for (const auto& [node, member] : members_) {
    if (lives(member)) nodes.push_back(node);
  }
  std::ranges::sort(nodes);
  return nodes;
}

std::uint64_t Liveness::hash_of(NodeName node, const Member& member) {
  // Only what claims tell; how we reach the node is our own affair.
  std::uint64_t hash = hash_term(Term(node));
  hash = hash_mix(hash, member.creation);
  hash = hash_mix(hash, member.incarnation);
  return hash_mix(hash, static_cast<std::uint64_t>(member.state));
}

void Liveness::link_up(NodeName node, std::uint32_t creation, bool speaks, Instant now, std::int64_t wall_ms,
                       Effects& out) {
  if (node == self_) return;
  Member* member = obtain(node, std::nullopt, now);
  vouched_no_more(*member);
  member->met = true;
  member->unreachable = false;
  // What others hold of the peer's death, or of its former self, is for it to refute: it must outlive the
  // news that the link brings. A clock that was set back would otherwise leave its new claims below the old.
  std::vector<Claim> claims{own_claim(Verdict::alive)};
  const bool news = member->state != State::alive || member->creation != creation;
  if (news && member->incarnation != 0) {
    claims.push_back(claim_about(node, *member, verdict_of(member->state)));
  }
  change(node, *member, now, out, [&] {
    member->linked = true;
    member->speaks = speaks;
    member->silent = false;
    member->out_of_reach = false;
    member->told_against.reset();
    member->gave_way = Duration::zero();
    member->link_creation = creation;
    member->suspecters.clear();
    member->suspicion.reset();
    member->state = State::alive;
    member->creation = creation;
    if (!speaks && news) {
      const auto clock = static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms, 0));
      member->incarnation = std::max(member->incarnation + 1, clock);
    }
  });
  wake(node, *member, now);
  if (speaks) out.push_back(SendTo{node, encode(self_, liveness::Claims{std::move(claims)})});
  else if (news) tell(claim_about(node, *member, Verdict::alive), out);
  if (member->probing) out.push_back(Release{node});
  member->probing = false;
}

void Liveness::link_silent(NodeName node, Instant now, Effects& out) {
  Member* member = find(node);
  if (member == nullptr || !member->linked || member->silent) return;
  member->silent = true;
  member->witness_at.reset();
  remember(member->suspecters, self_, now);
  suspicions_.add();
  tell(claim_about(node, *member, Verdict::suspect), out);
}

void Liveness::link_heard(NodeName node, Instant) {
  Member* member = find(node);
  if (member == nullptr || !member->silent) return;
  member->silent = false;
  member->suspecters.erase(self_);
}

void Liveness::link_down(NodeName node, bool lost, Instant now, Effects& out) {
  Member* member = find(node);
  if (member == nullptr || !member->linked) return;
  const bool current = member->state == State::alive && member->link_creation == member->creation;
  change(node, *member, now, out, [&] {
    member->linked = false;
    member->silent = false;
    member->out_of_reach = !member->speaks && current;
  });
  member->witness_at.reset();
  member->refute_at.reset();
  const std::optional<Claim> told = std::exchange(member->told_against, std::nullopt);
  if (!current || left_) return wake(node, *member, now);
  const bool told_dead = told && told->verdict == Verdict::down;
  if (told_dead && lost) return declare_dead(node, *member, now, out);
  if (told && !told_dead && !is_old(node, *member, *told)) {
    (void)believe(node, *member, *told, now, out);
    return;
  }
  // A link that was closed in order proves nothing of what was told while it worked.
  if (lost || told_dead || !member->speaks) {
    suspect(node, *member, now, config_.probe_wait, out);
    out.push_back(Probe{node});
  }
}

void Liveness::dial_failed(NodeName node, Instant now, Effects& out) {
  Member* member = find(node);
  if (member == nullptr) return;
  if (!member->met) {
    member->unreachable = true;
    member->beats = false;
  }
  const bool was_probe = std::exchange(member->probing, false);
  if (member->linked || member->state != State::alive || left_) return;
  if (!member->suspicion) {
    if (!was_probe) return;
    suspect(node, *member, now, config_.objection_wait, out);
    member->suspicion->urgent = false;
  } else {
    member->suspicion->dial_failed = true;
  }
  decide(node, *member, now, out);
}

void Liveness::suspect(NodeName node, Member& member, Instant now, Duration wait, Effects& out) {
  const auto told = member.suspecters.find(self_);
  // The suspicion told when the link fell silent still stands; a witness may have answered it since.
  const bool stands = told != member.suspecters.end() && now < told->second + config_.witness_holds;
  const Instant told_at = stands ? told->second : now;
  if (!stands) {
    suspicions_.add();
    tell(claim_about(node, member, Verdict::suspect), out);
    remember(member.suspecters, self_, now);
  }
  member.suspicion = Suspicion{told_at, now + wait};
  wake(node, member, now);
}

void Liveness::decide(NodeName node, Member& member, Instant now, Effects& out) {
  if (!member.suspicion) return;
  Suspicion& suspicion = *member.suspicion;
  if (heard_within(member.witnesses, now, config_.witness_holds)) {
    if (now >= suspicion.decide_at) {
      // Others reach it; look again ourselves while nobody has told its end.
      suspicion.decide_at = now + config_.witness_holds;
      suspicion.dial_failed = false;
      suspicion.told_at = now;
      tell(claim_about(node, member, Verdict::suspect), out);
      out.push_back(Probe{node});
    }
    return wake(node, member, now);
  }
  const bool confirmed = std::ranges::any_of(member.suspecters, [&](const auto& s) {
    return s.first != self_ && now < s.second + config_.confirmation_holds;
  });
  const bool objections_over = now >= suspicion.told_at + config_.witness_wait;
  const bool early = suspicion.urgent && objections_over && (confirmed || suspicion.dial_failed);
  if (now >= suspicion.decide_at || early) return declare_dead(node, member, now, out);
  wake(node, member, now);
}

void Liveness::declare_dead(NodeName node, Member& member, Instant now, Effects& out) {
  deaths_told_.add();
  change(node, member, now, out, [&] { member.state = State::dead; });
  member.suspicion.reset();
  member.told_against.reset();
  member.suspecters.clear();
  member.witnesses.clear();
  wake(node, member, now);
  tell(claim_about(node, member, Verdict::down), out);
}

void Liveness::wake(NodeName node, Member& member, Instant now) {
  std::optional<Instant> next = member.witness_at;
  const auto consider = [&](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (member.refute_at) consider(*member.refute_at);
  if (member.suspicion) {
    consider(member.suspicion->decide_at);
    // When those asked have had their time; once that is over only decide_at or another input matters.
    const Instant objections_end = member.suspicion->told_at + config_.witness_wait;
    if (now < objections_end) consider(objections_end);
  }
  if (member.wake_at) wakes_.erase({*member.wake_at, node});
  member.wake_at = next;
  if (next) wakes_.emplace(*next, node);
}

void Liveness::wake_up(NodeName node, Member& member, Instant now, Effects& out) {
  if (member.witness_at && *member.witness_at <= now) {
    member.witness_at.reset();
    if (member.linked && !member.silent) tell(claim_about(node, member, Verdict::reachable), out);
  }
  if (member.refute_at && *member.refute_at <= now) {
    member.refute_at.reset();
    if (member.linked && !member.silent) refute_for(node, member, now, out);
  }
  if (member.suspicion) decide(node, member, now, out);
  else wake(node, member, now);
}

void Liveness::prove(NodeName node, Effects& out) {
  const Member* member = find(node);
  if (member == nullptr || left_ || member->linked || member->probing || member->suspicion) return;
  if (member->state == State::alive) probe(node, out);
}

void Liveness::advance(Instant now, Effects& out) {
  for (const auto& [from, theirs] : turns_.take_due(members_.size(), now)) answer(from, theirs, out);
  std::vector<NodeName> due;
  for (const auto& [at, node] : wakes_) {
    if (at > now) break;
    due.push_back(node);
  }
  for (const NodeName node : due) {
    if (Member* member = find(node)) wake_up(node, *member, now, out);
  }
  if (refute_at_ && *refute_at_ <= now) {
    refute_at_.reset();
    refute(now, out);
  }
  if (sweep_at_ && *sweep_at_ <= now) sweep(out);
  if (probe_at_ && *probe_at_ <= now) probe_one(now, out);
  if (revive_at_ && *revive_at_ <= now) revive_one(now, out);
  if (beat_at_ && *beat_at_ <= now) check_beat(now, out);
}

std::vector<NodeName> Liveness::unobserved() const {
  std::vector<NodeName> nodes;
  if (left_) return nodes;
  for (const auto& [node, member] : members_) {
    const bool idle = !member.linked && !member.suspicion && !member.probing && member.speaks;
    if (idle && member.state == State::alive) nodes.push_back(node);
  }
  return nodes;
}

void Liveness::probe(NodeName node, Effects& out) {
  members_.at(node).probing = true;
  out.push_back(Probe{node});
}

void Liveness::probe_one(Instant now, Effects& out) {
  probe_at_ = now + jittered(config_.probe_period);
  const auto nodes = unobserved();
  if (!nodes.empty()) probe(nodes[random_.below(nodes.size())], out);
}

void Liveness::sweep(Effects& out) {
  sweep_at_.reset();
  const std::uint64_t nodes = members_.size() + 1;
  const std::uint64_t pairs = nodes * nodes;
  for (const NodeName node : unobserved()) {
    if (random_.below(pairs) < config_.sweep_probes) probe(node, out);
  }
}

void Liveness::revive_one(Instant now, Effects& out) {
  revive_at_.reset();
  if (left_) return;
  std::vector<NodeName> dead;
  for (const auto& [node, member] : members_) {
    const bool recent = now < member.changed_at + config_.revive_for;
    if (member.state == State::dead && !member.linked && recent) dead.push_back(node);
  }
  if (dead.empty()) return;
  revive_at_ = now + jittered(config_.revive_period);
  out.push_back(Revive{dead[random_.below(dead.size())]});
}

std::optional<Instant> Liveness::next_deadline() const {
  std::optional<Instant> next = turns_.next_deadline();
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(refute_at_);
  consider(probe_at_);
  consider(revive_at_);
  consider(sweep_at_);
  consider(beat_at_);
  if (!wakes_.empty()) consider(wakes_.begin()->first);
  return next;
}

void Liveness::remember(std::map<NodeName, Instant>& observers, NodeName who, Instant now) {
  if (observers.size() >= observers_max && !observers.contains(who)) {
    observers_full_.add();
    observers.erase(std::ranges::min_element(observers, {}, [](const auto& o) { return o.second; }));
  }
  observers.insert_or_assign(who, now);
}

bool Liveness::heard_within(const std::map<NodeName, Instant>& observers, Instant now, Duration span) {
  return std::ranges::any_of(observers, [&](const auto& o) { return now < o.second + span; });
}

}  // namespace barrel
