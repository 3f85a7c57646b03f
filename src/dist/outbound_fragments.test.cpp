// What the outbound queue makes of messages for a connection that has negotiated fragments.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "barrel/term/etf.hpp"
#include "dist/control.hpp"
#include "dist/frame_reader.hpp"
#include "dist/message_reader.hpp"
#include "dist/outbound.hpp"

namespace barrel::dist {
namespace {

const NodeName here{"n2@127.0.0.1"};
const NodeName there{"n1@127.0.0.1"};

Pid at_here(std::uint32_t id) {
  return {here.atom(), id, 0, 4};
}
const Pid at_there{there.atom(), 0xa0, 0, 4};

/// A message that arrived: its sender's number, and its size.
struct Arrived {
  std::uint32_t sender;
  std::size_t bytes;
  friend bool operator==(const Arrived&, const Arrived&) = default;
};
void PrintTo(const Arrived& arrived, std::ostream* out) {
  *out << arrived.sender << ":" << arrived.bytes;
}

/// With large binaries copied into their frames, and sent from where they lie.
class OutboundFragments : public testing::TestWithParam<bool> {
 protected:
  Outbound::Pushed push(std::uint32_t sender, std::size_t bytes) {
    return outbound.push(
        Lane::messages,
        [&](ByteWriter& out, Envelope envelope) {
          encode_head(out, Send{at_here(sender), at_there}, envelope);
          encode_etf(out, Term::binary(Bytes(bytes, static_cast<std::uint8_t>(sender))));
        },
        false, Outbound::sender_of(at_here(sender)));
  }

  /// Takes up to `bytes_max`, which the peer acknowledges and reads.
  void take(std::size_t bytes_max = SIZE_MAX) {
    for (const SharedBytes& slice : outbound.take(Lane::messages, bytes_max)) {
      outbound.acknowledged(Lane::messages, slice.size());
      frames.feed(slice.view());
      while (frames.next() == FrameReader::Step::frame) read();
    }
  }
  void read() {
    const BytesView frame = frames.frame();
    largest_frame = std::max(largest_frame, frame.size());
    kinds.push_back(frame[1]);
    auto message = reader.read(frame, frames.owner());
    ASSERT_TRUE(message) << message.error().message();
    if (!*message) return;
    const std::uint32_t sender = std::get<Send>((*message)->control).from.id;
    const auto payload = decode_etf((*message)->payload.bytes);
    ASSERT_TRUE(payload) << payload.error().message();
    ASSERT_TRUE(std::ranges::all_of(payload->bytes(), [&](std::uint8_t byte) { return byte == sender; }));
    arrived.push_back({sender, payload->bytes().size()});
  }

  const OutboundForm form{.envelope = Envelope::header, .fragments = true, .in_parts = GetParam()};
  Metrics metrics;
  Outbound outbound{{.budget_bytes_max = std::size_t{1} << 30}, metrics};
  FrameReader frames{std::size_t{1} << 30};
  MessageReader reader{Envelope::header, MessageParser(there, here), {}, metrics};
  std::vector<Arrived> arrived;
  std::vector<std::uint8_t> kinds;
  std::size_t largest_frame = 0;
};

TEST_P(OutboundFragments, SmallMessagesGoWhole) {
  outbound.use(form);
  (void)push(1, 10);
  (void)push(2, 30'000);
  (void)push(1, 60'000);
  take();
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 10}, {2, 30'000}, {1, 60'000}}));
  EXPECT_EQ(kinds, (std::vector<std::uint8_t>(3, header_whole)));
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

TEST_P(OutboundFragments, LargeOnesGoInFragmentsOfTheSizeThatErlangUses) {
  outbound.use(form);
  (void)push(1, 100'000);
  (void)push(2, 100'000);
  take();
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 100'000}, {2, 100'000}}));
  EXPECT_EQ(kinds, (std::vector<std::uint8_t>{69, 69, 70, 70})) << "they take turns";
  EXPECT_LE(largest_frame, fragment_payload_bytes + 100);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U) << "headers were counted";
}

TEST_P(OutboundFragments, NoneIsMuchShorterThanTheOthers) {
  outbound.use(form);
  constexpr std::size_t tag = 5;  // and length of a binary
  constexpr std::size_t half = fragment_payload_bytes / 2;
  const auto fragments_of = [&](std::size_t payload) {
    const std::size_t before = kinds.size();
    (void)push(1, payload - tag);
    take();
    return kinds.size() - before;
  };
  EXPECT_EQ(fragments_of(fragment_payload_bytes + half), 1U);
  EXPECT_EQ(kinds.back(), header_whole);
  EXPECT_EQ(fragments_of(fragment_payload_bytes + half + 1), 2U);
  EXPECT_EQ(fragments_of(2 * fragment_payload_bytes + half - 1), 2U);
  EXPECT_EQ(fragments_of(2 * fragment_payload_bytes + half), 3U);
  EXPECT_EQ(fragments_of(3 * fragment_payload_bytes), 3U);
  EXPECT_EQ(arrived.size(), 5U);
  EXPECT_LE(largest_frame, fragment_payload_bytes + half + 100);
}

TEST_P(OutboundFragments, SmallMessagesOfOthersDoNotWaitForALargeOne) {
  outbound.use(form);
  (void)push(1, 32U << 20);
  take(256U << 10);
  (void)push(2, 10);
  take(256U << 10);
  EXPECT_EQ(arrived, (std::vector<Arrived>{{2, 10}}));
  EXPECT_EQ(reader.reassembler().open_sequences(), 1U);
}

TEST_P(OutboundFragments, WhatASenderSaysBehindItsLargeMessageStaysBehindIt) {
  outbound.use(form);
  (void)push(1, 10);
  (void)push(1, 1'000'000);
  (void)push(1, 20);
  (void)push(2, 30);
  (void)push(1, 30'000);
  (void)push(1, 200'000);
  (void)push(1, 40);
  take();
  EXPECT_EQ(arrived, (std::vector<Arrived>{
                         {1, 10}, {2, 30}, {1, 1'000'000}, {1, 20}, {1, 30'000}, {1, 200'000}, {1, 40}}));
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

TEST_P(OutboundFragments, ALargeMessageDoesNotOvertakeWhatItsSenderSaidBefore) {
  outbound.use(form);
  for (int i = 0; i < 20; ++i) (void)push(2, 60'000);
  (void)push(1, 10);
  (void)push(1, 170'000);
  for (int i = 0; i < 20; ++i) (void)push(2, 60'000);
  while (outbound.queued_bytes(Lane::messages) > 0) take(1);
  std::vector<Arrived> of_one;
  std::ranges::copy_if(arrived, std::back_inserter(of_one), [](const Arrived& a) { return a.sender == 1; });
  EXPECT_EQ(of_one, (std::vector<Arrived>{{1, 10}, {1, 170'000}}));
  EXPECT_EQ(arrived.size(), 42U);
}

TEST_P(OutboundFragments, ManySendersTakeTurnsAndEachKeepsItsOrder) {
  outbound.use(form);
  std::map<std::uint32_t, std::vector<Arrived>> sent;
  std::size_t count = 0;
  for (std::size_t round = 0; round < 30; ++round) {
    for (std::uint32_t sender = 1; sender <= 20; ++sender) {
      const std::size_t bytes = (round * 7 + sender) % 5 == 0 ? 70'000 + 9'000 * sender : 10 + round;
      (void)push(sender, bytes);
      sent[sender].push_back({sender, bytes});
      ++count;
    }
    take(100'000);
  }
  while (outbound.queued_bytes(Lane::messages) > 0) take(100'000);
  std::map<std::uint32_t, std::vector<Arrived>> received;
  for (const Arrived& message : arrived) received[message.sender].push_back(message);
  EXPECT_EQ(received, sent);
  EXPECT_EQ(arrived.size(), count);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

TEST_P(OutboundFragments, WhatWaitedForTheConnectionIsTurnedIntoItsEnvelope) {
  (void)push(1, 10);
  (void)push(1, 200'000);
  (void)push(2, 30'000);
  (void)outbound.push(Lane::messages, [&](ByteWriter& out, Envelope envelope) {
    encode_head(out, Control(Link{at_here(1), at_there}), envelope);
  });
  (void)push(1, 20);
  outbound.use(form);
  (void)push(1, 40);
  const auto slices = outbound.take(Lane::messages, SIZE_MAX);
  std::size_t links = 0;
  for (const SharedBytes& slice : slices) {
    outbound.acknowledged(Lane::messages, slice.size());
    frames.feed(slice.view());
    while (frames.next() == FrameReader::Step::frame) {
      const auto message = reader.read(frames.frame(), frames.owner());
      ASSERT_TRUE(message) << message.error().message();
      if (!*message) continue;
      if (std::holds_alternative<Link>((*message)->control)) ++links;
      else arrived.push_back({1, decode_etf((*message)->payload.bytes)->bytes().size()});
    }
  }
  EXPECT_EQ(links, 1U);
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 10}, {1, 200'000}, {1, 30'000}, {1, 20}, {1, 40}}));
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

TEST_P(OutboundFragments, WhatWaitedIsTakenInWholeFrames) {
  (void)push(1, 100);
  (void)push(1, 300'000);
  outbound.use(form);
  while (outbound.queued_bytes(Lane::messages) > 0) {
    take(150);
    EXPECT_EQ(frames.buffered(), 0U);
  }
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 100}, {1, 300'000}}));
}

TEST_P(OutboundFragments, WhoeverKeepsBytesMaySendWhenTheyAreDropped) {
  outbound.use(form);
  struct Sends {
    ~Sends() {
      (void)outbound.push(Lane::messages, [](ByteWriter& out, Envelope) { out.u8(1); });
    }
    Outbound& outbound;
    Bytes bytes;
  };
  {
    const auto owner = std::make_shared<Sends>(outbound, Bytes(300'000));
    const Term large = Term::binary(SharedBytes(owner, owner->bytes));
    (void)outbound.push(Lane::messages, [&](ByteWriter& out, Envelope envelope) {
      encode_head(out, Send{at_here(1), at_there}, envelope);
      encode_etf(out, large);
    });
  }
  outbound.restart();  // does not return if the lock is held
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), GetParam() ? 5U : 0U);
}

TEST_P(OutboundFragments, LargeMessagesFollowWhatWaitedForTheConnection) {
  (void)push(1, 10);
  (void)push(1, 200'000);
  outbound.use(form);
  take();
  (void)push(1, 20);
  (void)push(1, 100'000);
  take();
  (void)push(2, 100'000);
  take();
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 10}, {1, 200'000}, {1, 20}, {1, 100'000}, {2, 100'000}}));
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

TEST_P(OutboundFragments, APeerWithoutFragmentsGetsLargeMessagesWhole) {
  (void)push(1, 100'000);  // waits for the connection
  outbound.use({.envelope = Envelope::header, .in_parts = GetParam()});
  (void)push(2, 200'000);
  take();
  EXPECT_EQ(arrived, (std::vector<Arrived>{{1, 100'000}, {2, 200'000}}));
  EXPECT_EQ(kinds, (std::vector<std::uint8_t>(2, header_whole)));
}

TEST_P(OutboundFragments, TheNextConnectionBeginsWithoutFragments) {
  outbound.use(form);
  (void)push(1, 1'000'000);
  take(100'000);
  outbound.restart();
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
  EXPECT_TRUE(outbound.take(Lane::messages, SIZE_MAX).empty());
  (void)push(1, 10);
  const auto slices = outbound.take(Lane::messages, SIZE_MAX);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(slices[0].view()[4], pass_through);
}

TEST_P(OutboundFragments, LanesNeverShareASequence) {
  outbound.use(form);
  const auto large = [](ByteWriter& out, Envelope envelope) {
    encode_head(out, SendName{at_here(1), Atom("name")}, envelope);
    encode_etf(out, Term::binary(Bytes(100'000)));
  };
  (void)outbound.push(Lane::messages, large);
  (void)outbound.push(Lane::overlay, large);
  std::vector<std::uint64_t> sequences;
  for (const Lane lane : {Lane::messages, Lane::overlay}) {
    const auto slices = outbound.take(lane, 1);
    ByteReader header(slices.front().view());
    header.skip(4 + 2);
    sequences.push_back(header.u64());
  }
  EXPECT_NE(sequences[0], sequences[1]);
}

TEST_P(OutboundFragments, PayloadsAreNotCopiedIntoFragments) {
  outbound.use(form);
  (void)push(1, 300'000);
  std::map<const void*, std::vector<SharedBytes>> of_owner;
  for (const SharedBytes& slice : outbound.take(Lane::messages, SIZE_MAX)) {
    if (slice.size() > 1'000) of_owner[slice.owner().get()].push_back(slice);
  }
  ASSERT_EQ(of_owner.size(), 1U);
  const std::vector<SharedBytes>& parts = of_owner.begin()->second;
  ASSERT_EQ(parts.size(), 5U);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].view().data(), parts[i - 1].view().data() + parts[i - 1].size());
  }
}

INSTANTIATE_TEST_SUITE_P(Binaries, OutboundFragments, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& chosen) {
                           return chosen.param ? "FromWhereTheyLie" : "Copied";
                         });

}  // namespace
}  // namespace barrel::dist
