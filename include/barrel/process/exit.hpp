#pragma once

#include <exception>
#include <utility>

#include "barrel/process/process_fwd.hpp"
#include "barrel/term/atom.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What barrel::exit throws. Not a std::exception, so that `catch (const std::exception&)` lets it pass; code
/// that catches everything must rethrow it.
class ProcessExit {
 public:
  explicit ProcessExit(Term reason) : reason_(std::move(reason)) {}
  [[nodiscard]] const Term& reason() const noexcept { return reason_; }

 private:
  Term reason_;
};

/// Ends the calling process with `reason` (erlang:exit/1): unwinds its frames, then tells links and monitors.
[[noreturn]] void exit(Term reason);

// The exit reasons with a meaning of their own (as in Erlang). Cheap: interned once.
[[nodiscard]] Atom normal();
[[nodiscard]] Atom shutdown();
[[nodiscard]] Atom kill();
[[nodiscard]] Atom killed();
[[nodiscard]] Atom noproc();
[[nodiscard]] Atom noconnection();

/// False for normal, shutdown and {shutdown, _}: a way out that is no crash (OTP's rule for transient
/// children).
[[nodiscard]] bool is_abnormal(const Term& reason);

namespace detail {
/// Why the process ends; meaningful while its frames are unwound.
[[nodiscard]] Term exit_reason(const Process& process);
/// The exit reason that an escaped exception means; `is_crash` when it was not barrel::exit.
[[nodiscard]] Term exit_reason_of(const std::exception_ptr& exception, bool& is_crash);
}  // namespace detail

}  // namespace barrel
#pragma GCC visibility pop
