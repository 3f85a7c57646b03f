// The bytes are a data stream of an authenticated peer that has negotiated fragments: cut into frames, whole
// messages and fragments. What is unfinished stays within its bounds, and what is understood must be written
// and read again the same. The first byte chooses how the stream is cut.
#include <algorithm>
#include <cstdlib>

#include "barrel/term/atom_quota.hpp"
#include "dist/frame_reader.hpp"
#include "dist/message_reader.hpp"
#include "dist/outbound.hpp"

namespace {

using namespace barrel;
using namespace barrel::dist;

const NodeName self{"n1@127.0.0.1"};
const NodeName peer{"n2@127.0.0.1"};
constexpr ReassemblyLimits limits{.message_bytes_max = 4096, .sequences_max = 8, .bytes_max = 8192};

/// Sent by our own queue, the message is what it was.
void check(Metrics& metrics, const MessageParser& parser, const Message& message) {
  if (std::holds_alternative<Ignored>(message.control)) return;
  if (std::holds_alternative<SpawnUnread>(message.control)) return;
  Outbound outbound({}, metrics);
  outbound.use({.envelope = Envelope::header, .fragments = true, .in_parts = true});
  const auto encode = [&](ByteWriter& out, Envelope envelope) {
    encode_head(out, message.control, envelope);
    if (has_payload(message.control)) out.bytes(message.payload.bytes.subspan(1));
  };
  if (outbound.push(Lane::messages, encode).status != Outbound::Status::queued) std::abort();
  MessageReader again(Envelope::header, parser, {}, metrics);
  FrameReader frames(1 << 20);
  for (const SharedBytes& slice : outbound.take(Lane::messages, SIZE_MAX)) {
    frames.feed(slice.view());
    while (frames.next() == FrameReader::Step::frame) {
      const auto read = again.read(frames.frame(), frames.owner());
      // A sender that is no process, and the obsolete unlink, are not written the way they came.
      if (!read || !*read) continue;
      if ((*read)->control.index() != message.control.index()) std::abort();
      if (!std::ranges::equal((*read)->payload.bytes, message.payload.bytes)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const auto quota = std::make_shared<AtomQuota>();
  static Metrics metrics;
  EtfLimits etf;
  etf.atom_quota = quota;
  const MessageParser parser(self, peer, etf);
  MessageReader reader(Envelope::header, parser, limits, metrics);
  FrameReader frames(1 << 16);
  BytesView bytes(data + 1, size - 1);
  while (!bytes.empty()) {
    const BytesView part = bytes.first(std::min<std::size_t>(1 + data[0], bytes.size()));
    bytes = bytes.subspan(part.size());
    frames.feed(part);
    while (frames.next() == FrameReader::Step::frame) {
      const auto message = reader.read(frames.frame(), frames.owner());
      if (reader.reassembler().open_sequences() > limits.sequences_max) std::abort();
      if (!message) {
        if (message.error().code == Errc::malformed || message.error().code == Errc::busy) return 0;
        continue;
      }
      if (reader.reassembler().buffered() > limits.bytes_max) std::abort();
      if (*message) check(metrics, parser, **message);
    }
  }
  return 0;
}
