#include "barrel/otp/process_groups.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "barrel/otp/gen_server.hpp"
#include "barrel/process/runtime.hpp"
#include "barrel/term/term_size.hpp"
#include "otp/departing.hpp"
#include "otp/group_messages.hpp"
#include "otp/group_table.hpp"

namespace barrel::otp {

namespace {

using detail::GroupChange;
using Groups = std::map<Term, std::vector<Pid>>;

/// Members that a scope of another node may have; what it tells of beyond is not taken over. A guess:
/// half a million would take a second to send.
constexpr std::size_t members_per_peer_max = 500'000;
/// Bytes of the names of the groups that they are in. A guess: as many short names as members.
constexpr std::size_t names_bytes_per_peer_max = std::size_t{16} << 20;
/// Scopes of one other node that are known at once. The second is for one that has been started again before
/// the Down of the last has come; whoever names a third says what is not so.
constexpr std::size_t peers_per_node_max = 2;

/// As GroupChange: a watcher of another node would be one more list that peers can make longer.
struct WatchScope {
  static constexpr std::string_view internal_name = "$barrel_watch_scope";
  Pid watcher;
  using Reply = std::vector<std::pair<Term, std::vector<Pid>>>;
};

std::vector<Pid> pids_of(const Term& term) {
  if (const auto pid = term.as_pid()) return {*pid};
  auto list = from_term<std::vector<Pid>>(term);
  return list ? *std::move(list) : std::vector<Pid>();
}

Term term_of(const std::vector<Pid>& pids) {
  return pids.size() == 1 ? Term(pids.front()) : to_term(pids);
}

/// The process of a scope.
class ScopeServer {
 public:
  using Calls = Messages<GroupChange, WatchScope, Term>;
  using Casts = Messages<Sync, Term>;
  using Infos = Messages<Discover, DiscoverVersion, RemoteJoin, RemoteLeave, Down, NodeUp, NodeDown, Term>;

  ScopeServer(Self self, Atom scope, std::shared_ptr<GroupTable> table)
      : self_(self),
        scope_(scope),
        table_(std::move(table)),
        refused_(self.runtime().metrics().counter("otp.group_members_refused")),
        foreign_(self.runtime().metrics().counter("otp.group_requests_refused")),
        scopes_refused_(self.runtime().metrics().counter("otp.group_scopes_refused")) {
    if (const auto registered = self_.register_name(scope); !registered) exit(registered.error().reason);
    for (const NodeName node : self_.monitor_nodes()) meet(node);
  }

  Result<void> handle_call(const GroupChange& change) {
    const auto elsewhere = [&](const Pid& pid) { return pid.node() != self_.pid().node(); };
    if (std::ranges::any_of(change.pids, elsewhere)) {
      return Error(Errc::invalid_argument, Atom("badarg"));
    }
    return change.join ? join(change.group, change.pids) : leave(change.group, change.pids);
  }
  WatchScope::Reply handle_call(const WatchScope& request) {
    watchers_.insert_or_assign(request.watcher, self_.monitor(request.watcher));
    WatchScope::Reply all;
    for (const Term& group : table_->groups()) all.emplace_back(group, table_->members(group, false));
    return all;
  }

  /// What anybody can send: the scope is changed by this node's processes, through ProcessGroups.
  Term handle_call(const Term&) {
    foreign_.add();
    return Term::tuple_of(Atom("error"), Atom("badarg"));
  }

  void handle_info(const NodeUp& up) {
    // Anybody can send the like of it.
    const auto connected = self_.monitor_nodes();
    if (std::ranges::find(connected, up.node) != connected.end()) return meet(up.node);
    foreign_.add();
  }
  /// The Down of its scope process tells of the members.
  void handle_info(const NodeDown& down) { connected_.erase(down.node); }
  void handle_info(const Discover& discover) { answer(discover.peer); }
  void handle_info(const DiscoverVersion& discover) { answer(discover.peer); }
  void handle_cast(const Sync& sync) {
    Peer* peer = peer_of(sync.peer);
    if (peer == nullptr) return;
    const Groups before = std::exchange(peer->groups, {});
    peer->members = peer->names_bytes = 0;
    for (const auto& [group, pids] : sync.groups) (void)note(sync.peer, *peer, group, pids);
    show_difference(before, peer->groups);
  }
  void handle_info(const RemoteJoin& joined) {
    const auto peer = peers_.find(joined.peer);
    if (peer == peers_.end()) return;  // its Sync has not come yet, and has it
    const std::vector<Pid> added = note(joined.peer, peer->second, joined.group, pids_of(joined.pids));
    if (added.empty()) return;
    table_->add(joined.group, added, false);
    tell(GroupJoined{joined.group, added});
  }
  void handle_info(const RemoteLeave& left) {
    const auto peer = peers_.find(left.peer);
    if (peer == peers_.end()) return;
    const Departing departing(pids_of(left.pids));
    for (const Term& group : left.groups) give_up(peer->second, group, departing);
  }
  void handle_info(const Down& down) {
    const auto is_of = [&](const Monitor& monitor) { return monitor.ref() == down.ref; };
    if (const auto watcher = watchers_.find(down.pid); watcher != watchers_.end() && is_of(watcher->second)) {
      watchers_.erase(watcher);
      return;
    }
    if (const auto peer = peers_.find(down.pid); peer != peers_.end() && is_of(peer->second.monitor)) {
      return forget(peer);
    }
    if (const auto local = locals_.find(down.pid); local != locals_.end() && is_of(local->second.monitor)) {
      const std::vector<Term> groups = std::move(local->second.groups);
      locals_.erase(local);
      leave_groups({down.pid}, groups);
    }
  }
  void handle_cast(const Term&) {}  // of another version of the protocol
  void handle_info(const Term&) {}

 private:
  void meet(NodeName node) {
    connected_.insert(node);
    self_.send(NodeLocalName{scope_, node}, Discover{self_.pid()});
  }

  struct Local {
    Monitor monitor;
    std::vector<Term> groups;  // as often as it joined
  };
  struct Peer {
    Monitor monitor;
    Groups groups;
    std::size_t members = 0;
    std::size_t names_bytes = 0;
  };

  /// Null if it is not of a visible node that is connected, or is one too many: nobody can make us keep, or
  /// dial, whatever it names. A known one stays until its own Down, since anybody can name another.
  Peer* peer_of(const Pid& peer) {
    if (!connected_.contains(peer.node())) return nullptr;
    const auto known = peers_.find(peer);
    if (known != peers_.end()) return &known->second;
    const auto is_beside = [&](const auto& entry) { return entry.first.node() == peer.node(); };
    if (std::cmp_greater_equal(std::ranges::count_if(peers_, is_beside), peers_per_node_max)) {
      scopes_refused_.add();
      return nullptr;
    }
    return &peers_.emplace(peer, Peer{self_.monitor(peer), {}, 0, 0}).first->second;
  }
  void forget(std::map<Pid, Peer>::iterator peer) {
    const Groups lost = std::move(peer->second.groups);
    peers_.erase(peer);
    show_difference(lost, {});
  }
  void answer(const Pid& peer) {
    const bool known = peers_.contains(peer);
    if (peer_of(peer) == nullptr) return;
    self_.cast(peer, Sync{self_.pid(), local_members()});
    if (!known) self_.send(peer, Discover{self_.pid()});
  }
  [[nodiscard]] std::vector<std::pair<Term, std::vector<Pid>>> local_members() const {
    Groups groups;
    for (const auto& [pid, local] : locals_) {
      for (const Term& group : local.groups) groups[group].push_back(pid);
    }
    return {groups.begin(), groups.end()};
  }

  Result<void> join(const Term& group, const std::vector<Pid>& pids) {
    for (const Pid& pid : pids) {
      auto local = locals_.find(pid);
      if (local == locals_.end()) local = locals_.emplace(pid, Local{self_.monitor(pid), {}}).first;
      local->second.groups.push_back(group);
    }
    table_->add(group, pids, true);
    for (const auto& [peer, known] : peers_) {
      self_.send(peer, RemoteJoin{self_.pid(), group, term_of(pids)});
    }
    tell(GroupJoined{group, pids});
    return {};
  }
  Result<void> leave(const Term& group, const std::vector<Pid>& pids) {
    std::vector<Pid> gone;
    for (const Pid& pid : pids) {
      const auto local = locals_.find(pid);
      if (local == locals_.end()) continue;
      auto& groups = local->second.groups;
      const auto at = std::ranges::find(groups, group);
      if (at == groups.end()) continue;
      groups.erase(at);
      if (groups.empty()) locals_.erase(local);
      gone.push_back(pid);
    }
    if (gone.empty()) return Error(Errc::not_found, Atom("not_joined"));
    leave_groups(gone, {group});
    return {};
  }
  void leave_groups(const std::vector<Pid>& pids, const std::vector<Term>& groups) {
    for (const Term& group : groups) {
      table_->remove(group, pids, true);
      tell(GroupLeft{group, pids});
    }
    for (const auto& [peer, known] : peers_) {
      self_.send(peer, RemoteLeave{self_.pid(), term_of(pids), groups});
    }
  }

  /// Takes over members of the peer's own node only, and not without end; those that were. Not yet shown.
  std::vector<Pid> note(const Pid& from, Peer& peer, const Term& group, std::vector<Pid> pids) {
    const std::size_t told = pids.size();
    std::erase_if(pids, [&](const Pid& pid) { return pid.node() != from.node(); });
    const std::size_t name_bytes = peer.groups.contains(group) ? 0 : estimate_bytes(group);
    const bool has_room = peer.names_bytes + name_bytes <= names_bytes_per_peer_max;
    pids.resize(has_room ? std::min(pids.size(), members_per_peer_max - peer.members) : 0);
    refused_.add(told - pids.size());
    if (pids.empty()) return pids;
    peer.members += pids.size();
    peer.names_bytes += name_bytes;
    auto& list = peer.groups[group];
    list.insert(list.end(), pids.begin(), pids.end());
    return pids;
  }
  void give_up(Peer& peer, const Term& group, const Departing& departing) {
    const auto found = peer.groups.find(group);
    if (found == peer.groups.end()) return;
    const std::vector<Pid> gone = departing.take_from(found->second);
    if (gone.empty()) return;
    peer.members -= gone.size();
    if (found->second.empty()) {
      peer.groups.erase(found);
      peer.names_bytes -= estimate_bytes(group);
    }
    table_->remove(group, gone, false);
    tell(GroupLeft{group, gone});
  }

  template <class Change>
  void tell(const Change& change) const {
    for (const auto& [watcher, monitor] : watchers_) self_.send(watcher, change);
  }
  /// Only what differs, and what comes first: others look at the table meanwhile.
  void show_difference(const Groups& before, const Groups& after) const {
    const auto minus = [](const Groups& from, const Groups& what, const Term& group) {
      std::vector<Pid> left = from.at(group);
      const auto other = what.find(group);
      if (other != what.end()) (void)Departing(other->second).take_from(left);
      return left;
    };
    for (const auto& [group, pids] : after) {
      auto come = minus(after, before, group);
      if (come.empty()) continue;
      table_->add(group, come, false);
      tell(GroupJoined{group, std::move(come)});
    }
    for (const auto& [group, pids] : before) {
      auto gone = minus(before, after, group);
      if (gone.empty()) continue;
      table_->remove(group, gone, false);
      tell(GroupLeft{group, std::move(gone)});
    }
  }

  Self self_;
  Atom scope_;
  std::shared_ptr<GroupTable> table_;
  Counter& refused_;
  Counter& foreign_;
  Counter& scopes_refused_;
  std::map<Pid, Local> locals_;
  std::map<Pid, Peer> peers_;
  std::set<NodeName> connected_;
  std::map<Pid, Monitor> watchers_;
};

}  // namespace

}  // namespace barrel::otp

namespace barrel {

Task<Result<ProcessGroups>> ProcessGroups::start_link(Self self, Atom scope) {
  auto table = std::make_shared<otp::GroupTable>();
  auto pid = co_await self.start_link<otp::ScopeServer>(scope, table);
  if (!pid) co_return pid.error();
  co_return ProcessGroups(*pid, table);
}

Task<Result<void>> ProcessGroups::change(Self self, bool join, Term group, std::vector<Pid> pids) const {
  const detail::GroupChange request{join, std::move(group), std::move(pids)};
  co_return co_await self.call(pid_, request);
}

Task<Result<std::vector<std::pair<Term, std::vector<Pid>>>>> ProcessGroups::monitor_scope(Self self) const {
  const otp::WatchScope request{self.pid()};
  co_return co_await self.call(pid_, request);
}

std::vector<Pid> ProcessGroups::members(const Term& group, bool local) const {
  return table_ == nullptr ? std::vector<Pid>() : table_->members(group, local);
}

std::vector<Term> ProcessGroups::which_groups() const {
  return table_ == nullptr ? std::vector<Term>() : table_->groups();
}

}  // namespace barrel
