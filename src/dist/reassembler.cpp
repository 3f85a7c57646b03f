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

Result<std::optional<Assembled>> Reassembler::add(BytesView frame, std::uint64_t stream) {
  ByteReader in(frame);
  if (in.u8() != version_byte) return malformed("a fragment that does not start with 131");
  const std::uint8_t kind = in.u8();
  const Key key{stream, in.u64()};
  const std::uint64_t fragment = in.u64();
  if (!in.ok()) return malformed("a truncated fragment");
  if (fragment == 0) return malformed("a fragment with the number 0");
  if (kind == header_first_fragment) return first(in, key, fragment);
  if (kind == header_next_fragment) return next(in, key, fragment);
  return malformed("not a fragment");
}

Result<std::optional<Assembled>> Reassembler::first(ByteReader& in, const Key& key, std::uint64_t fragment) {
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
  sequence.payload = room_for(in.remaining(), fragment - 1);
  sequence.payload.push_back(version_byte);
  buffered_ += weight(sequence);
  if (auto added = append(sequence, in.rest(), fragment - 1); !added) return std::move(added).error();
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
  if (auto added = append(sequence, in.rest(), fragment - 1); !added) return std::move(added).error();
  if (--sequence.next > 0) return std::optional<Assembled>();
  buffered_ -= weight(sequence);
  Sequence whole = std::move(sequence);
  open_.erase(found);
  return finish(std::move(whole));
}

Result<std::optional<Assembled>> Reassembler::finish(Sequence sequence) const {
  Bytes& payload = sequence.payload;
  if (payload.size() <= 1) return std::optional(Assembled{std::move(sequence.control), {}});  // our 131 only
  if (!sequence.atoms.empty()) {
    auto expanded = sequence.atoms.expand_payload(std::move(payload), limits_.message_bytes_max);
    if (!expanded) return malformed(unexpandable(limits_.message_bytes_max));
    payload = *std::move(expanded);
  }
  SharedBytes shared = payload.capacity() < pooled_bytes_min ? SharedBytes(std::move(payload))
                                                             : pool_.share(std::move(payload));
  return std::optional(Assembled{std::move(sequence.control), std::move(shared)});
}

Result<> Reassembler::append(Sequence& sequence, BytesView part, std::uint64_t fragments_left) {
  const std::size_t message = sequence.control.size() + sequence.payload.size() + part.size();
  if (message > limits_.message_bytes_max) {
    return malformed("a message over the limit of " + std::to_string(limits_.message_bytes_max) + " bytes");
  }
  buffered_ += part.size();
  if (buffered_ > limits_.bytes_max) {
    return Error{Errc::busy,
                 "more than " + std::to_string(limits_.bytes_max) + " bytes of unfinished messages"};
  }
  Bytes& payload = sequence.payload;
  const std::size_t needed = payload.size() + part.size();
  if (needed > payload.capacity()) {
    // Twice what has arrived, but not more than is likely to come. No overflow: both factors are bounded by
    // message_bytes_max.
    const std::size_t expected = needed + static_cast<std::size_t>(fragments_left) * part.size();
    payload.reserve(std::max(needed, std::min(expected, 2 * needed)));
  }
  payload.insert(payload.end(), part.begin(), part.end());
  return {};
}

Bytes Reassembler::room_for(std::size_t part, std::uint64_t fragments_left) const {
  const std::size_t bytes = 1 + part + (fragments_left > 0 ? part : 0);
  return bytes < pooled_bytes_min ? Bytes() : pool_.get(bytes);
}

std::size_t Reassembler::weight(const Sequence& sequence) {
  return sequence_overhead_bytes + sequence.atoms.bytes() + sequence.control.size() + sequence.payload.size();
}

}  // namespace barrel::dist
