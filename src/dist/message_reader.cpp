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
                             Metrics& metrics, bool atom_cache)
    : envelope_(envelope),
      parser_(std::move(parser)),
      message_bytes_max_(limits.message_bytes_max),
      atom_cache_(atom_cache ? std::make_unique<AtomCacheReader>() : nullptr),
      reassembler_(limits, atom_cache_.get()),
      assembled_(metrics.counter("dist.fragmented_messages_received")),
      over_limit_(metrics.counter("dist.fragments_over_limit")) {}

Result<std::optional<Message>> MessageReader::read(BytesView frame, std::shared_ptr<const void> owner,
                                                   std::uint64_t stream) {
  if (envelope_ == Envelope::pass_through) return complete(parser_.parse(frame, std::move(owner)));
  if (frame.size() < header_bytes || frame[0] != version_byte) {
    return Error{Errc::malformed, "a message in another envelope than the negotiated one"};
  }
  if (frame[1] != header_whole) return read_fragment(frame, stream);
  atoms_.clear();
  if (frame[2] == 0) return read_whole(frame.subspan(header_bytes));
  if (!atom_cache_) return Error{Errc::malformed, "a message with an atom cache, which was not negotiated"};
  ByteReader in(frame.subspan(header_bytes - 1));
  if (!atom_cache_->read(in, atoms_)) {
    return Error{Errc::malformed, "a message with atoms that are malformed"};
  }
  return read_whole(in.rest());
}

Result<std::optional<Message>> MessageReader::read_whole(BytesView body) {
  // The payload gets the 131 that all payloads have and this envelope leaves out: one copy, of 64 KiB at most
  // from an Erlang node.
  if (body.size() <= small_bytes_max) return complete(read_body(body, small_));
  auto own = std::make_shared<Bytes>();
  Result<Message> message = read_body(body, *own);
  if (message && !message->payload.owner) message->payload.owner = std::move(own);
  return complete(std::move(message));
}

Result<Message> MessageReader::read_body(BytesView body, Bytes& room) const {
  if (atoms_.empty()) return parser_.parse_unversioned(body, room);
  room.clear();
  room.reserve(body.size() + atoms_.bytes());
  std::size_t control_bytes = 0;
  if (!atoms_.expand_message(body, room, message_bytes_max_, control_bytes)) {
    return Error{Errc::malformed, unexpandable(message_bytes_max_)};
  }
  const BytesView whole(room);
  return parser_.parse_parts(whole.first(control_bytes), {whole.subspan(control_bytes), {}});
}

Result<std::optional<Message>> MessageReader::read_fragment(BytesView frame, std::uint64_t stream) {
  auto whole = reassembler_.add(frame, stream);
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
