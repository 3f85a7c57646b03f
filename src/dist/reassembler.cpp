#include "dist/reassembler.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "barrel/base/assert.hpp"
#include "dist/envelope.hpp"

namespace barrel::dist {
namespace {

Error malformed(std::string_view what) {
  return Error{Errc::malformed, Term(what)};
}

}  // namespace

Result<std::optional<Assembled>> Reassembler::add(BytesView frame, std::uint64_t stream,
                                                  std::shared_ptr<Room> own) {
  ByteReader in(frame);
  if (in.u8() != version_byte) return malformed("a fragment that does not start with 131");
  const std::uint8_t kind = in.u8();
  const Key key{stream, in.u64()};
  const std::uint64_t fragment = in.u64();
  if (!in.ok()) return malformed("a truncated fragment");
  if (fragment == 0) return malformed("a fragment with the number 0");
  if (kind == header_first_fragment) return first(in, key, fragment, std::move(own));
  if (kind == header_next_fragment) return next(in, key, fragment);
  return malformed("not a fragment");
}

Result<std::optional<Assembled>> Reassembler::first(ByteReader& in, const Key& key, std::uint64_t fragment,
                                                    std::shared_ptr<Room> own) {
  Sequence sequence;
  if (atom_cache_ != nullptr) {
    if (!atom_cache_->read(in, sequence.atoms)) return malformed("a fragment with atoms that are malformed");
  } else if (in.u8() != 0 || !in.ok()) {
    return malformed("a fragment with an atom cache, which was not negotiated");
  }
  if (fragment > limits_.message_bytes_max) return malformed("a message of more fragments than bytes");
  if (open_.contains(key)) return malformed("a message begins that has begun already");
  // Erlang's law: all of the control message stands in the first fragment.
  if (!sequence.atoms.expand(in, sequence.control, limits_.message_bytes_max)) {
    return malformed("a first fragment without a whole control message");
  }
  const BytesView part = in.rest();
  buffered_ += sequence_overhead_bytes + sequence.atoms.bytes() + sequence.control.size();
  if (auto fits = charge(sequence, part.size() + 1); !fits) return std::move(fits).error();
  if (own && fragment <= 2 && part.size() >= pooled_bytes_min) {
    adopt(sequence, part, std::move(own));
  } else {
    sequence.buffer = room_of(1 + part.size() * (fragment > 1 ? 2 : 1));
    sequence.buffer->span().front() = version_byte;
    sequence.end = 1;
    append(sequence, part, fragment - 1);
  }
  if (fragment == 1) {
    buffered_ -= weight(sequence);
    return finish(std::move(sequence));
  }
  if (open_.size() >= limits_.sequences_max) {
    return Error{Errc::busy, "more than " + std::to_string(limits_.sequences_max) + " unfinished messages"};
  }
  sequence.next = fragment - 1;
  open_.emplace(key, std::move(sequence));
  return std::optional<Assembled>();
}

Result<std::optional<Assembled>> Reassembler::next(ByteReader& in, const Key& key, std::uint64_t fragment) {
  const auto found = open_.find(key);
  if (found == open_.end()) return malformed("a fragment of a message that has not begun");
  Sequence& sequence = found->second;
  if (fragment != sequence.next) return malformed("a fragment out of order");
  const BytesView part = in.rest();
  if (auto fits = charge(sequence, part.size()); !fits) return std::move(fits).error();
  append(sequence, part, fragment - 1);
  if (--sequence.next > 0) return std::optional<Assembled>();
  buffered_ -= weight(sequence);
  Sequence whole = std::move(sequence);
  open_.erase(found);
  return finish(std::move(whole));
}

Result<std::optional<Assembled>> Reassembler::finish(Sequence sequence) const {
  const BytesView payload = sequence.payload();
  if (payload.size() <= 1) return std::optional(Assembled{std::move(sequence.control), {}});  // our 131 only
  SharedBytes shared(sequence.buffer, payload);
  if (!sequence.atoms.empty()) {
    const auto refers = MessageAtoms::are_in_payload(payload);
    auto expanded =
        refers && *refers ? sequence.atoms.expand_payload(payload, limits_.message_bytes_max) : std::nullopt;
    if (!refers || (*refers && !expanded)) return malformed(unexpandable(limits_.message_bytes_max));
    if (expanded) shared = SharedBytes(*std::move(expanded));
  }
  return std::optional(Assembled{std::move(sequence.control), std::move(shared)});
}

Result<> Reassembler::charge(const Sequence& sequence, std::size_t bytes) {
  const std::size_t message = sequence.control.size() + (sequence.end - sequence.begin) + bytes;
  if (message > limits_.message_bytes_max) {
    return malformed("a message over the limit of " + std::to_string(limits_.message_bytes_max) + " bytes");
  }
  buffered_ += bytes;
  if (buffered_ > limits_.bytes_max) {
    return Error{Errc::busy, "more than " + std::to_string(limits_.bytes_max) +
                                 " bytes of unfinished messages (unfinished_bytes_max)"};
  }
  return {};
}

void Reassembler::append(Sequence& sequence, BytesView part, std::uint64_t fragments_left) const {
  const std::size_t needed = sequence.end + part.size();
  if (needed > sequence.buffer->capacity()) {
    // Twice what has arrived, but not more than is likely to come. No overflow: both factors are bounded by
    // message_bytes_max.
    const std::size_t expected = needed + static_cast<std::size_t>(fragments_left) * part.size();
    auto larger = room_of(std::max(needed, std::min(expected, 2 * needed)));
    std::copy_n(sequence.buffer->data(), sequence.end, larger->data());
    sequence.buffer = std::move(larger);
  }
  std::copy_n(part.data(), part.size(), sequence.buffer->data() + sequence.end);
  sequence.end = needed;
}

void Reassembler::adopt(Sequence& sequence, BytesView part, std::shared_ptr<Room> own) {
  // The byte in front is the control message's, which was copied.
  const auto part_begin = static_cast<std::size_t>(part.data() - own->data());
  sequence.begin = part_begin - 1;
  sequence.end = part_begin + part.size();
  own->span()[sequence.begin] = version_byte;
  sequence.buffer = std::move(own);
}

std::shared_ptr<Room> Reassembler::room_of(std::size_t bytes) const {
  return bytes < pooled_bytes_min ? std::make_shared<Room>(bytes) : pool_.lend(bytes);
}

std::size_t Reassembler::weight(const Sequence& sequence) {
  return sequence_overhead_bytes + sequence.atoms.bytes() + sequence.control.size() +
         (sequence.end - sequence.begin);
}

}  // namespace barrel::dist
