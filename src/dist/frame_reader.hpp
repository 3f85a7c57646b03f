#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "barrel/base/bytes.hpp"
#include "dist/buffer_pool.hpp"

namespace barrel::dist {

/// Cuts one stream of `Length:32, payload` into its payloads, however the transport has split or merged them.
///
/// Drive it so: feed() a delivery, then next() until it says need_more. A frame that lies within one delivery
/// is lent from it without copying; one that does not is assembled, a large one in a buffer of its own that
/// the receiver can share. Memory grows with the bytes that have arrived, not with the length that was
/// announced. A length of 0 is a tick and is only counted. Not thread-safe.
class FrameReader {
 public:
  enum class Step : std::uint8_t {
    need_more,
    frame,      ///< frame() and owner() are valid until the next call of next() or feed().
    too_large,  ///< The announced length exceeds the limit; the stream cannot be read any further.
  };

  /// `pool`: where the buffers of large frames come from and go back to; must outlive this. None: from
  /// nowhere.
  explicit FrameReader(std::size_t frame_bytes_max, const BufferPool* pool = nullptr)
      : frame_bytes_max_(frame_bytes_max), pool_(pool) {}

  /// The next bytes of the stream; they must stay valid until next() has said need_more. What a caller that
  /// stopped early has left of the previous delivery is lost.
  void feed(BytesView bytes) { input_ = bytes; }
  [[nodiscard]] Step next();

  [[nodiscard]] BytesView frame() const { return frame_; }
  /// Who keeps frame() alive; none when it is lent.
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  /// Bytes held of a frame that is not complete.
  [[nodiscard]] std::size_t buffered() const { return header_bytes_ + collected_; }

 private:
  /// Up to here a split frame is assembled in a buffer that is used again and again.
  static constexpr std::size_t small_bytes_max = 4096;
  /// Most that is reserved before the bytes are there.
  static constexpr std::size_t reserve_bytes_max = 256U << 10;

  [[nodiscard]] bool read_header();
  [[nodiscard]] bool collect();

  const std::size_t frame_bytes_max_;
  const BufferPool* const pool_;
  BytesView input_;
  std::array<std::uint8_t, 4> header_{};
  std::size_t header_bytes_ = 0;
  std::size_t length_ = 0;
  Bytes small_;
  Bytes large_;
  std::size_t collected_ = 0;
  bool failed_ = false;
  BytesView frame_;
  std::shared_ptr<const void> owner_;
  std::uint64_t ticks_ = 0;
};

}  // namespace barrel::dist
