#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "barrel/base/bytes.hpp"
#include "barrel/term/shared_bytes.hpp"

namespace barrel::quic {

/// What one stream has to send: blocks in the order of their bytes, kept until they are acknowledged, because
/// a lost packet is sent again from them. Offsets count from the beginning of the stream.
///
///   acknowledged() <= sent() <= end()
class SendQueue {
 public:
  /// Appends; a slice that continues the last one in the same block is joined to it.
  void push(SharedBytes bytes);
  /// No more push() after this.
  void finish() { finished_ = true; }

  /// Views of the next unsent bytes, at least `wanted` if there are as many, without marking them sent. Gives
  /// how many views were filled in.
  [[nodiscard]] std::size_t peek(std::span<BytesView> out, std::size_t wanted) const;
  /// The next `count` unsent bytes have left.
  void mark_sent(std::size_t count);
  void mark_fin_sent() { fin_sent_ = true; }
  /// Frees the blocks that lie before `offset`, which must not be beyond sent().
  void acknowledge(std::uint64_t offset);
  /// Forgets what has not been sent; blocks that may have to be sent again stay.
  void drop_unsent();

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::size_t unsent() const { return static_cast<std::size_t>(end_ - sent_); }
  [[nodiscard]] std::size_t buffered() const { return static_cast<std::size_t>(end_ - acknowledged_); }
  [[nodiscard]] bool finished() const { return finished_; }
  /// Whether bytes or the end of the stream are still to be sent.
  [[nodiscard]] bool has_work() const { return sent_ < end_ || (finished_ && !fin_sent_); }

 private:
  std::deque<SharedBytes> blocks_;
  std::uint64_t first_offset_ = 0;  ///< Where blocks_.front() begins.
  std::uint64_t acknowledged_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t end_ = 0;
  std::size_t next_block_ = 0;   ///< Which block holds the byte at sent_.
  std::size_t next_offset_ = 0;  ///< Where in that block it is.
  bool finished_ = false;
  bool fin_sent_ = false;
};

}  // namespace barrel::quic
