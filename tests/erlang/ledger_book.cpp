#include "erlang/ledger_book.hpp"

#include <algorithm>
#include <sstream>

namespace barrel::test {
namespace {

std::string text(std::int64_t number) {
  return std::to_string(number);
}

}  // namespace

void LedgerBook::read(std::istream& diary) {
  for (std::string line; std::getline(diary, line);) {
    if (diary.eof()) break;  // without its end: the node was killed while it wrote
    std::istringstream words(line);
    Process process = 0;
    Entry entry;
    if (!(words >> process >> entry.verb)) {
      fault("a line that cannot be read: " + line);
      continue;
    }
    for (std::string word; words >> word;) entry.words.push_back(std::move(word));
    diaries_[process].push_back(std::move(entry));
  }
}

bool LedgerBook::was_cut(Process one, Process other) const {
  return cuts_.contains(std::minmax(life_of(one), life_of(other)));
}

bool LedgerBook::has_cuts(Process process) const {
  const Life life = life_of(process);
  return std::ranges::any_of(cuts_, [&](const auto& cut) { return cut.first == life || cut.second == life; });
}

std::vector<std::string> LedgerBook::faults() {
  collect();
  for (const auto& [process, entries] : diaries_) judge(process, entries);
  find_incomplete_streams();
  return faults_;
}

/// What other processes' diaries are held against.
void LedgerBook::collect() {
  for (const auto& [process, entries] : diaries_) {
    for (const Entry& entry : entries) {
      if (entry.verb == "dead") dead_[process] = entry.text(0);
      if (entry.verb == "kills") kill_targets_.insert(entry.number(0));
      if (entry.verb == "links") links_.emplace(process, entry.number(0));
      if (entry.verb == "unlinks") unlinks_.emplace(process, entry.number(0));
      if (entry.verb == "unlinked") unlinked_.emplace(process, entry.number(0));
      if (entry.verb == "got") got_[{process, {entry.number(0), entry.number(1)}}] = entry.number(2);
      if (entry.verb != "sends") continue;
      Stream& stream = streams_[{process, entry.number(1)}];
      stream.to = entry.number(0);
      stream.sent = entry.number(2);
    }
  }
}

void LedgerBook::judge(Process process, const std::vector<Entry>& entries) {
  Reader reader;
  reader.self = process;
  for (const Entry& entry : entries) judge_entry(reader, entry);
  find_missing(reader);
}

void LedgerBook::judge_entry(Reader& reader, const Entry& entry) {
  if (entry.verb == "got") return judge_message(reader, entry);
  if (entry.verb == "down") return judge_down(reader, entry);
  if (entry.verb == "exit") return judge_exit(reader, entry);
  if (entry.verb == "monitors") {
    Watch& watch = reader.watches[entry.number(1)];
    watch.target = entry.number(0);
    watch.by_name = entry.words.size() > 2;
    watch.order = reader.watches.size();
  }
  if (entry.verb == "sends" && reader.links.contains(entry.number(0)) && reader.links[entry.number(0)].own)
    reader.sent_after_link.try_emplace(entry.number(0), entry.number(1), entry.number(2));
  if (entry.verb == "demonitors") reader.watches[entry.number(0)].stopped = true;
  if (entry.verb == "links") reader.links[entry.number(0)].own = true;
  if (entry.verb == "unlinked") {
    reader.links[entry.number(0)].unlinked = true;
    ++counts_[{node_of(reader.self), node_of(entry.number(0))}].unlinks;
  }
  if (entry.verb == "linked") reader.links[entry.number(0)].announced = true;
  if (entry.verb == "quiet") reader.quiet = true;
  if (entry.verb == "strange") fault(text(reader.self) + " got what nobody sent: " + entry.text(0));
  if (entry.verb == "stranger" && !has_cuts(reader.self))
    fault("an exit signal of a process that has announced no link came to " + text(reader.self));
}

// -- messages

void LedgerBook::judge_message(const Reader& reader, const Entry& entry) {
  const Process from = entry.number(0);
  const std::int64_t number = entry.number(2);
  ++counts_[{node_of(reader.self), node_of(from)}].messages;
  const std::string what =
      "message " + text(number) + " of " + text(from) + "/" + entry.text(1) + " to " + text(reader.self);
  Stream& stream = streams_[{from, entry.number(1)}];
  if (stream.sent < number && !node_killed(from)) fault(what + " was not sent");
  if (stream.to != reader.self && stream.to != 0) fault(what + " was for " + text(stream.to));
  if (number <= stream.got) fault(what + " came after " + text(stream.got) + ": reordered or duplicated");
  if (number > stream.got + 1 && !was_cut(from, reader.self))
    fault(what + " came after " + text(stream.got) + ": lost in between");
  if (reader.told_dead.contains(from)) fault(what + " came after its sender's end was told");
  stream.got = number;
}

void LedgerBook::find_incomplete_streams() {
  for (const auto& [key, stream] : streams_) {
    const Process from = key.first;
    if (dead(stream.to) || node_killed(from) || was_cut(from, stream.to)) continue;
    if (stream.got + unsure(from) >= stream.sent) continue;
    fault(text(stream.to) + " got " + text(stream.got) + " of " + text(stream.sent) + " messages of " +
          text(from) + "/" + text(key.second));
  }
}

// -- monitors and links

void LedgerBook::judge_down(Reader& reader, const Entry& entry) {
  const std::string& reason = entry.text(1);
  const auto watch = reader.watches.find(entry.number(0));
  const std::string what = "DOWN " + entry.text(0) + " (" + reason + ") at " + text(reader.self);
  if (watch == reader.watches.end()) return fault(what + " was not asked for");
  if (watch->second.stopped) fault(what + " came after demonitor");
  if (++watch->second.fired > 1) fault(what + " came twice");
  const Process target = watch->second.target;
  Count& count = counts_[{node_of(reader.self), node_of(target)}];
  ++count.downs;
  if (watch->second.by_name) ++count.named;
  if (reason == "noconnection") {
    std::size_t& last = reader.last_lost[life_of(target)];
    last = std::max(last, watch->second.order);
  }
  // A name and a pid are two receivers, whose signals keep no order.
  const bool seen_alive = !watch->second.by_name && has_got(target, {reader.self, watch->first}, 1);
  judge_end(reader, target, reason, what + " of " + text(target), seen_alive);
}

void LedgerBook::judge_exit(Reader& reader, const Entry& entry) {
  const Process from = entry.number(0);
  const std::string what =
      "exit signal of " + text(from) + " (" + entry.text(1) + ") at " + text(reader.self);
  const auto link = reader.links.find(from);
  if (link == reader.links.end()) return fault(what + " without a link");
  // Which of an unlink and a link of the other one was later only the two know.
  if (link->second.unlinked && !link->second.announced && !links_.contains({from, reader.self}))
    fault(what + " came after unlink");
  const bool let_go = unlinked_.contains({from, reader.self}) && !link->second.own;
  if (let_go && entry.text(1) != "noconnection") fault(what + " came although it had let go");
  // Who is linked already and does not know yet that the other one has ended may link anew, to nobody. After
  // a cut the other one may have linked anew.
  const bool is_second = link->second.own && link->second.announced && entry.text(1) == "noproc";
  const int expected = 1 + (is_second ? 1 : 0) + (was_cut(from, reader.self) ? 1 : 0);
  if (++link->second.fired > expected) fault(what + " came twice");
  ++counts_[{node_of(reader.self), node_of(from)}].exits;
  // With a link of the other one's, too, this may be of the second of two.
  const auto sent = reader.sent_after_link.find(from);
  const bool seen_alive = sent != reader.sent_after_link.end() && !link->second.announced &&
                          has_got(from, {reader.self, sent->second.first}, sent->second.second);
  judge_end(reader, from, entry.text(1), what, seen_alive);
}

void LedgerBook::judge_end(Reader& reader, Process target, const std::string& reason, const std::string& what,
                           bool seen_alive) {
  const bool may_be_lost = node_killed(target) || was_cut(reader.self, target);
  if (reason == "noconnection") {
    ++counts_[{node_of(reader.self), node_of(target)}].lost;
    if (!may_be_lost) fault(what + " although the connection lives");
    if (node_killed(target) && !was_cut(reader.self, target)) reader.told_dead.insert(target);
    return;
  }
  reader.told_dead.insert(target);
  if (!dead(target)) return fault(what + " although it lives");
  if (reason == "noproc") {
    if (seen_alive) fault(what + " although it lived when it was watched");
    return;
  }
  const auto known = dead_.find(target);
  if (known != dead_.end() && known->second != reason) fault(what + ", but it ended with " + known->second);
  if (may_be_lost) return;
  for (auto at = streams_.lower_bound({target, 0}); at != streams_.end() && at->first.first == target; ++at) {
    const Stream& stream = at->second;
    if (stream.to == reader.self && stream.got + unsure(target) < stream.sent)
      fault(what + " came before its last message: " + text(stream.got) + " of " + text(stream.sent));
  }
}

bool LedgerBook::has_got(Process to, StreamKey stream, std::int64_t number) const {
  const auto got = got_.find({to, stream});
  return got != got_.end() && got->second >= number && !was_cut(stream.first, to);
}

/// Whether either has taken the link back. Of a process that was killed it is not known when it has linked,
/// too.
bool LedgerBook::may_be_unlinked(Process process, Process other, const Link& link) const {
  if (unlinks_.contains({process, other}) || unlinks_.contains({other, process})) return true;
  return link.announced && (node_killed(other) || unsure(other) != 0);
}

void LedgerBook::find_missing(const Reader& reader) {
  if (dead(reader.self)) return;
  if (!reader.quiet) fault(text(reader.self) + " has not come to rest");
  for (const auto& [number, watch] : reader.watches) {
    if (watch.fired != 0 || watch.stopped) continue;
    const std::string what =
        "no DOWN " + text(number) + " of " + text(watch.target) + " at " + text(reader.self);
    if (dead(watch.target)) fault(what);
    const auto lost = reader.last_lost.find(life_of(watch.target));
    if (!dead(watch.target) && lost != reader.last_lost.end() && watch.order < lost->second)
      fault(what + ", but of one that was set later the connection was lost");
  }
  for (const auto& [other, link] : reader.links) {
    if (may_be_unlinked(reader.self, other, link)) continue;
    // A link that was announced may have been lost with the node that announced it.
    const bool certain =
        link.own || (!node_killed(other) && !was_cut(other, reader.self) && unsure(other) == 0);
    if (link.fired == 0 && certain && dead(other))
      fault("no exit signal of " + text(other) + " at " + text(reader.self));
  }
}

}  // namespace barrel::test
