#pragma once

#include <cstdint>
#include <string_view>

#include "barrel/base/time.hpp"

namespace barrel::sim {

/// A hash over everything that happened, in order: two runs of one seed must end with the same. What is
/// encrypted is random; its length and its time are not.
class Trace {
 public:
  void add(std::uint64_t number) {
    hash_ = (hash_ ^ number) * 0x9e3779b97f4a7c15U;
    hash_ ^= hash_ >> 29;
    ++events_;
  }
  void add(Instant time) { add(static_cast<std::uint64_t>(time.time_since_epoch().count())); }
  void add(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    add(sum);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  std::uint64_t hash_ = 0x243f6a8885a308d3U;
  std::uint64_t events_ = 0;
};

}  // namespace barrel::sim
