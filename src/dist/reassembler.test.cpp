#include "dist/reassembler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "barrel/term/etf.hpp"
#include "dist/envelope.hpp"

namespace barrel::dist {
namespace {

Bytes fragment(std::uint8_t kind, std::uint64_t sequence, std::uint64_t number, BytesView rest) {
  Bytes bytes{version_byte, kind};
  ByteWriter writer(bytes);
  writer.u64(sequence);
  writer.u64(number);
  if (kind == header_first_fragment) writer.u8(0);
  writer.bytes(rest);
  return bytes;
}

const Bytes& control() {
  static const Bytes bytes = [] {
    Bytes out;
    ByteWriter writer(out);
    encode_etf(writer, Term::tuple_of(6, Atom("nobody"), Atom(), Atom("name")));
    return out;
  }();
  return bytes;
}

Bytes first(std::uint64_t sequence, std::uint64_t number, std::string_view part) {
  Bytes rest = control();
  rest.insert(rest.end(), part.begin(), part.end());
  return fragment(header_first_fragment, sequence, number, rest);
}

Bytes next(std::uint64_t sequence, std::uint64_t number, std::string_view part) {
  return fragment(header_next_fragment, sequence, number, as_bytes(part));
}

/// "" for a message that is not complete, its payload without 131 for one that is, or the error.
std::string add(Reassembler& reassembler, const Bytes& frame, std::uint64_t stream = 0) {
  auto added = reassembler.add(frame, stream);
  if (!added) return added.error().message();
  if (!*added) return "";
  EXPECT_EQ((*added)->control, control());
  const BytesView payload = (*added)->payload.view();
  if (payload.empty()) return "no payload";
  EXPECT_EQ(payload[0], version_byte);
  return std::string(as_text(payload.subspan(1)));
}

TEST(Reassembler, PutsTheFragmentsOfAMessageTogether) {
  Reassembler reassembler({});
  EXPECT_EQ(add(reassembler, first(1283, 3, "one ")), "");
  EXPECT_EQ(add(reassembler, next(1283, 2, "two ")), "");
  EXPECT_EQ(reassembler.open_sequences(), 1U);
  EXPECT_EQ(add(reassembler, next(1283, 1, "three")), "one two three");
  EXPECT_EQ(reassembler.open_sequences(), 0U);
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(Reassembler, AMessageOfOneFragmentIsCompleteAtOnce) {
  Reassembler reassembler({});
  EXPECT_EQ(add(reassembler, first(1, 1, "whole")), "whole");
  EXPECT_EQ(add(reassembler, first(1, 1, "")), "no payload");
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(Reassembler, FragmentsOfManyMessagesInterleave) {
  Reassembler reassembler({});
  constexpr std::uint64_t senders = 1000;
  for (std::uint64_t sender = 0; sender < senders; ++sender) {
    EXPECT_EQ(add(reassembler, first(sender, 3, std::to_string(sender))), "");
  }
  for (std::uint64_t sender = senders; sender-- > 0;) EXPECT_EQ(add(reassembler, next(sender, 2, "-")), "");
  for (std::uint64_t sender = 0; sender < senders; ++sender) {
    const std::string text = std::to_string(sender);
    EXPECT_EQ(add(reassembler, next(sender, 1, text)), text + "-" + text);
  }
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(Reassembler, TheSameNumberOnAnotherStreamIsAnotherMessage) {
  // An Erlang process that sends to two receivers gives both messages its own number.
  Reassembler reassembler({});
  EXPECT_EQ(add(reassembler, first(7, 2, "one "), 4), "");
  EXPECT_EQ(add(reassembler, first(7, 3, "a "), 8), "");
  EXPECT_EQ(add(reassembler, next(7, 2, "b "), 8), "");
  EXPECT_EQ(add(reassembler, next(7, 1, "two"), 4), "one two");
  EXPECT_EQ(add(reassembler, next(7, 1, "c"), 8), "a b c");
  EXPECT_EQ(reassembler.buffered(), 0U);
}

/// A frame in a room of its own, with some to spare behind it.
struct Placed {
  explicit Placed(const Bytes& bytes)
      : room(std::make_shared<Room>(bytes.size() + 100)), frame(room->data(), bytes.size()) {
    std::ranges::copy(bytes, room->data());
  }
  std::shared_ptr<Room> room;
  BytesView frame;
};

TEST(Reassembler, ALargeMessageThatLittleIsMissingOfIsCompletedWhereItLies) {
  Reassembler reassembler({});
  const std::string large(64U << 10, 'x');
  const Placed placed(first(1, 2, large));
  EXPECT_FALSE(*reassembler.add(placed.frame, 0, placed.room));
  const auto whole = reassembler.add(next(1, 1, "tail"));
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->control, control());
  const SharedBytes& payload = (*whole)->payload;
  EXPECT_EQ(payload.owner(), placed.room);
  EXPECT_EQ(payload.view().front(), version_byte);
  EXPECT_EQ(as_text(payload.view().subspan(1)), large + "tail");
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(Reassembler, AMessageThatOutgrowsTheBufferOfItsFirstFragmentIsWholeAllTheSame) {
  for (const std::uint64_t fragments : {2, 3}) {
    Reassembler reassembler({});
    const std::string large(64U << 10, 'x');
    const Placed placed(first(1, fragments, large));
    EXPECT_FALSE(*reassembler.add(placed.frame, 0, placed.room));
    std::string expected = large;
    for (std::uint64_t left = fragments - 1; left > 0; --left) {
      const std::string part(40'000 + left, static_cast<char>('a' + left));
      expected += part;
      EXPECT_EQ(add(reassembler, next(1, left, part)), left > 1 ? "" : expected);
    }
    EXPECT_EQ(reassembler.buffered(), 0U);
  }
}

TEST(Reassembler, ASequenceMayBeUsedAgainWhenItHasEnded) {
  Reassembler reassembler({});
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(add(reassembler, first(7, 2, "a")), "");
    EXPECT_EQ(add(reassembler, next(7, 1, "b")), "ab");
  }
}

TEST(Reassembler, FragmentsThatCannotBeAreRefused) {
  const auto after_a_first = [](const Bytes& frame) {
    Reassembler reassembler({});
    EXPECT_EQ(add(reassembler, first(1, 3, "x")), "");
    return add(reassembler, frame);
  };
  EXPECT_EQ(after_a_first(first(1, 3, "x")), "malformed: a message begins that has begun already");
  EXPECT_EQ(after_a_first(next(1, 3, "x")), "malformed: a fragment out of order") << "the number goes up";
  EXPECT_EQ(after_a_first(next(1, 1, "x")), "malformed: a fragment out of order") << "one is left out";
  EXPECT_EQ(after_a_first(next(1, 0, "x")), "malformed: a fragment with the number 0");
  EXPECT_EQ(after_a_first(next(2, 2, "x")), "malformed: a fragment of a message that has not begun");
  EXPECT_EQ(after_a_first(first(2, ~std::uint64_t{0}, "x")),
            "malformed: a message of more fragments than bytes");
  EXPECT_EQ(after_a_first(fragment(71, 1, 2, {})), "malformed: not a fragment");
  Bytes cached = first(2, 1, "x");
  cached[first_fragment_header_bytes - 1] = 1;
  EXPECT_EQ(after_a_first(cached), "malformed: a fragment with an atom cache, which was not negotiated");
  EXPECT_EQ(after_a_first(fragment(header_first_fragment, 2, 2, BytesView(control()).first(5))),
            "malformed: a first fragment without a whole control message");
  const Bytes whole = next(1, 2, "");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    EXPECT_EQ(after_a_first(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
              "malformed: a truncated fragment");
  }
}

TEST(Reassembler, OneMessageIsBounded) {
  Reassembler reassembler({.message_bytes_max = 1000});
  const std::string part(400, 'x');
  EXPECT_EQ(add(reassembler, first(1, 1000, part)), "");
  EXPECT_EQ(add(reassembler, next(1, 999, part)), "");
  EXPECT_EQ(add(reassembler, next(1, 998, part)), "malformed: a message over the limit of 1000 bytes");
}

TEST(Reassembler, AllUnfinishedMessagesTogetherAreBounded) {
  Reassembler reassembler({.message_bytes_max = 10'000, .bytes_max = 20'000});
  const std::string part(9'000, 'x');
  EXPECT_EQ(add(reassembler, first(1, 3, part)), "");
  EXPECT_EQ(add(reassembler, first(2, 3, part)), "");
  EXPECT_EQ(add(reassembler, first(3, 3, part)),
            "busy: more than 20000 bytes of unfinished messages (unfinished_bytes_max)");
}

TEST(Reassembler, ALowLimitOnMessagesLeavesRoomForAFragmentOfManySenders) {
  const auto limits = ReassemblyLimits::of(std::size_t{128} << 10);
  Reassembler reassembler(limits);
  const std::string part(std::size_t{64} << 10, 'x');
  for (std::uint64_t sender = 0; sender < 200; ++sender) {
    ASSERT_EQ(add(reassembler, first(sender, 2, part)), "") << sender;
  }
  constexpr std::size_t mega = std::size_t{1} << 20;
  EXPECT_EQ(ReassemblyLimits::of(64 * mega).bytes_max, 256 * mega);
  EXPECT_EQ(ReassemblyLimits::of(64 * mega, 500 * mega).bytes_max, 500 * mega);
  EXPECT_EQ(ReassemblyLimits::of(64 * mega, 1).bytes_max, 65 * mega) << "one has room";
}

TEST(Reassembler, MessagesThatNeverEndAreBoundedInNumber) {
  const ReassemblyLimits limits;
  Reassembler reassembler(limits);
  for (std::uint64_t sequence = 0; sequence < limits.sequences_max; ++sequence) {
    ASSERT_EQ(add(reassembler, first(sequence, 2, "")), "");
  }
  EXPECT_EQ(add(reassembler, first(limits.sequences_max, 2, "")), "busy: more than 4096 unfinished messages");
  EXPECT_LT(reassembler.buffered(), 2U << 20);
}

TEST(Reassembler, EmptySequencesAreNotFree) {
  Reassembler reassembler({.bytes_max = 10'000});
  std::string outcome;
  std::uint64_t sequence = 0;
  while (outcome.empty()) outcome = add(reassembler, first(++sequence, 2, "x"));
  EXPECT_EQ(outcome, "busy: more than 10000 bytes of unfinished messages (unfinished_bytes_max)");
  EXPECT_LT(sequence, 50U);
}

TEST(Reassembler, MemoryGrowsWithWhatArrivedNotWithWhatIsAnnounced) {
  Reassembler reassembler({});
  const std::string part(60'000, 'x');
  EXPECT_EQ(add(reassembler, first(1, 2000, part)), "");
  EXPECT_LT(reassembler.buffered(), 61'000U);
  std::string sent = part;
  for (std::uint64_t number = 1999; number > 1900; --number) {
    EXPECT_EQ(add(reassembler, next(1, number, part)), "");
    sent += part;
  }
  EXPECT_EQ(reassembler.buffered(), sent.size() + control().size() + 1 + 256);
}

}  // namespace
}  // namespace barrel::dist
