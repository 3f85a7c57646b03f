#include "sim/nodes/ledger.hpp"

#include <algorithm>

#include "barrel/process/exit.hpp"
#include "barrel/term/term_text.hpp"

namespace barrel::sim {

namespace {

/// Small messages have fewer bytes of text than this.
constexpr std::size_t small_sizes = 100;

template <class Map, class Key>
auto found(Map& map, const Key& key) -> decltype(&map.begin()->second) {
  const auto at = map.find(key);
  return at == map.end() ? nullptr : &at->second;
}

}  // namespace

std::string Ledger::text(const Pid& pid) {
  return to_string(Term(pid)) + "/" + std::to_string(pid.creation);
}

std::uint64_t Ledger::losses(std::size_t node, std::size_t peer) const {
  const auto* count = found(losses_, std::pair(node, peer));
  return count == nullptr ? 0 : *count;
}

std::uint64_t Ledger::losses_between(const Pid& from, const Pid& to) const {
  return losses(node_of(from), node_of(to));
}

// -- processes

void Ledger::started(const Pid& pid, std::size_t node) {
  Actor actor;
  actor.node = node;
  actors_.emplace(pid, std::move(actor));
  living_[node].push_back(pid);
}

void Ledger::ended(const Pid& pid, const Term& reason) {
  Actor& actor = actors_.at(pid);
  if (!actor.alive) return;  // with its node
  actor.alive = false;
  std::erase(living_[actor.node], pid);
  actor.reason = actor.announced.value_or(reason);
  for (const auto& [pair, count] : losses_) {
    if (pair.first == actor.node) actor.losses[pair.second] = count;
  }
}

void Ledger::crashed(std::size_t node) {
  for (const Pid& pid : std::exchange(living_[node], {})) {
    Actor& actor = actors_.at(pid);
    actor.alive = false;
    actor.crashed = true;
    actor.reason = Term(Atom("crashed_with_its_node"));
  }
  // What those that had ended before said may still have waited for a connection.
  for (const auto& [peer, pids] : living_) lost(node, peer);
}

bool Ledger::alive(const Pid& pid) const {
  const auto* actor = found(actors_, pid);
  return actor != nullptr && actor->alive;
}

const std::vector<Pid>& Ledger::alive_on(std::size_t node) const {
  static const std::vector<Pid> nobody;
  const auto* living = found(living_, node);
  return living == nullptr ? nobody : *living;
}

std::optional<Pid> Ledger::holder(NodeName node, Atom name) const {
  const auto* holdings = found(holders_, std::pair(node, name));
  if (holdings == nullptr || !alive(holdings->back().pid)) return std::nullopt;
  return holdings->back().pid;
}

// -- messages

std::int64_t Ledger::open_stream(const Pid& from, const Pid& to, std::optional<Atom> name) {
  Stream stream;
  stream.from = from;
  stream.to = to;
  stream.name = name;
  streams_of_[{from, to}].push_back(streams_.size());
  streams_.push_back(std::move(stream));
  return static_cast<std::int64_t>(streams_.size()) - 1;
}

Note Ledger::sent(std::int64_t stream, std::size_t bytes) {
  Stream& of = streams_.at(static_cast<std::size_t>(stream));
  const std::size_t number = of.sent.size() + 1;
  if (bytes == 0) bytes = number % small_sizes;
  of.sent.push_back({losses_between(of.from, of.to), bytes, ++order_});
  const auto signed_number = static_cast<std::int64_t>(number);
  return {stream, signed_number, note_text(stream, signed_number, bytes)};
}

void Ledger::received(const Pid& by, const Note& note) {
  if (!alive(by)) return;  // its node is being taken apart
  ++messages_;
  const auto index = static_cast<std::size_t>(note.stream);
  const bool was_sent = index < streams_.size() && note.number > 0 &&
                        static_cast<std::size_t>(note.number) <= streams_[index].sent.size();
  if (!was_sent) return faults_.add("a message that nobody sent came to " + text(by));
  Stream& stream = streams_[index];
  std::int64_t& last = stream.last[by];
  check_message(by, note, stream, last);
  const Sent& sent = stream.sent[static_cast<std::size_t>(note.number) - 1];
  note_arrival_of_link(stream.from, by, sent);
  note_arrival_of_monitors(stream, by, sent);
  last = std::max(last, note.number);
}

void Ledger::check_message(const Pid& by, const Note& note, const Stream& stream, std::int64_t last) {
  const std::string which =
      "message " + std::to_string(note.number) + " of " + text(stream.from) + " to " + text(by);
  if (!stream.name && stream.to != by) return faults_.add(which + " came to the wrong process");
  if (note.number <= last) {
    return faults_.add(which + " came after " + std::to_string(last) + ": reordered or duplicated");
  }
  const auto sent = [&](std::int64_t number) { return stream.sent.at(static_cast<std::size_t>(number) - 1); };
  if (note.text != note_text(note.stream, note.number, sent(note.number).bytes)) {
    faults_.add(which + " came with another text than it was sent with");
  }
  check_order(which, by, stream.from, sent(note.number).order);
  if (told_dead_.contains({by, stream.from})) faults_.add(which + " came after its sender's end was told");
  // Who has only just taken a name did not get what was sent to it before.
  const bool is_new_holder = last == 0 && by != stream.to;
  if (note.number - 1 > last && sent(note.number - 1).epoch == sent(note.number).epoch && !is_new_holder) {
    faults_.add(which + " came after " + std::to_string(last) + ": lost in between, on one connection");
  }
}

void Ledger::check_order(const std::string& what, const Pid& by, const Pid& from, std::uint64_t order) {
  std::uint64_t& last = last_orders_[{by, from}];
  if (order < last) faults_.add(what + " came after one that was sent later: reordered across streams");
  last = std::max(last, order);
}

bool Ledger::is_complete(const Stream& stream) const {
  if (stream.sent.empty() || !alive(stream.from) || !alive(stream.to)) return true;
  if (stream.sent.back().epoch != losses_between(stream.from, stream.to)) return true;
  const auto* last = found(stream.last, stream.to);
  return last != nullptr && *last == static_cast<std::int64_t>(stream.sent.size());
}

// -- monitors

void Ledger::monitors(const Pid& watcher, const Ref& ref, const Pid& target, std::optional<Atom> name) {
  Watch watch;
  watch.watcher = watcher;
  watch.target = target;
  watch.name = name;
  watch.losses = losses_between(watcher, target);
  watch.order = ++order_;
  watches_.emplace(ref, watch);
  if (name) watches_by_name_[{watcher, target}].push_back(ref);
}

void Ledger::note_arrival_of_monitors(const Stream& stream, const Pid& to, const Sent& sent) {
  const auto* refs = stream.name ? found(watches_by_name_, std::pair(stream.from, to)) : nullptr;
  if (refs == nullptr) return;
  for (const Ref& ref : *refs) {
    Watch* watch = found(watches_, ref);
    if (watch == nullptr || watch->name != stream.name) continue;
    if (sent.order > watch->order && sent.epoch == watch->losses) watch->arrived = true;
  }
}

std::vector<Pid> Ledger::later_holders(const Watch& watch) const {
  std::vector<Pid> later;
  const auto* holdings = found(holders_, std::pair(watch.target.node(), *watch.name));
  if (watch.arrived || holdings == nullptr) return later;
  for (const Holding& holding : *holdings) {
    if (holding.since > watch.order) later.push_back(holding.pid);
  }
  return later;
}

void Ledger::check_name_reason(const std::string& what, const Watch& watch, const Term& why) {
  const Actor& holder = actors_.at(watch.target);
  if (holder.alive) return faults_.add(what + " for a name that it still holds");
  told_dead_.emplace(watch.watcher, watch.target);
  if (why == Term(noproc())) {
    if (watch.arrived) faults_.add(what + " for a name, although the monitor had come to its holder");
    return;
  }
  const auto ended_so = [&](const Pid& pid) {
    const Actor& actor = actors_.at(pid);
    return !actor.alive && actor.reason == why;
  };
  const auto later = later_holders(watch);
  if (std::ranges::any_of(later, ended_so)) return;  // of that one, or of the first: nobody can tell
  if (!ended_so(watch.target)) {
    return faults_.add(what + " for a name, but its holder ended with " + to_string(holder.reason));
  }
  check_last_messages(watch.watcher, watch.target);
}

void Ledger::check_reason(const std::string& what, const Pid& watcher, const Pid& target, const Term& why,
                          std::uint64_t since) {
  if (why == Term(noconnection())) {
    if (losses_between(watcher, target) == since) faults_.add(what + " although the connection lives");
    return;
  }
  const Actor& ended = actors_.at(target);
  if (ended.alive) return faults_.add(what + " although it lives");
  told_dead_.emplace(watcher, target);
  if (why == Term(noproc())) return;
  if (why != ended.reason) faults_.add(what + ", but it ended with " + to_string(ended.reason));
  check_last_messages(watcher, target);
}

void Ledger::check_last_messages(const Pid& watcher, const Pid& target) {
  const auto* streams = found(streams_of_, std::pair(target, watcher));
  if (streams == nullptr) return;
  const Actor& sender = actors_.at(target);
  const auto* at_end = found(sender.losses, node_of(watcher));
  const std::uint64_t last_epoch = at_end == nullptr ? 0 : *at_end;
  for (const std::size_t index : *streams) {
    const Stream& stream = streams_[index];
    if (stream.sent.empty() || stream.sent.back().epoch != last_epoch) continue;
    const auto* last = found(stream.last, watcher);
    const std::int64_t got = last == nullptr ? 0 : *last;
    if (got == static_cast<std::int64_t>(stream.sent.size())) continue;
    faults_.add("the end of " + text(target) + " was told to " + text(watcher) +
                " before its last message, " + std::to_string(got) + " of " +
                std::to_string(stream.sent.size()) + " came");
  }
}

void Ledger::down(const Pid& watcher, const Down& down) {
  if (!alive(watcher)) return;
  ++downs_;
  Watch* watch = found(watches_, down.ref);
  if (watch == nullptr) return faults_.add("a DOWN came to " + text(watcher) + " that it did not ask for");
  const std::string what =
      "DOWN of " + text(watch->target) + " (" + to_string(down.reason) + ") came to " + text(watcher);
  if (watch->watcher != watcher) return faults_.add(what + ", which is not the watcher");
  if (watch->fired) return faults_.add(what + " twice");
  watch->fired = true;
  if (watch->name && down.reason != Term(noconnection())) return check_name_reason(what, *watch, down.reason);
  check_reason(what, watcher, watch->target, down.reason, watch->losses);
}

std::optional<std::string> Ledger::unfired(const Watch& watch) const {
  if (watch.fired || !alive(watch.watcher)) return std::nullopt;
  const std::string what = "no DOWN of " + text(watch.target) + " came to " + text(watch.watcher);
  if (losses_between(watch.watcher, watch.target) != watch.losses) {
    return what + ", although the connection was lost";
  }
  if (alive(watch.target)) return std::nullopt;
  // Whom a monitor that was under way found may live.
  if (watch.name && std::ranges::any_of(later_holders(watch), [&](const Pid& pid) { return alive(pid); }))
    return std::nullopt;
  return what + (watch.name ? " for its name" : "") + ", which ended with " +
         to_string(actors_.at(watch.target).reason);
}

// -- links

bool Ledger::links(const Pid& from, const Pid& to) {
  const auto [first, second] = std::minmax(from, to);
  Link link;
  link.from = from;
  link.to = to;
  link.losses = losses_between(from, to);
  link.losses_back = losses_between(to, from);
  link.order = ++order_;
  return links_.emplace(std::pair(first, second), link).second;
}

void Ledger::note_arrival_of_link(const Pid& from, const Pid& to, const Sent& sent) {
  const auto [first, second] = std::minmax(from, to);
  Link* link = found(links_, std::pair(first, second));
  if (link == nullptr || link->to != to) return;
  if (!link->arrived && sent.order > link->order && sent.epoch == link->losses)
    link->arrived = losses_between(to, from);
  if (link->unlinked && sent.order > *link->unlinked && sent.epoch == link->unlink_losses)
    link->unlink_arrived = true;
}

void Ledger::unlinks(const Pid& from, const Pid& to) {
  const auto [first, second] = std::minmax(from, to);
  Link& link = links_.at(std::pair(first, second));
  link.unlinked = ++order_;
  link.unlink_losses = losses_between(from, to);
}

void Ledger::check_unlinked(const std::string& what, const Link& link, bool is_from, const Term& why) {
  if (is_from) return faults_.add(what + ", which had unlinked");
  if (link.unlink_arrived) return faults_.add(what + ", to which its unlink had come");
  // Until the unlink comes the connection can be lost.
  if (why != Term(noconnection())) faults_.add(what + " from which it was unlinked");
}

void Ledger::exit(const Pid& at, const Exit& exit) {
  if (!alive(at)) return;
  const auto [first, second] = std::minmax(at, exit.from);
  Link* link = found(links_, std::pair(first, second));
  const std::string what =
      "exit signal of " + text(exit.from) + " (" + to_string(exit.reason) + ") came to " + text(at);
  if (link == nullptr) return faults_.add(what + ", to which it never was linked");
  const bool is_from = at == link->from;
  bool& fired = is_from ? link->fired_from : link->fired_to;
  if (fired) return faults_.add(what + " twice");
  fired = true;
  if (link->unlinked) check_unlinked(what, *link, is_from, exit.reason);
  check_reason(what, at, exit.from, exit.reason, is_from ? link->losses : link->losses_back);
}

void Ledger::missing_of(const Link& link, std::vector<std::string>& out) const {
  if (link.unlinked) return;
  const bool lost = losses_between(link.from, link.to) != link.losses;
  if (!link.fired_from && alive(link.from) && (lost || !alive(link.to))) {
    out.push_back("no exit signal of " + text(link.to) + " came to " + text(link.from) +
                  ", which had linked to it");
  }
  if (link.fired_to || !alive(link.to)) return;
  const Actor& from = actors_.at(link.from);
  const bool lost_back = link.arrived && losses_between(link.to, link.from) != *link.arrived;
  if (link.arrived && (lost || lost_back)) {
    out.push_back("no exit signal of " + text(link.from) + " came to " + text(link.to) +
                  ", to which its link had come before their connection was lost");
    return;
  }
  // Where nothing told that the link came, it is certain while no connection was lost.
  const bool told =
      !lost && !from.alive && !from.crashed && losses_between(link.to, link.from) == link.losses_back;
  if (told) {
    out.push_back("no exit signal of " + text(link.from) + " came to " + text(link.to) +
                  ", to which it was linked");
  }
}

std::vector<std::string> Ledger::missing() const {
  std::vector<std::string> out;
  for (const auto& [ref, watch] : watches_) {
    if (auto fault = unfired(watch)) out.push_back(*std::move(fault));
  }
  for (const auto& [pair, link] : links_) missing_of(link, out);
  for (const Stream& stream : streams_) {
    if (is_complete(stream)) continue;
    const auto* last = found(stream.last, stream.to);
    out.push_back("of " + std::to_string(stream.sent.size()) + " messages of " + text(stream.from) + " to " +
                  text(stream.to) + " the last that came is " + std::to_string(last == nullptr ? 0 : *last));
  }
  return out;
}

}  // namespace barrel::sim
