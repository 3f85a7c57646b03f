#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "barrel/base/bytes.hpp"
#include "dist/room_pool.hpp"

namespace barrel::dist {

/// Cuts one stream of `Length:32, payload` into its payloads, however the transport has split or merged them.
///
/// Drive it so: feed() a delivery, then next() until it says need_more. A frame that lies within one delivery
/// is lent from it without copying; one that does not is assembled, a large one in a buffer of its own that
/// the receiver can keep. Instead of a delivery, what is missing of a large frame may be put into room() and
/// told by placed(). Memory grows with the bytes that have arrived, not with the length that was announced. A
/// length of 0 is a tick and is only counted. Not thread-safe.
class FrameReader {
 public:
  enum class Step : std::uint8_t {
    need_more,
    frame,      ///< frame() and owner() are valid until the next call of next() or feed().
    too_large,  ///< The announced length exceeds the limit; the stream cannot be read any further.
  };

  /// `pool`: where the buffers of large frames come from and go back to.
  explicit FrameReader(std::size_t frame_bytes_max, RoomPool pool = RoomPool(0))
      : frame_bytes_max_(frame_bytes_max), pool_(std::move(pool)) {}

  /// The next bytes of the stream; they must stay valid until next() has said need_more. What a caller that
  /// stopped early has left of the previous delivery is lost.
  void feed(BytesView bytes) { input_ = bytes; }
  [[nodiscard]] Step next();

  /// After need_more: where the next bytes of the stream belong, when they are the rest of a frame that is
  /// large enough to be read by itself. Valid until anything else is called.
  [[nodiscard]] std::span<std::uint8_t> room();
  /// So many bytes are in the room() now, at its front.
  void placed(std::size_t count);

  [[nodiscard]] BytesView frame() const { return frame_; }
  /// The buffer in which frame() lies, with nothing else of use and nobody else to use it; none when the
  /// frame is lent.
  [[nodiscard]] const std::shared_ptr<Room>& owner() const { return owner_; }
  [[nodiscard]] std::uint64_t ticks() const { return ticks_; }
  /// Bytes held of a frame that is not complete.
  [[nodiscard]] std::size_t buffered() const { return header_bytes_ + collected_; }

 private:
  /// Up to here a split frame is assembled in a buffer that is used again and again.
  static constexpr std::size_t small_bytes_max = 4096;
  /// Most that is reserved before the bytes are there.
  static constexpr std::size_t reserve_bytes_max = 256U << 10;
  /// Room behind a large frame, where a message that is a little larger than a fragment can be completed.
  static constexpr std::size_t spare_bytes = 1U << 10;
  /// From here on what is missing of a frame has its place; smaller frames are better read many at once and
  /// copied. A guess: what is copied in the time of a few system calls.
  static constexpr std::size_t room_bytes_min = 16U << 10;

  [[nodiscard]] bool read_header();
  [[nodiscard]] bool collect();
  /// Room for so many more bytes of a large frame.
  void make_room(std::size_t count);

  const std::size_t frame_bytes_max_;
  const RoomPool pool_;
  BytesView input_;
  std::array<std::uint8_t, 4> header_{};
  std::size_t header_bytes_ = 0;
  std::size_t length_ = 0;
  Bytes small_;
  std::shared_ptr<Room> large_;  // of a large frame that is not complete
  std::size_t collected_ = 0;
  bool failed_ = false;
  BytesView frame_;
  std::shared_ptr<Room> owner_;
  std::uint64_t ticks_ = 0;
};

}  // namespace barrel::dist
