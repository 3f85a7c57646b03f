#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>

#include "barrel/base/log.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// Tells the operator of messages that were dropped because they are over a limit of ours: of each peer the
/// first one, then at most one line in a while, which says how many there were. Thread-safe.
class OverLimitLog {
 public:
  /// A guess: often enough to be noticed, too rare to fill a disk.
  static constexpr Duration pause = std::chrono::minutes(1);

  /// `text`: what is logged, a literal.
  explicit OverLimitLog(Log log,
                        std::string_view text = "messages of a peer are over a limit and were dropped")
      : log_(log), text_(text) {}

  void dropped(NodeName peer, const Error& why, Instant now);

 private:
  struct Told {
    Instant at{};
    std::uint64_t since = 0;
  };
  const Log log_;
  const std::string_view text_;
  std::mutex mutex_;
  std::map<NodeName, Told> told_;  // no more peers than NewNames lets in
};

}  // namespace barrel::node
