#pragma once

#include <cstdint>
#include <string_view>

#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// How text is read as a term. Exceeding a limit gives Errc::limit_exceeded with the limit's name as reason.
struct TextOptions {
  /// The node that `<0.12.0>` means.
  NodeName local{};
  /// The creation of pids, references and ports of `local`, which text does not carry; those of others get 0.
  std::uint32_t creation = 0;
  /// Nesting, as EtfLimits::depth_max.
  std::uint32_t depth_max = 256;
  /// Length of the text; a guess far above what a person writes and below what hurts.
  std::uint32_t bytes_max = 1U << 20;
};

/// Reads one term in Erlang's notation: what to_string() writes, with white space and % comments between the
/// parts, and $a, 16#ff, 1_000 and a full stop at the end. What is not a literal in Erlang is read as
/// to_string() prints it: <0.12.0>, <node@host.12.0>, #Ref<...>, #Port<...>; only the #Fun<...> of a closure
/// cannot be read. Atoms are not added to the table. Errors: malformed with "line 1, column 7: ..." as
/// reason.
[[nodiscard]] Result<Term> parse_term(std::string_view text, const TextOptions& options = {});

}  // namespace barrel
#pragma GCC visibility pop
