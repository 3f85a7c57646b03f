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
  /// Takes the name for `pid`, which may hold it already. The number of this claim: those before it are void.
  /// Errc::already_registered when another process holds the name.
  Result<std::uint64_t> claim(const Term& name, const Pid& pid);
  /// Whether `pid` holds the name, by this claim if one is given.
  [[nodiscard]] bool holds(const Term& name, const Pid& pid, std::optional<std::uint64_t> claim = {}) const;
  /// Gives the name back. False when `pid` does not hold it, or by another claim.
  bool release(const Term& name, const Pid& pid, std::optional<std::uint64_t> claim = {});
  /// Gives back all that `pid` holds.
  std::vector<Term> release_all(const Pid& pid);
  /// Gives back all that anybody holds.
  void clear();
  [[nodiscard]] std::optional<Pid> find(const Term& name) const;

 private:
  struct Holder {
    Pid pid;
    std::uint64_t claim = 0;
    [[nodiscard]] bool is(const Pid& other, std::optional<std::uint64_t> by) const {
      return pid == other && by.value_or(claim) == claim;
    }
  };
  mutable std::mutex mutex_;
  std::uint64_t last_claim_ = 0;
  std::map<Term, Holder> holders_;
  std::multimap<Pid, Term> names_;
};

}  // namespace barrel::node
