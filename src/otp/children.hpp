#pragma once

#include <deque>
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

/// Logs what a supervisor has to say about a child, as OTP's supervisor reports.
void report_child(Self self, const char* what, const Term& child, const Term& reason);

}  // namespace barrel::otp
