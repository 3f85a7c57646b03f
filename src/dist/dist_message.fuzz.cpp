// The bytes are a data stream of an authenticated peer: cut into frames, each parsed as a distribution
// message. What is understood must be written and read again the same. The first byte chooses how the stream
// is cut.
#include <algorithm>
#include <cstdlib>

#include "barrel/term/atom_quota.hpp"
#include "dist/control.hpp"
#include "dist/frame_reader.hpp"

namespace {

using namespace barrel;
using namespace barrel::dist;

const NodeName self{"n1@127.0.0.1"};
const NodeName peer{"n2@127.0.0.1"};

void check(const MessageParser& parser, const Message& message) {
  if (std::holds_alternative<Ignored>(message.control)) return;
  if (std::holds_alternative<SpawnUnread>(message.control)) return;
  Bytes again;
  ByteWriter writer(again);
  encode_head(writer, message.control);
  if (has_payload(message.control)) writer.bytes(message.payload.bytes.subspan(1));
  const auto read = parser.parse(again);
  // A sender that is no process, and the obsolete unlink, are not written the way they came.
  if (!read) return;
  if (read->control.index() != message.control.index()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const auto quota = std::make_shared<AtomQuota>();
  EtfLimits limits;
  limits.atom_quota = quota;
  const MessageParser parser(self, peer, limits);
  FrameReader reader(1 << 16);
  BytesView bytes(data + 1, size - 1);
  while (!bytes.empty()) {
    const BytesView part = bytes.first(std::min<std::size_t>(1 + data[0], bytes.size()));
    bytes = bytes.subspan(part.size());
    reader.feed(part);
    while (reader.next() == FrameReader::Step::frame) {
      const auto message = parser.parse(reader.frame(), reader.owner());
      if (message) check(parser, *message);
    }
  }
  return 0;
}
