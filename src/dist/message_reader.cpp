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
                             Metrics& metrics, bool atom_cache, RoomPool pool)
    : envelope_(envelope),
      parser_(std::move(parser)),
      message_bytes_max_(limits.message_bytes_max),
      atom_cache_(atom_cache ? std::make_unique<AtomCacheReader>() : nullptr),
      reassembler_(limits, atom_cache_.get(), std::move(pool)),
      assembled_(metrics.counter("dist.fragmented_messages_received")),
      over_limit_(metrics.counter("dist.fragments_over_limit")) {}

Result<std::optional<Message>> MessageReader::read(BytesView frame, std::shared_ptr<Room> own,
                                                   std::uint64_t stream) {
  if (envelope_ == Envelope::pass_through) return complete(parser_.parse(frame, std::move(own)));
  if (frame.size() < header_bytes || frame[0] != version_byte) {
    return Error{Errc::malformed, "a message in another envelope than the negotiated one"};
  }
  if (frame[1] != header_whole) return read_fragment(frame, stream, std::move(own));
  atoms_.clear();
  if (frame[2] == 0) return read_whole(frame.subspan(header_bytes), std::move(own));
  if (!atom_cache_) return Error{Errc::malformed, "a message with an atom cache, which was not negotiated"};
  ByteReader in(frame.subspan(header_bytes - 1));
  if (!atom_cache_->read(in, atoms_)) {
    return Error{Errc::malformed, "a message with atoms that are malformed"};
  }
  return read_whole(in.rest(), std::move(own));
}

Result<std::optional<Message>> MessageReader::read_whole(BytesView body, std::shared_ptr<Room> own) {
  // The payload gets the 131 that all payloads have and this envelope leaves out: a copy, unless it is large.
  if (body.size() <= small_bytes_max) return complete(read_body(body, small_));
  if (own && body.size() >= kept_bytes_min) {
    if (auto payload = keep(body, own)) return complete(parser_.parse_parts(small_, *std::move(payload)));
  }
  auto room = std::make_shared<Bytes>();
  Result<Message> message = read_body(body, *room);
  if (message && !message->payload.owner) message->payload.owner = std::move(room);
  return complete(std::move(message));
}

std::optional<Payload> MessageReader::keep(BytesView body, const std::shared_ptr<Room>& own) {
  ByteReader in(body);
  small_.clear();
  if (!atoms_.expand(in, small_, message_bytes_max_) || in.at_end()) return std::nullopt;
  // The byte in front is the control message's, which was copied.
  const BytesView payload = body.subspan(in.position() - 1);
  if (!atoms_.empty() && MessageAtoms::are_in_payload(payload) != false) return std::nullopt;
  own->span()[static_cast<std::size_t>(payload.data() - own->data())] = version_byte;
  return Payload{payload, own};
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

Result<std::optional<Message>> MessageReader::read_fragment(BytesView frame, std::uint64_t stream,
                                                            std::shared_ptr<Room> own) {
  auto whole = reassembler_.add(frame, stream, std::move(own));
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
