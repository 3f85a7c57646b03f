#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "barrel/otp/child_spec.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What which_children says of a child; as a term what OTP's supervisor says, {Id, Pid | undefined |
/// restarting, worker, dynamic}.
struct ChildInfo {
  Atom id;
  /// Empty while it does not run.
  std::optional<Pid> pid;
  /// Its last restart has failed, and is tried again.
  bool is_restarting = false;

  [[nodiscard]] Term to_term() const;
  [[nodiscard]] static Result<ChildInfo> from_term(const Term& term);
  friend bool operator==(const ChildInfo&, const ChildInfo&) = default;
};

namespace detail {

struct StartChild {
  static constexpr std::string_view internal_name = "$barrel_start_child";
  ChildSpec spec;
  using Reply = Result<Pid>;
};
struct TerminateChild {
  static constexpr std::string_view tag = "terminate_child";
  Atom id;
  using Reply = Result<void>;
};
struct RestartChild {
  static constexpr std::string_view tag = "restart_child";
  Atom id;
  using Reply = Result<Pid>;
};
struct DeleteChild {
  static constexpr std::string_view tag = "delete_child";
  Atom id;
  using Reply = Result<void>;
};
struct WhichChildren {
  static constexpr std::string_view tag = "which_children";
  using Reply = std::vector<ChildInfo>;
};

}  // namespace detail

/// Keeps a fixed set of different children running (one_for_one): started in order, ended in reverse order. A
/// handle, as DynamicSupervisor.
class Supervisor {
 public:
  Supervisor() = default;

  /// Starts the supervisor, linked, and its children. When one does not start, those before it are ended and
  /// the error is {shutdown, {failed_to_start_child, Id, Reason}}.
  static Task<Result<Supervisor>> start_link(Self self, SupervisorSettings settings,
                                             std::vector<ChildSpec> children);

  [[nodiscard]] const Pid& pid() const noexcept { return pid_; }

  /// Adds a child. Errc::already_registered when the id is in use.
  [[nodiscard]] Task<Result<Pid>> start_child(Self self, ChildSpec spec) const;
  /// Ends the child and keeps its specification; restart_child starts it again, delete_child forgets it.
  [[nodiscard]] auto terminate_child(Self self, Atom id) const {
    return self.call(pid_, detail::TerminateChild{id}, Duration::max());
  }
  [[nodiscard]] auto restart_child(Self self, Atom id) const {
    return self.call(pid_, detail::RestartChild{id}, Duration::max());
  }
  [[nodiscard]] auto delete_child(Self self, Atom id) const {
    return self.call(pid_, detail::DeleteChild{id});
  }
  [[nodiscard]] auto which_children(Self self) const { return self.call(pid_, detail::WhichChildren{}); }

 private:
  explicit Supervisor(const Pid& pid) : pid_(pid) {}

  Pid pid_{};
};

}  // namespace barrel
#pragma GCC visibility pop
