#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "dist/slices.hpp"

namespace barrel::dist {

/// The large messages of one lane that go out in fragments, and what must not overtake them. The senders that
/// have one take turns, so that nobody waits for a whole one of another; what a sender says behind its own
/// large message stays behind it. Nothing of a payload is copied: fragments are slices of it, with headers
/// between them. Not thread-safe.
class FragmentTurns {
 public:
  /// Numbers the messages of a connection, over all of its lanes.
  using Sequences = std::atomic<std::uint64_t>;

  explicit FragmentTurns(Sequences& sequences) : sequences_(sequences) {}

  [[nodiscard]] bool empty() const { return senders_.empty(); }
  /// Whether what this sender says next has to wait here.
  [[nodiscard]] bool holds(std::uint64_t sender) const {
    return !senders_.empty() && senders_.contains(sender);
  }

  /// `message`: Control Payload, as they stand in the header envelope; `control_bytes` of it are the control
  /// message. It goes out once `after` bytes of what does not come here have (see start()): the sender's
  /// earlier messages are among them. Returns the bytes of its fragments with their lengths and headers.
  std::size_t add_large(std::uint64_t sender, Slices message, std::size_t control_bytes, std::uint64_t after);
  /// A whole frame with its length, to go behind what this sender has here already.
  void add_behind(std::uint64_t sender, Slices frame);

  /// `bytes` of what does not come here have gone out, in all. Returns whether a sender may take its turn.
  bool start(std::uint64_t bytes);
  /// Whose turn it is adds a fragment, or what small frames it has up to one's size, to `out`. Only when
  /// start() has said so. Returns the bytes that were added.
  std::size_t take_turn(std::vector<SharedBytes>& out);

  void swap(FragmentTurns& other) noexcept {
    senders_.swap(other.senders_);
    waiting_.swap(other.waiting_);
    turns_.swap(other.turns_);
  }

 private:
  /// A message on its way, or a whole frame: then fragments_left is 0.
  struct Item {
    Slices left;
    std::size_t control_bytes = 0;  // that are still in it
    std::uint64_t sequence = 0;
    std::uint64_t fragments_left = 0;
  };
  using Items = std::deque<Item>;
  struct Waiting {
    std::uint64_t sender;
    std::uint64_t after;
  };

  [[nodiscard]] static std::size_t take_fragment(Item& item, std::vector<SharedBytes>& out);

  Sequences& sequences_;
  std::unordered_map<std::uint64_t, Items> senders_;
  std::deque<Waiting> waiting_;      // those who have not begun, in the order of `after`
  std::deque<std::uint64_t> turns_;  // those who have; each sender is in one of the two, once
};

}  // namespace barrel::dist
