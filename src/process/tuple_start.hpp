#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

/// The beginning of an encoded tuple.
struct TupleStart {
  /// All that it has.
  std::size_t arity = 0;
  /// The first ones.
  std::vector<Term> elements;
  /// Behind them: the next element begins here.
  BytesView rest;
};

/// Reads the first `count` elements of a tuple, with or without a leading 131, whatever comes behind them:
/// who a message is from that is over a limit as a whole. Nothing when it is no tuple of so many, or when
/// these take more than an envelope of Erlang's calls does. Of `limits` only the quota of atoms is used.
[[nodiscard]] std::optional<TupleStart> tuple_start(BytesView bytes, std::size_t count,
                                                    const EtfLimits& limits);

}  // namespace barrel::detail
