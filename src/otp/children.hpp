#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "barrel/otp/child_spec.hpp"

namespace barrel::otp {

/// Counts restarts against a supervisor's intensity and period.
class RestartWindow {
 public:
  explicit RestartWindow(const SupervisorSettings& settings) : settings_(settings) {}
  /// Notes one; false when it is one too many.
  [[nodiscard]] bool allows(Instant now);

 private:
  SupervisorSettings settings_;
  std::deque<Instant> restarts_;
};

[[nodiscard]] bool wants_restart(Restart restart, const Term& reason);

/// A child that is to end.
struct Ending {
  Pid pid;
  Duration shutdown;
};
/// Tells them all to shut down, waits for each as long as it may take, and kills what is left.
[[nodiscard]] Task<> end_children(Self self, std::vector<Ending> children);

/// To a supervisor by itself: the restart of `child` has failed. Others get their turn between two attempts,
/// as with OTP's.
template <class Child>
struct TryAgain {
  static constexpr std::string_view internal_name = "$barrel_try_again";
  Child child;
};

struct ChildFields {
  Term id;
  std::optional<Pid> pid;
  bool is_restarting = false;
};
/// {Id, Pid | undefined | restarting, worker, dynamic}, what supervisor:which_children/1 tells of a child.
/// The type is the default of OTP's child specifications; what runs in C++ has no modules.
[[nodiscard]] Term child_term(const ChildFields& child);
/// The map of OTP's child specifications. What starts a child is no function of Erlang's: `start` is
/// {undefined, undefined, []}.
[[nodiscard]] Term childspec_term(const Term& id, const ChildSettings& settings);
/// Of any OTP supervisor.
[[nodiscard]] Result<ChildFields> read_child(const Term& term);

/// The request of supervisor:count_children/1.
struct CountChildren {
  static constexpr std::string_view tag = "count_children";
  using Reply = Term;
};
/// Its answer: [{specs, _}, {active, _}, {supervisors, 0}, {workers, _}].
[[nodiscard]] Term child_counts(std::size_t specs, std::size_t active, std::size_t workers);

/// Counts a restart, or that it is one too many; then the supervisor ends.
[[nodiscard]] bool may_restart(Self self, RestartWindow& window, const Term& child);

/// Logs what a supervisor has to say about a child, as OTP's supervisor reports.
void report_child(Self self, const char* what, const Term& child, const Term& reason);

}  // namespace barrel::otp
