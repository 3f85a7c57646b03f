// Large messages that came whole: what stays where it lies. The rest is in control.test.cpp and
// atom_cache.test.cpp.
#include "dist/message_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "barrel/term/etf.hpp"

namespace barrel::dist {
namespace {

const NodeName here{"here@10.0.0.1"};
const NodeName there{"there@10.0.0.2"};

/// `Control Payload` of a message to a name of ours.
Bytes message_of(const Term& payload) {
  const SendName control{{there.atom(), 1, 0, 4}, Atom("sink")};
  Bytes bytes;
  ByteWriter out(bytes);
  encode_head(out, control, Envelope::header);
  bytes.erase(bytes.begin(), bytes.begin() + header_bytes);
  encode_etf(out, payload);
  return bytes;
}

class LargeMessages : public testing::TestWithParam<bool> {
 protected:
  /// The frame that says so, with references to atoms where the parameter says so.
  Bytes frame_of(const Term& payload) {
    const Bytes message = message_of(payload);
    Bytes frame;
    if (GetParam()) {
      EXPECT_TRUE(writer.write(message, frame));
      return frame;
    }
    frame = {version_byte, header_whole, 0};
    ByteWriter(frame).bytes(message);
    return frame;
  }
  /// Reads it from a buffer of its own: whether the payload is still there.
  bool stays(const Term& payload) {
    const Bytes frame = frame_of(payload);
    const auto room = std::make_shared<Room>(frame.size() + 10);
    std::ranges::copy(frame, room->data() + 10);
    const auto message = reader.read(room->span().subspan(10), room);
    if (!message || !*message) {
      ADD_FAILURE() << (message ? "no message" : message.error().message());
      return false;
    }
    EXPECT_TRUE(std::holds_alternative<SendName>((*message)->control));
    const auto term = decode_etf((*message)->payload.share());
    EXPECT_TRUE(term && *term == payload);
    return (*message)->payload.owner == room;
  }

  Metrics metrics;
  AtomCacheWriter writer{metrics.counter("taken")};
  MessageReader reader{Envelope::header, MessageParser(here, there), {}, metrics, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Dist, LargeMessages, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "cached" : "spelled"; });

TEST_P(LargeMessages, StayWhereTheyCame) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(stays(Term::binary(Bytes(50'000, 7))));
}

TEST_P(LargeMessages, ThatReferToAtomsAreSpelledOut) {
  const Term term = Term::tuple_of(Atom("picture"), Term::binary(Bytes(50'000, 7)), Atom("sink"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(stays(term), !GetParam());
}

TEST_P(LargeMessages, ThatAreCutOffAreRefused) {
  const Bytes frame = frame_of(Term::tuple_of(Atom("picture"), Term::binary(Bytes(50'000, 7))));
  const auto room = std::make_shared<Room>(40'000);
  std::copy_n(frame.begin(), 40'000, room->data());
  const auto message = reader.read(room->span(), room);
  if (GetParam()) {
    EXPECT_FALSE(message);
  } else {
    ASSERT_TRUE(message && *message);
    EXPECT_FALSE(decode_etf((*message)->payload.share())) << "seen by who decodes it";
  }
}

}  // namespace
}  // namespace barrel::dist
