#pragma once

#include "barrel/base/random.hpp"
#include "barrel/term/term.hpp"

namespace barrel {

/// What random_term() may make.
struct RandomTermOptions {
  /// Levels of tuples, lists and maps.
  unsigned depth_max = 4;
  /// Elements of one of them.
  unsigned width_max = 6;
  /// Closures, which this side only carries: neither Erlang's order among them nor reading them back is
  /// there.
  bool closures = true;
  /// Creations other than 0 in pids, references and ports; text does not carry them.
  bool creations = true;
};

/// A term for tests: any kind, with a liking for the borders at which forms and orders change. The same
/// generator gives the same terms. Adds no atoms to the table but a fixed handful.
[[nodiscard]] Term random_term(Random& random, const RandomTermOptions& options = {});

/// An integer or a float, often next to 2^53, 2^63 or another border.
[[nodiscard]] Term random_number(Random& random);

}  // namespace barrel
