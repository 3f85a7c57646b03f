#pragma once

#include <memory>
#include <optional>

#include "barrel/process/functions.hpp"
#include "barrel/process/self.hpp"
#include "process/spawn_quotas.hpp"

namespace barrel::detail {

class RuntimeImpl;

/// A process that runs an exposed function for somebody.
struct FunctionStart {
  /// Whose rights count.
  NodeName caller;
  /// The process that asks.
  Pid asker{};
  /// Id 0: this node's own.
  Pid leader{};
  Term module;
  Term function;
  std::size_t arity = 0;
  bool link = false;
  /// The asker's monitor of the process.
  std::optional<Ref> monitor;
  SpawnQuotas::Share share;
  /// What its arguments count for until it has ended, when that is counted already.
  std::shared_ptr<const void> charge{};
};

/// Starts it, not yet running, with its relations in place. `arguments` is the message that holds them, taken
/// over in any case. Without effect when the limit on processes is hit.
[[nodiscard]] HeldProcess hold_function(RuntimeImpl& runtime, FunctionStart start, Envelope* arguments);

/// How a function that was applied ended, in Erlang's classes.
struct Applied {
  enum class How : std::uint8_t { returned, error, exit };
  How how = How::returned;
  /// What it returned, or the reason.
  Term value;
  /// Of an error: [{Module, Function, ArgumentsOrArity, []}].
  Term stack;

  /// The reason that a process ends with in which this happened.
  [[nodiscard]] Term exit_reason() const;
};

/// apply(Module, Function, Arguments) with the rights of `caller`.
[[nodiscard]] Task<Applied> apply_function(Self self, NodeName caller, Term module, Term function,
                                           Term arguments);

}  // namespace barrel::detail
