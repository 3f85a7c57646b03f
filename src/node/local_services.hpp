#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "barrel/term/pid.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

namespace barrel::node {

/// The service names that processes of this node hold: where a registration is decided at once, before it is
/// replicated. Thread-safe.
class LocalServices {
 public:
  /// Takes the name for `pid`, or confirms that it holds it. Errc::already_registered when another process
  /// does.
  Result<void> claim(const Term& name, const Pid& pid);
  /// Gives the name back. False when `pid` does not hold it.
  bool release(const Term& name, const Pid& pid);
  /// Gives back all that `pid` holds.
  std::vector<Term> release_all(const Pid& pid);
  [[nodiscard]] std::optional<Pid> find(const Term& name) const;

 private:
  mutable std::mutex mutex_;
  std::map<Term, Pid> holders_;
  std::multimap<Pid, Term> names_;
};

}  // namespace barrel::node
