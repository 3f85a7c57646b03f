#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/process/self.hpp"
#include "barrel/term/mapping.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace otp {
class [[gnu::visibility("hidden")]] GroupTable;
}

/// Processes joined a group that is watched (ProcessGroups::monitor_scope).
struct GroupJoined {
  static constexpr std::string_view tag = "group_joined";
  Term group;
  std::vector<Pid> pids;
};
/// Processes left a group, ended, or were lost with their node.
struct GroupLeft {
  static constexpr std::string_view tag = "group_left";
  Term group;
  std::vector<Pid> pids;
};

namespace detail {
/// Only processes of this node can ask for it: no term is one.
struct GroupChange {
  static constexpr std::string_view internal_name = "$barrel_change_group";
  bool join = false;
  Term group;
  std::vector<Pid> pids;
  using Reply = Result<void>;
};
}  // namespace detail

/// Named groups of processes across the visible nodes that are connected: OTP's pg, and compatible with it.
/// A scope is a set of groups, kept by a process registered under its name on every node that takes part,
/// Barrel's and Erlang's alike (`pg:start_link(Scope)`); each knows the members on the others. Eventually
/// consistent; a process that joined twice is a member twice; members that end leave. A handle: copy it, give
/// it to who needs it; the getters may be called on any thread and never wait.
class ProcessGroups {
 public:
  /// For containers and messages that are filled later; no scope yet.
  ProcessGroups() = default;

  /// Starts the scope's process, linked. Errc::already_registered when this node has one of that name.
  static Task<Result<ProcessGroups>> start_link(Self self, Atom scope = Atom("pg"));

  [[nodiscard]] const Pid& pid() const noexcept { return pid_; }

  /// pg:join/3: adds processes of this node. Errc::invalid_argument when one is of another node.
  template <class Group>
  [[nodiscard]] Task<Result<void>> join(Self self, const Group& group, std::vector<Pid> pids) const {
    return change(self, true, to_term(group), std::move(pids));
  }
  template <class Group>
  [[nodiscard]] Task<Result<void>> join(Self self, const Group& group, const Pid& pid) const {
    return change(self, true, to_term(group), std::vector<Pid>(1, pid));
  }
  /// pg:leave/3. Errc::not_found when none of them is a member.
  template <class Group>
  [[nodiscard]] Task<Result<void>> leave(Self self, const Group& group, std::vector<Pid> pids) const {
    return change(self, false, to_term(group), std::move(pids));
  }
  template <class Group>
  [[nodiscard]] Task<Result<void>> leave(Self self, const Group& group, const Pid& pid) const {
    return change(self, false, to_term(group), std::vector<Pid>(1, pid));
  }

  /// pg:get_members/2: those of this node first.
  template <class Group>
  [[nodiscard]] std::vector<Pid> get_members(const Group& group) const {
    return members(to_term(group), false);
  }
  /// pg:get_local_members/2.
  template <class Group>
  [[nodiscard]] std::vector<Pid> get_local_members(const Group& group) const {
    return members(to_term(group), true);
  }
  /// pg:which_groups/1: those with members, ordered.
  [[nodiscard]] std::vector<Term> which_groups() const;

  /// pg:monitor_scope/1: the caller gets a GroupJoined or GroupLeft for every change from now on, until it or
  /// the scope ends. The groups as they are now, with their members.
  [[nodiscard]] Task<Result<std::vector<std::pair<Term, std::vector<Pid>>>>> monitor_scope(Self self) const;

 private:
  ProcessGroups(const Pid& pid, std::shared_ptr<const otp::GroupTable> table)
      : pid_(pid), table_(std::move(table)) {}
  [[nodiscard]] Task<Result<void>> change(Self self, bool join, Term group, std::vector<Pid> pids) const;
  [[nodiscard]] std::vector<Pid> members(const Term& group, bool local) const;

  Pid pid_{};
  std::shared_ptr<const otp::GroupTable> table_;
};

}  // namespace barrel
#pragma GCC visibility pop
