#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "barrel/otp/child_spec.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace detail {

// The requests of a DynamicSupervisor; a child is identified by its pid.
struct StartDynamicChild {
  static constexpr std::string_view internal_name = "$barrel_start_child";
  ChildStarter start;
  using Reply = Result<Pid>;
};
struct TerminateDynamicChild {
  static constexpr std::string_view tag = "terminate_child";
  Pid pid;
  using Reply = Result<void>;
};
/// As a term what OTP's simple_one_for_one says of a child: {undefined, Pid | restarting, worker, dynamic}.
struct DynamicChildInfo {
  /// Empty while its restart fails, and is tried again.
  std::optional<Pid> pid;
  [[nodiscard]] Term to_term() const;
  [[nodiscard]] static Result<DynamicChildInfo> from_term(const Term& term);
};
struct WhichDynamicChildren {
  static constexpr std::string_view tag = "which_children";
  using Reply = std::vector<DynamicChildInfo>;
};

[[nodiscard]] Task<Result<Pid>> start_dynamic_supervisor(Self self, SupervisorSettings settings,
                                                         ChildSettings children);
[[nodiscard]] Task<Result<Pid>> start_dynamic_child(Self self, Pid supervisor, ChildStarter start);
[[nodiscard]] Task<Result<std::vector<Pid>>> which_dynamic_children(Self self, Pid supervisor);

}  // namespace detail

/// Starts children of one kind on demand (simple_one_for_one): each runs Child, a GenServer class. A handle:
/// copy it, give it to who needs it. The supervisor traps exits, is linked to who started it, and ends its
/// children when it ends.
template <class Child>
class DynamicSupervisor {
 public:
  /// For containers and messages that are filled later; no supervisor yet.
  DynamicSupervisor() = default;

  /// Starts the supervisor, linked.
  static Task<Result<DynamicSupervisor>> start_link(Self self, SupervisorSettings settings = {},
                                                    ChildSettings children = {}) {
    auto pid = co_await detail::start_dynamic_supervisor(self, settings, children);
    if (!pid) co_return pid.error();
    co_return DynamicSupervisor(*pid);
  }

  [[nodiscard]] const Pid& pid() const noexcept { return pid_; }

  /// Starts a Child with these arguments after Self. The error is the reason its constructor gave.
  template <class... As>
  [[nodiscard]] Task<Result<Pid>> start_child(Self self, As&&... args) const {
    static_assert(
        (!detail::owning_temporary<As&&> && ...),
        "name the argument before start_child: GCC 12 destroys an owning temporary in a co_await twice");
    return detail::start_dynamic_child(self, pid_, detail::make_starter<Child>(std::forward<As>(args)...));
  }
  /// Tells the child to shut down and waits for it. Errc::not_found when it is no child of this supervisor.
  [[nodiscard]] auto terminate_child(Self self, const Pid& child) const {
    return self.call(pid_, detail::TerminateDynamicChild{child}, Duration::max());
  }
  [[nodiscard]] Task<Result<std::vector<Pid>>> which_children(Self self) const {
    return detail::which_dynamic_children(self, pid_);
  }

 private:
  explicit DynamicSupervisor(const Pid& pid) : pid_(pid) {}

  Pid pid_{};
};

}  // namespace barrel
#pragma GCC visibility pop
