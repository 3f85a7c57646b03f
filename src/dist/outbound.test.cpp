#include "dist/outbound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <thread>

#include "barrel/term/etf.hpp"
#include "dist/control.hpp"
#include "dist/frame_reader.hpp"

namespace barrel::dist {
namespace {

auto text(std::string content) {
  return [content = std::move(content)](ByteWriter& out, Envelope) { out.text(content); };
}

/// The frames of what was taken, each as text.
std::vector<std::string> frames_of(const std::vector<SharedBytes>& slices) {
  std::vector<std::string> frames;
  FrameReader reader(std::size_t{1} << 30);
  for (const SharedBytes& slice : slices) {
    reader.feed(slice.view());
    while (reader.next() == FrameReader::Step::frame) frames.emplace_back(as_text(reader.frame()));
  }
  EXPECT_EQ(reader.buffered(), 0U) << "a slice ends with a whole frame";
  return frames;
}

/// Takes what waits, and the peer acknowledges it.
std::vector<std::string> take(Outbound& outbound, Lane lane = Lane::messages) {
  const std::vector<SharedBytes> slices = outbound.take(lane, SIZE_MAX);
  for (const SharedBytes& slice : slices) outbound.acknowledged(lane, slice.size());
  return frames_of(slices);
}

class OutboundTest : public testing::Test {
 protected:
  Metrics metrics;
};

TEST_F(OutboundTest, KeepsTheOrderOfALane) {
  Outbound outbound({}, metrics);
  EXPECT_TRUE(outbound.push(Lane::messages, text("one")).wake);
  EXPECT_FALSE(outbound.push(Lane::messages, text("two")).wake) << "one wake-up for a batch";
  (void)outbound.push(Lane::overlay, text("apart"));
  EXPECT_EQ(take(outbound), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(take(outbound, Lane::overlay), std::vector<std::string>{"apart"});
  EXPECT_TRUE(outbound.push(Lane::messages, text("three")).wake);
  EXPECT_EQ(take(outbound), std::vector<std::string>{"three"});
  EXPECT_TRUE(take(outbound).empty());
}

TEST_F(OutboundTest, SmallAndLargeMessagesStayInOrder) {
  Outbound outbound({}, metrics);
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = i % 7 == 0 ? 40'000 : static_cast<std::size_t>(i) * 13 + 1;
    std::string message(size, static_cast<char>('a' + i % 26));
    EXPECT_EQ(outbound.push(Lane::messages, text(message)).status, Outbound::Status::queued);
    sent.push_back(std::move(message));
    if (i % 50 == 49) {
      EXPECT_EQ(take(outbound), sent);
      sent.clear();
    }
  }
}

TEST_F(OutboundTest, SlicesThatWereTakenDoNotChangeWhenTheirBlockGrows) {
  Outbound outbound({}, metrics);
  std::vector<std::vector<SharedBytes>> taken;
  for (int i = 0; i < 2000; ++i) {
    (void)outbound.push(Lane::messages, text(std::string(100, static_cast<char>('a' + i % 26))));
    taken.push_back(outbound.take(Lane::messages, SIZE_MAX));
  }
  for (int i = 0; i < 2000; ++i) {
    const std::vector<std::string> expected{std::string(100, static_cast<char>('a' + i % 26))};
    EXPECT_EQ(frames_of(taken[static_cast<std::size_t>(i)]), expected);
  }
}

TEST_F(OutboundTest, TakesNoMoreThanAsked) {
  Outbound outbound({}, metrics);
  for (int i = 0; i < 10; ++i) {
    (void)outbound.push(Lane::messages, text(std::string(40'000, 'x')));
  }
  EXPECT_EQ(outbound.take(Lane::messages, 100'000).size(), 3U);
  EXPECT_EQ(outbound.queued_bytes(Lane::messages), 7U * 40'004);
  EXPECT_EQ(outbound.take(Lane::messages, 1).size(), 1U);
  EXPECT_EQ(take(outbound).size(), 6U);
}

TEST_F(OutboundTest, TheBudgetHoldsUntilThePeerHasAcknowledged) {
  Outbound outbound({.budget_bytes_max = 1000, .drained_bytes_max = 500}, metrics);
  EXPECT_EQ(outbound.push(Lane::messages, text(std::string(996, 'x'))).status, Outbound::Status::queued);
  EXPECT_TRUE(outbound.busy(Lane::messages));
  EXPECT_EQ(outbound.push(Lane::messages, text("y")).status, Outbound::Status::busy);
  EXPECT_EQ(outbound.push(Lane::overlay, text("y")).status, Outbound::Status::queued)
      << "lanes do not compete";
  EXPECT_EQ(outbound.push(Lane::messages, text("exit"), true).status, Outbound::Status::queued);
  EXPECT_EQ(metrics.snapshot().at("dist.outbound_busy"), 1U);

  const auto in_flight = outbound.take(Lane::messages, SIZE_MAX);
  EXPECT_EQ(outbound.push(Lane::messages, text("y")).status, Outbound::Status::busy);
  EXPECT_FALSE(outbound.poll_drained(Lane::messages));
  outbound.acknowledged(Lane::messages, 500);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 508U);
  EXPECT_FALSE(outbound.poll_drained(Lane::messages));
  outbound.acknowledged(Lane::messages, 508);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
  EXPECT_TRUE(outbound.poll_drained(Lane::messages));
  EXPECT_FALSE(outbound.poll_drained(Lane::messages)) << "told once";
  EXPECT_EQ(outbound.push(Lane::messages, text("y")).status, Outbound::Status::queued);
}

TEST_F(OutboundTest, WhoWaitsWithoutHavingBeenRefusedHearsOfTheDrainToo) {
  Outbound outbound({.budget_bytes_max = 1000, .drained_bytes_max = 500}, metrics);
  EXPECT_FALSE(outbound.wait_if_busy(Lane::messages));
  EXPECT_EQ(outbound.push(Lane::messages, text(std::string(996, 'x'))).status, Outbound::Status::queued);
  EXPECT_TRUE(outbound.wait_if_busy(Lane::messages));
  EXPECT_FALSE(outbound.poll_drained(Lane::messages));
  take(outbound);
  EXPECT_TRUE(outbound.poll_drained(Lane::messages));
}

TEST_F(OutboundTest, AMessageOverTheLimitIsRefusedAndTheNextOneIsNot) {
  Outbound outbound({.frame_bytes_max = 100'000}, metrics);
  const auto pushed = outbound.push(Lane::messages, text(std::string(200'000, 'x')));
  EXPECT_EQ(pushed.status, Outbound::Status::too_large);
  EXPECT_FALSE(pushed.wake);
  EXPECT_EQ(metrics.snapshot().at("dist.outbound_too_large"), 1U);
  (void)outbound.push(Lane::messages, text("fits"));
  EXPECT_EQ(take(outbound), std::vector<std::string>{"fits"});
}

class OutboundDepth : public testing::TestWithParam<bool> {};

TEST_P(OutboundDepth, WhatNestsDeeperThanThePeerTakesIsToldOfWhateverItsSize) {
  const bool in_parts = GetParam();
  Metrics metrics;
  Outbound outbound({}, metrics);
  const auto is_too_deep = [&](const Term& payload) {
    const SendName control{Pid{Atom("a@h"), 1, 0, 1}, Atom("b")};
    const auto pushed = outbound.push(Lane::messages, [&](ByteWriter& out, Envelope envelope) {
      encode_head(out, control, envelope);
      encode_etf(out, payload);
    });
    EXPECT_EQ(pushed.status, Outbound::Status::queued);
    return pushed.too_deep;
  };
  const auto nested = [](int depth, Term innermost) {
    for (int i = 0; i < depth; ++i) innermost = Term::tuple_of(std::move(innermost), 0);
    return innermost;
  };
  const Term flat = Term::list(std::vector<Term>(2'000, Term::tuple_of(0)));
  const Term letters(std::string(5'000, 'h'));  // as many bytes that could begin a tuple
  EXPECT_FALSE(outbound.push(Lane::messages, text("before the peer is known")).too_deep);
  EXPECT_FALSE(is_too_deep(nested(1'000, 1)));
  outbound.use({.in_parts = in_parts});
  outbound.expect_depth(900);
  for (const std::size_t bytes : {0UL, 5'000UL, 2 * Outbound::large_bytes}) {
    const Term innermost(std::string(bytes, 'x'));
    EXPECT_FALSE(is_too_deep(nested(900, innermost))) << bytes;
    EXPECT_TRUE(is_too_deep(nested(901, innermost))) << bytes;
  }
  EXPECT_FALSE(is_too_deep(flat));
  EXPECT_FALSE(is_too_deep(letters));
  EXPECT_EQ(metrics.counter("dist.outbound_too_deep").value(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Binaries, OutboundDepth, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& chosen) {
                           return chosen.param ? "FromWhereTheyLie" : "Copied";
                         });

TEST_F(OutboundTest, LargeBinariesAreSentFromWhereTheyLie) {
  const std::string bytes(40'000, 'x');
  const SharedBytes shared(Bytes(50'000, 'y'));
  const Term large(bytes);
  const Term message = Term::tuple_of(1, large, Term(std::string(100, 's')), Term::binary(shared), 2);
  const auto encode = [&](ByteWriter& out, Envelope) { encode_etf(out, message); };
  for (const bool in_parts : {false, true}) {
    Outbound outbound({}, metrics);
    if (in_parts) outbound.use({.in_parts = true});
    (void)outbound.push(Lane::messages, text("before"));
    (void)outbound.push(Lane::messages, encode);
    (void)outbound.push(Lane::messages, text("behind"));
    EXPECT_EQ(outbound.queued_bytes(Lane::messages), 3 * 4 + 2 * 6 + encode_etf(message).size() - 1);
    const auto slices = outbound.take(Lane::messages, SIZE_MAX);
    const auto has = [&](BytesView part) {
      return std::ranges::any_of(slices, [&](const SharedBytes& slice) {
        return slice.view().data() == part.data() && slice.size() == part.size();
      });
    };
    EXPECT_EQ(has(large.bytes()), in_parts);
    EXPECT_EQ(has(shared.view()), in_parts);
    const Bytes encoded = encode_etf(message);
    const std::string whole(as_text(BytesView(encoded).subspan(1)));
    EXPECT_EQ(frames_of(slices), (std::vector<std::string>{"before", whole, "behind"}));
  }
}

TEST_F(OutboundTest, PartsCountForTheLimits) {
  Outbound outbound({.budget_bytes_max = 100'000, .frame_bytes_max = 60'000}, metrics);
  outbound.use({.in_parts = true});
  const auto push = [&](std::size_t size) {
    const SharedBytes bytes((Bytes(size)));
    return outbound
        .push(Lane::messages, [&](ByteWriter& out, Envelope) { encode_etf(out, Term::binary(bytes)); })
        .status;
  };
  EXPECT_EQ(push(60'000), Outbound::Status::too_large);
  EXPECT_EQ(push(59'995), Outbound::Status::queued);
  EXPECT_EQ(push(50'000), Outbound::Status::queued);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 60'004U + 50'009U);
  EXPECT_EQ(push(50'000), Outbound::Status::busy);
}

TEST_F(OutboundTest, AnEncoderMaySend) {
  Outbound outbound({}, metrics);
  (void)outbound.push(Lane::messages, [&](ByteWriter& out, Envelope) {
    out.text("outer");
    (void)outbound.push(Lane::messages, text("inner"));
  });
  EXPECT_EQ(take(outbound), (std::vector<std::string>{"inner", "outer"}));
}

TEST_F(OutboundTest, AnEncoderThatThrowsLeavesNothingBehind) {
  Outbound outbound({}, metrics);
  const auto half = [](ByteWriter& out, Envelope) {
    out.text("half");
    throw std::runtime_error("no mapping");
  };
  EXPECT_THROW((void)outbound.push(Lane::messages, half), std::runtime_error);
  (void)outbound.push(Lane::messages, text("whole"));
  EXPECT_EQ(take(outbound), std::vector<std::string>{"whole"});
}

TEST_F(OutboundTest, WhatWaitsIsDroppedWhenThePeerTurnsOutToTakeLess) {
  Outbound outbound({}, metrics);
  const std::string small(100, 's');
  const std::string medium(5000, 'm');
  const std::string large(100'000, 'l');
  for (const std::string& each : {small, medium, small, large, small, medium}) {
    (void)outbound.push(Lane::messages, text(each));
  }
  outbound.lower_frame_limit(4096);
  EXPECT_EQ(metrics.counter("dist.outbound_too_large").value(), 3U);
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 3 * (4 + small.size()));
  EXPECT_EQ(outbound.queued_bytes(Lane::messages), 3 * (4 + small.size()));
  EXPECT_EQ(outbound.push(Lane::messages, text(medium)).status, Outbound::Status::too_large);
  (void)outbound.push(Lane::messages, text("last"));
  EXPECT_EQ(take(outbound), (std::vector<std::string>{small, small, small, "last"}));
}

TEST_F(OutboundTest, TheNextConnectionBeginsWithNothing) {
  Outbound outbound({.budget_bytes_max = 100}, metrics);
  (void)outbound.push(Lane::messages, text(std::string(50, 'f')));
  const auto in_flight = outbound.take(Lane::messages, SIZE_MAX);
  (void)outbound.push(Lane::messages, text(std::string(50, 'l')));
  EXPECT_EQ(outbound.push(Lane::messages, text("refused")).status, Outbound::Status::busy);
  outbound.lower_frame_limit(40);
  outbound.restart();
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
  EXPECT_FALSE(outbound.poll_drained(Lane::messages)) << "whoever was refused is told by the end of the link";
  const auto pushed = outbound.push(Lane::messages, text(std::string(50, 'n')));
  EXPECT_EQ(pushed.status, Outbound::Status::queued) << "the limit was that of the peer before";
  EXPECT_TRUE(pushed.wake);
  EXPECT_EQ(take(outbound), std::vector{std::string(50, 'n')});
}

TEST_F(OutboundTest, WhatAnEndOfTheConnectionLosesIsCounted) {
  Outbound outbound({}, metrics);
  const auto count = [&](const char* name) { return metrics.counter(name).value(); };
  (void)outbound.push(Lane::messages, text(std::string(96, 's')));
  (void)outbound.take(Lane::messages, SIZE_MAX);
  (void)outbound.push(Lane::messages, text(std::string(46, 'w')));
  (void)outbound.push(Lane::overlay, text(std::string(26, 'w')));
  outbound.restart();
  EXPECT_EQ(count("dist.outbound_unacknowledged_bytes"), 100U) << "with the length before it";
  EXPECT_EQ(count("dist.outbound_lost_bytes"), 80U) << "of both lanes";
  outbound.restart();
  EXPECT_EQ(count("dist.outbound_lost_bytes"), 80U);
}

TEST_F(OutboundTest, SlicesOfOneBlockCanBeJoined) {
  Outbound outbound({}, metrics);
  std::vector<SharedBytes> slices;
  for (int i = 0; i < 3; ++i) {
    (void)outbound.push(Lane::messages, text("one after the other"));
    const auto taken = outbound.take(Lane::messages, SIZE_MAX);
    slices.insert(slices.end(), taken.begin(), taken.end());
  }
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[0].owner(), slices[2].owner());
  EXPECT_EQ(slices[0].view().data() + slices[0].size(), slices[1].view().data());
  EXPECT_EQ(slices[1].view().data() + slices[1].size(), slices[2].view().data());
}

TEST_F(OutboundTest, SlicesOutliveTheQueue) {
  std::vector<SharedBytes> slices;
  {
    Outbound outbound({}, metrics);
    (void)outbound.push(Lane::messages, text("still here"));
    slices = outbound.take(Lane::messages, SIZE_MAX);
  }
  EXPECT_EQ(frames_of(slices), std::vector<std::string>{"still here"});
}

TEST_F(OutboundTest, ManySendersEachKeepTheirOrderAndNoWakeUpIsMissed) {
  constexpr int senders = 4;
  constexpr int messages = 5000;
  Outbound outbound({.budget_bytes_max = SIZE_MAX}, metrics);
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender) {
    threads.emplace_back([&, sender] {
      for (int i = 0; i < messages; ++i) {
        const auto pushed = outbound.push(Lane::messages, [&](ByteWriter& out, Envelope) {
          out.u32(static_cast<std::uint32_t>(sender));
          out.u32(static_cast<std::uint32_t>(i));
          if (i % 100 == 0) out.bytes(Bytes(Outbound::large_bytes));
        });
        if (pushed.wake) {
          ++wakes;
          wakes.notify_one();
        }
      }
    });
  }
  std::map<std::uint32_t, std::uint32_t> next;
  int received = 0;
  int seen = 0;
  FrameReader reader(1 << 20);
  while (received < senders * messages) {
    wakes.wait(seen);  // hangs if a push after a take() did not ask for a wake-up
    seen = wakes;
    for (const SharedBytes& slice : outbound.take(Lane::messages, SIZE_MAX)) {
      outbound.acknowledged(Lane::messages, slice.size());
      reader.feed(slice.view());
      while (reader.next() == FrameReader::Step::frame) {
        ByteReader in(reader.frame());
        const std::uint32_t sender = in.u32();
        EXPECT_EQ(in.u32(), next[sender]++);
        ++received;
      }
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(outbound.pending_bytes(Lane::messages), 0U);
}

}  // namespace
}  // namespace barrel::dist
