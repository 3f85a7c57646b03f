#include "dist/atom_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "barrel/base/random.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term_text.hpp"
#include "dist/control.hpp"
#include "dist/frame_reader.hpp"
#include "dist/message_reader.hpp"
#include "dist/outbound.hpp"
#include "dist/term_copy.hpp"
#include "term/random_term.hpp"

namespace barrel::dist {
namespace {

const NodeName here{"n2@127.0.0.1"};
const NodeName there{"n1@127.0.0.1"};

Pid at_here(std::uint32_t id) {
  return {here.atom(), id, 0, 4};
}

Bytes hex(std::string_view digits) {
  return from_hex(digits).value();
}

// --- What is received

/// A line `Payload | Frame`, where Payload is as Erlang prints it, or `-`, and Frame hexadecimal with runs as
/// (78x1000).
std::pair<std::string, Bytes> captured(const std::string& line) {
  const std::size_t bar = line.rfind(" | ");
  std::string digits = line.substr(bar + 3);
  for (std::size_t open = 0; (open = digits.find('(')) != std::string::npos;) {
    const std::size_t close = digits.find(')');
    std::string run;
    for (int left = std::stoi(digits.substr(open + 4, close - open - 4)); left > 0; --left)
      run += digits.substr(open + 1, 2);
    digits.replace(open, close - open + 1, run);
  }
  return {line.substr(0, bar), hex(digits)};
}

TEST(AtomCache, CapturedMessagesOfErlangAreRead) {
  Metrics metrics;
  MessageReader reader(Envelope::header, MessageParser(there, here), {}, metrics, true);
  std::ifstream file(BARREL_DIST_TESTDATA "/atom_cache_messages.txt");
  ASSERT_TRUE(file.is_open());
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# ")) continue;
    const auto [text, frame] = captured(line);
    const auto message = reader.read(frame);
    ASSERT_TRUE(message) << line.substr(0, 200) << ": " << message.error().message();
    if (text == "-") continue;
    if (text == "...") {
      EXPECT_FALSE(*message) << "one fragment of several";
      continue;
    }
    ASSERT_TRUE(*message);
    const auto payload = decode_etf((*message)->payload.bytes);
    ASSERT_TRUE(payload) << text << ": " << payload.error().message();
    std::string printed = to_string(*payload);
    if (const std::size_t run = printed.find("xxxx"); run != std::string::npos) {
      printed.replace(run, printed.rfind("xxxx") + 4 - run, "...");
    }
    EXPECT_EQ(printed, text);
    ++compared;
  }
  EXPECT_GE(compared, 12);
}

/// `131 68` and what follows, read as the first message of a connection: its payload or the error.
std::string read_first(std::string_view digits, std::size_t bytes_max = 1U << 20) {
  Metrics metrics;
  MessageReader reader(Envelope::header, MessageParser(there, here), ReassemblyLimits::of(bytes_max), metrics,
                       true);
  const auto message = reader.read(hex("8344" + std::string(digits)));
  if (!message) return message.error().message();
  const auto payload = decode_etf((*message)->payload.bytes);
  return payload ? to_string(*payload) : payload.error().message();
}

// {6, <n2...>, '', sink}, its atoms with the indices 0, 1, 2, in front of them their places and texts.
const std::string definitions =
    "880805"
    "0c6e32403132372e302e302e31"
    "0600"
    "070473696e6b";
const std::string control = "680461065852000000000a000000000000000452015202";

TEST(AtomCache, AtomsThatAreNewAreSpelledOutForTheReader) {
  const std::string atoms = "03" + definitions;
  EXPECT_EQ(read_first(atoms + "6804610658520000000009000000000000000452015202" + "5202"), "sink");
}

TEST(AtomCache, MalformedAtomsAreRefused) {
  const std::string bad = "malformed: a message with atoms that are malformed";
  EXPECT_EQ(read_first("0100056a"), bad) << "a place that was never filled";
  EXPECT_EQ(read_first("01"), bad) << "cut off before the flags";
  EXPECT_EQ(read_first("0108"), bad) << "cut off before the place";
  EXPECT_EQ(read_first("010805056162"), bad) << "cut off in the text";
  EXPECT_EQ(read_first("ff"), bad);
  std::string too_long =
      "011805"
      "03fd";
  for (int i = 0; i < 1021; ++i) too_long += "61";
  EXPECT_EQ(read_first(too_long), bad) << "longer than 255 characters can be";
}

TEST(AtomCache, AReferenceToNoAtomOfTheMessageIsRefused) {
  const std::string bad = "malformed: " + unexpandable(1U << 20);
  const std::string head = "03" + definitions + "6804610658520000000009000000000000000452015202";
  EXPECT_EQ(read_first(head + "5203"), bad);
  EXPECT_EQ(read_first(head + "680252025204"), bad);
  EXPECT_EQ(read_first(head + "6802520252"), bad) << "cut off";
  EXPECT_EQ(read_first(head + "52025202"), bad) << "more than a payload";
}

TEST(AtomCache, WhatReferencesUnfoldToIsBounded) {
  // A list of so many short references to a long atom.
  std::string atoms =
      "011805"
      "03fc";
  for (int i = 0; i < 1020; ++i) atoms += "61";
  std::string list = "6c00000400";
  for (int i = 0; i < 1024; ++i) list += "5200";
  EXPECT_EQ(
      read_first(atoms + "6a" + list + "6a", 100'000),
      "malformed: a message that refers to atoms that it does not have, is cut off, or is over the limit of "
      "100000 bytes with its atoms");
}

TEST(AtomCache, WithoutNegotiationItIsRefused) {
  Metrics metrics;
  MessageReader reader(Envelope::header, MessageParser(there, here), {}, metrics);
  EXPECT_FALSE(reader.read(hex("834403" + definitions + control + "5202")));
}

// --- What is sent

constexpr OutboundForm with_atom_cache{
    .envelope = Envelope::header, .atom_cache = true, .fragments = true, .in_parts = true};

class AtomCacheSending : public testing::Test {
 protected:
  AtomCacheSending() { outbound.use(with_atom_cache); }

  void push(std::uint32_t sender, const Term& payload) {
    (void)outbound.push(
        Lane::messages,
        [&](ByteWriter& out, Envelope envelope) {
          encode_head(out, SendName{at_here(sender), Atom("sink")}, envelope);
          encode_etf(out, payload);
        },
        false, Outbound::sender_of(at_here(sender)));
  }
  /// What the other end reads, of up to `bytes_max`.
  std::vector<Term> take(std::size_t bytes_max = SIZE_MAX) {
    std::vector<Term> terms;
    for (const SharedBytes& slice : outbound.take(Lane::messages, bytes_max)) {
      outbound.acknowledged(Lane::messages, slice.size());
      bytes += slice.size();
      frames.feed(slice.view());
      while (frames.next() == FrameReader::Step::frame) {
        const auto message = reader.read(frames.frame(), frames.owner());
        EXPECT_TRUE(message) << message.error().message();
        if (!message) return terms;
        if (*message) terms.push_back(*decode_etf((*message)->payload.bytes));
      }
    }
    return terms;
  }

  Metrics metrics;
  Outbound outbound{{.budget_bytes_max = std::size_t{1} << 30}, metrics};
  FrameReader frames{std::size_t{1} << 30};
  MessageReader reader{Envelope::header, MessageParser(there, here), {}, metrics, true};
  std::size_t bytes = 0;
};

TEST_F(AtomCacheSending, AnAtomIsSpelledOutOnce) {
  const Term message = Term::tuple_of(Atom("some_longer_name"), 1);
  push(1, message);
  EXPECT_EQ(take(), std::vector<Term>{message});
  const std::size_t first = std::exchange(bytes, 0);
  push(1, message);
  EXPECT_EQ(take(), std::vector<Term>{message});
  EXPECT_EQ(first - bytes, 4 + 12 + 4 + 16U) << "three texts and '' with their lengths";
}

TEST_F(AtomCacheSending, RandomTermsArriveAsTheyWere) {
  Random random(7);
  std::vector<Term> sent;
  for (int i = 0; i < 2'000; ++i) {
    sent.push_back(random_term(random));
    push(1, sent.back());
  }
  EXPECT_EQ(take(), sent);
}

TEST_F(AtomCacheSending, TwiceAsManyAtomsAsPlaces) {
  for (int round = 0; round < 2; ++round) {
    std::vector<Term> sent;
    for (std::size_t i = 0; i < 2 * atom_cache_places; ++i) {
      sent.push_back(Term::tuple_of(Atom(std::string_view("many_" + std::to_string(i))), Atom("sink")));
      push(1, sent.back());
    }
    EXPECT_EQ(take(), sent);
  }
  EXPECT_GT(metrics.counter("dist.atom_cache_place_taken").value(), 0U);
}

TEST_F(AtomCacheSending, MoreAtomsInAMessageThanItMayReferTo) {
  std::vector<Term> atoms;
  for (int i = 0; i < 300; ++i) atoms.emplace_back(Atom(std::string_view("a" + std::to_string(i))));
  const Term list = Term::list(std::move(atoms));
  push(1, list);
  push(1, list);
  EXPECT_EQ(take(), (std::vector<Term>{list, list}));
}

TEST_F(AtomCacheSending, LargeMessagesAndWhatIsBehindThemReferToNothing) {
  // Each sender's small messages fill places; those behind a large one wait while others leave.
  Random random(3);
  std::vector<std::vector<Term>> sent(4);
  std::size_t count = 0;
  const Term large = Term::binary(Bytes(200'000, 'x'));
  std::vector<std::size_t> next(4);
  const auto check = [&](const std::vector<Term>& arrived) {
    for (const Term& term : arrived) {
      const auto sender = static_cast<std::size_t>(*term.elements()[0].as_int64());
      ASSERT_LT(next[sender], sent[sender].size());
      EXPECT_EQ(term, sent[sender][next[sender]++]);
      --count;
    }
  };
  for (int i = 0; i < 400; ++i) {
    const auto sender = static_cast<std::uint32_t>(random.below(4));
    const Atom fresh(std::string_view("fresh_" + std::to_string(random.below(50))));
    const bool is_large = random.below(20) == 0;
    Term term = Term::tuple_of(static_cast<int>(sender), fresh, is_large ? large : Term(i));
    push(sender, term);
    sent[sender].push_back(std::move(term));
    ++count;
    if (random.below(3) == 0) check(take(64U << 10));
  }
  while (outbound.queued_bytes(Lane::messages) > 0) check(take(64U << 10));
  EXPECT_EQ(count, 0U);
}

TEST_F(AtomCacheSending, TheNextConnectionBeginsWithAnEmptyTable) {
  push(1, Atom("sink"));
  (void)take();
  outbound.restart();
  outbound.use(with_atom_cache);
  MessageReader anew{Envelope::header, MessageParser(there, here), {}, metrics, true};
  push(1, Atom("sink"));
  const auto slices = outbound.take(Lane::messages, SIZE_MAX);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_TRUE(anew.read(slices[0].view().subspan(4)));
}

TEST_F(AtomCacheSending, MessagesFromBeforeTheConnectionArriveToo) {
  outbound.restart();
  push(1, Atom("early"));
  outbound.use(with_atom_cache);
  push(1, Atom("late"));
  EXPECT_EQ(take(), (std::vector<Term>{Term(Atom("early")), Term(Atom("late"))}));
}

}  // namespace
}  // namespace barrel::dist
