#include "dist/fragment_turns.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "dist/envelope.hpp"

namespace barrel::dist {
namespace {

constexpr std::size_t length_bytes = 4;

std::size_t fragments_of(std::size_t payload_bytes) {
  // The last one takes what is less than a half.
  return (payload_bytes + fragment_payload_bytes / 2) / fragment_payload_bytes;
}

}  // namespace

std::size_t FragmentTurns::add_large(std::uint64_t sender, Slices message, std::size_t control_bytes,
                                     std::uint64_t after) {
  const std::size_t bytes = message.size();
  const std::size_t fragments = fragments_of(bytes - control_bytes);
  const auto [entry, added] = senders_.try_emplace(sender);
  if (added) waiting_.push_back({sender, after});
  entry->second.push_back({std::move(message), control_bytes, ++sequences_, fragments});
  return bytes + length_bytes + first_fragment_header_bytes +
         (fragments - 1) * (length_bytes + next_fragment_header_bytes);
}

void FragmentTurns::add_behind(std::uint64_t sender, Slices frame) {
  const auto entry = senders_.find(sender);
  BARREL_ASSERT(entry != senders_.end());
  entry->second.push_back({std::move(frame), 0, 0, 0});
}

bool FragmentTurns::start(std::uint64_t bytes) {
  for (; !waiting_.empty() && waiting_.front().after <= bytes; waiting_.pop_front()) {
    turns_.push_back(waiting_.front().sender);
  }
  return !turns_.empty();
}

std::size_t FragmentTurns::take_turn(std::vector<SharedBytes>& out) {
  BARREL_ASSERT(!turns_.empty());
  const std::uint64_t sender = turns_.front();
  turns_.pop_front();
  const auto entry = senders_.find(sender);
  Items& items = entry->second;
  std::size_t bytes = 0;
  do {
    Item& item = items.front();
    if (item.fragments_left > 0) {
      bytes += take_fragment(item, out);
    } else {
      bytes += item.left.size();
      item.left.take(item.left.size(), out);
    }
    if (item.fragments_left == 0) items.pop_front();
  } while (!items.empty() && bytes < fragment_payload_bytes);
  if (items.empty()) senders_.erase(entry);
  else turns_.push_back(sender);
  return bytes;
}

std::size_t FragmentTurns::take_fragment(Item& item, std::vector<SharedBytes>& out) {
  // The control message has no bytes only when it has gone out with the first fragment.
  const std::size_t control = std::exchange(item.control_bytes, 0);
  const bool first = control != 0;
  const bool last = item.fragments_left == 1;
  const std::size_t part = last ? item.left.size() : control + fragment_payload_bytes;
  const std::size_t header = first ? first_fragment_header_bytes : next_fragment_header_bytes;
  Bytes head;
  head.reserve(length_bytes + header);
  ByteWriter writer(head);
  writer.u32(static_cast<std::uint32_t>(header + part));
  writer.u8(version_byte);
  writer.u8(first ? header_first_fragment : header_next_fragment);
  writer.u64(item.sequence);
  writer.u64(item.fragments_left);
  if (first) writer.u8(0);  // no atom cache
  out.emplace_back(std::move(head));
  item.left.take(part, out);
  --item.fragments_left;
  return length_bytes + header + part;
}

}  // namespace barrel::dist
