#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "barrel/base/bytes.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/term/result.hpp"
#include "dist/atom_cache.hpp"
#include "dist/control.hpp"
#include "dist/envelope.hpp"
#include "dist/reassembler.hpp"

namespace barrel::dist {

/// Reads the distribution messages of one connection in the envelope that was negotiated, fragments included.
/// Not thread-safe.
class MessageReader {
 public:
  /// `metrics` must outlive this. `atom_cache`: whether it was negotiated, with the header envelope.
  /// `pool`: of buffers for large messages.
  MessageReader(Envelope envelope, MessageParser parser, ReassemblyLimits limits, Metrics& metrics,
                bool atom_cache = false, RoomPool pool = RoomPool(Reassembler::pool_bytes_max));

  /// Reads one frame, as MessageParser::parse() does. Nothing: a fragment of a message that is not complete.
  /// What of the payload has no owner is lent until the next call. Errors as of MessageParser::parse(), which
  /// concern that message alone unless it is malformed, and Errc::busy: the peer has left too much unfinished
  /// and the connection must be closed, as after Errc::malformed.
  /// `own`: the buffer in which the frame lies, when it may be kept and written to. `stream`: by which the
  /// frame came; the fragments of a message come by one.
  [[nodiscard]] Result<std::optional<Message>> read(BytesView frame, std::shared_ptr<Room> own = {},
                                                    std::uint64_t stream = 0);

  [[nodiscard]] const Reassembler& reassembler() const { return reassembler_; }

 private:
  /// Up to here a payload is copied to a buffer that is used again and again.
  static constexpr std::size_t small_bytes_max = 4096;
  /// From here on it stays in its frame's buffer: below, copying costs less than keeping that. A guess.
  static constexpr std::size_t kept_bytes_min = 32U << 10;

  [[nodiscard]] Result<std::optional<Message>> read_whole(BytesView body, std::shared_ptr<Room> own);
  /// Leaves a payload where it is, `own` being the buffer of its frame, and copies the control message to
  /// small_. None: it has to be copied, or cannot be read.
  [[nodiscard]] std::optional<Payload> keep(BytesView body, const std::shared_ptr<Room>& own);
  [[nodiscard]] Result<Message> read_body(BytesView body, Bytes& room) const;
  [[nodiscard]] Result<std::optional<Message>> read_fragment(BytesView frame, std::uint64_t stream,
                                                             std::shared_ptr<Room> own);

  const Envelope envelope_;
  const MessageParser parser_;
  const std::size_t message_bytes_max_;
  const std::unique_ptr<AtomCacheReader> atom_cache_;
  Reassembler reassembler_;
  MessageAtoms atoms_;  // of the message that is being read
  Bytes small_;
  Counter& assembled_;
  Counter& over_limit_;
};

}  // namespace barrel::dist
