#include "dist/message_reader.hpp"

#include <utility>

namespace barrel::dist {
namespace {

Result<std::optional<Message>> complete(Result<Message> message) {
  if (!message) return std::move(message).error();
  return std::optional(*std::move(message));
}

}  // namespace

MessageReader::MessageReader(Envelope envelope, MessageParser parser, ReassemblyLimits limits,
                             Metrics& metrics)
    : envelope_(envelope),
      parser_(std::move(parser)),
      reassembler_(limits),
      assembled_(metrics.counter("dist.fragmented_messages_received")),
      over_limit_(metrics.counter("dist.fragments_over_limit")) {}

Result<std::optional<Message>> MessageReader::read(BytesView frame, std::shared_ptr<const void> owner) {
  if (envelope_ == Envelope::pass_through) return complete(parser_.parse(frame, std::move(owner)));
  if (frame.size() < header_bytes || frame[0] != version_byte) {
    return Error{Errc::malformed, "a message in another envelope than the negotiated one"};
  }
  if (frame[1] != header_whole) return read_fragment(frame);
  if (frame[2] != 0) return Error{Errc::malformed, "a message with an atom cache, which was not negotiated"};
  return read_whole(frame.subspan(header_bytes));
}

Result<std::optional<Message>> MessageReader::read_whole(BytesView body) {
  // The payload gets the 131 that all payloads have and this envelope leaves out: one copy, of 64 KiB at most
  // from an Erlang node.
  if (body.size() <= small_bytes_max) return complete(parser_.parse_unversioned(body, small_));
  Bytes own;
  Result<Message> message = parser_.parse_unversioned(body, own);
  if (message && message->payload.bytes.data() == own.data() && !own.empty()) {
    const SharedBytes shared(std::move(own));
    message->payload = {shared.view(), shared.owner()};
  }
  return complete(std::move(message));
}

Result<std::optional<Message>> MessageReader::read_fragment(BytesView frame) {
  auto whole = reassembler_.add(frame);
  if (!whole) {
    if (whole.error().code == Errc::busy) over_limit_.add();
    return std::move(whole).error();
  }
  if (!*whole) return std::optional<Message>();
  assembled_.add();
  const SharedBytes& payload = (*whole)->payload;
  return complete(parser_.parse_parts((*whole)->control, {payload.view(), payload.owner()}));
}

}  // namespace barrel::dist
