#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "barrel/base/bytes.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/term/result.hpp"
#include "dist/control.hpp"
#include "dist/envelope.hpp"
#include "dist/reassembler.hpp"

namespace barrel::dist {

/// Reads the distribution messages of one connection in the envelope that was negotiated, fragments included.
/// Not thread-safe.
class MessageReader {
 public:
  /// `metrics` must outlive this.
  MessageReader(Envelope envelope, MessageParser parser, ReassemblyLimits limits, Metrics& metrics);

  /// Reads one frame, as MessageParser::parse() does. Nothing: a fragment of a message that is not complete.
  /// What of the payload has no owner is lent until the next call. Errors as of MessageParser::parse(), which
  /// concern that message alone unless it is malformed, and Errc::busy: the peer has left too much unfinished
  /// and the connection must be closed, as after Errc::malformed.
  [[nodiscard]] Result<std::optional<Message>> read(BytesView frame, std::shared_ptr<const void> owner = {});

  [[nodiscard]] const Reassembler& reassembler() const { return reassembler_; }

 private:
  /// Up to here a payload is copied to a buffer that is used again and again.
  static constexpr std::size_t small_bytes_max = 4096;

  [[nodiscard]] Result<std::optional<Message>> read_whole(BytesView body);
  [[nodiscard]] Result<std::optional<Message>> read_fragment(BytesView frame);

  const Envelope envelope_;
  const MessageParser parser_;
  Reassembler reassembler_;
  Bytes small_;
  Counter& assembled_;
  Counter& over_limit_;
};

}  // namespace barrel::dist
