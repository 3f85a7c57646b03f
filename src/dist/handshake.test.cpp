#include "dist/handshake.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace barrel::dist {
namespace {

const NodeName alice{"alice@127.0.0.1"};
const NodeName bob{"bob@127.0.0.1"};

template <class E>
const E* find(const HandshakeEffects& effects) {
  for (const HandshakeEffect& effect : effects) {
    if (const E* found = std::get_if<E>(&effect)) return found;
  }
  return nullptr;
}

/// Two ends of a handshake and what is on its way between them, delivered in pieces of a given size (0:
/// whatever there is at once).
struct Pair {
  Pair(Framing framing, std::size_t piece,
       const std::function<void(HandshakeSetup&, HandshakeSetup&)>& change = {},
       Verdict with = Verdict::accept)
      : Pair(setups(framing, change), piece, with) {}

  void run() {
    HandshakeEffects effects;
    acceptor.start(effects);
    initiator.start(effects);
    carry_out(effects, from_initiator, *this, initiator_log);
    while (!from_initiator.empty() || !from_acceptor.empty()) {
      step(from_initiator, acceptor, from_acceptor, acceptor_log);
      step(from_acceptor, initiator, from_initiator, initiator_log);
    }
  }

  void step(Bytes& wire, Handshake& receiver, Bytes& reverse, HandshakeEffects& log) {
    if (wire.empty()) return;
    const std::size_t size = piece_bytes == 0 ? wire.size() : std::min(piece_bytes, wire.size());
    const Bytes delivery(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
    wire.erase(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
    HandshakeEffects effects;
    receiver.receive(delivery, effects);
    carry_out(effects, reverse, *this, log);
  }

  static void carry_out(HandshakeEffects effects, Bytes& wire, Pair& pair, HandshakeEffects& log) {
    for (HandshakeEffect& effect : effects) {
      log.push_back(effect);
      HandshakeEffects more;
      if (const auto* send = std::get_if<SendBytes>(&effect)) {
        wire.insert(wire.end(), send->bytes.begin(), send->bytes.end());
      } else if (std::holds_alternative<AwaitDelivery>(effect)) {
        ++pair.awaited;
        pair.acceptor.delivered(more);
      } else if (std::holds_alternative<AskVerdict>(effect)) {
        pair.acceptor.answer(pair.verdict, more);
      }
      carry_out(std::move(more), wire, pair, log);
    }
  }

  using Setups = std::pair<HandshakeSetup, HandshakeSetup>;
  static Setups setups(Framing framing, const std::function<void(HandshakeSetup&, HandshakeSetup&)>& change) {
    HandshakeSetup dialing{Role::initiator, framing, alice, "bob@127.0.0.1", 11, offered_flags, "secret"};
    HandshakeSetup accepting{Role::acceptor, framing, bob, "alice@127.0.0.1", 22, offered_flags, "secret"};
    if (change) change(dialing, accepting);
    return {dialing, accepting};
  }
  Pair(const Setups& both, std::size_t piece, Verdict with)
      : initiator(both.first, Random(1)),
        acceptor(both.second, Random(2)),
        piece_bytes(piece),
        verdict(with) {}

  Handshake initiator;
  Handshake acceptor;
  std::size_t piece_bytes;
  Verdict verdict;
  int awaited = 0;
  Bytes from_initiator;
  Bytes from_acceptor;
  HandshakeEffects initiator_log;
  HandshakeEffects acceptor_log;
};

class HandshakeDelivery : public testing::TestWithParam<std::tuple<Framing, std::size_t, Verdict>> {};

TEST_P(HandshakeDelivery, CompletesOnBothSides) {
  const auto [framing, piece, verdict] = GetParam();
  Pair pair(framing, piece, {}, verdict);
  pair.run();
  const auto* at_alice = find<HandshakeComplete>(pair.initiator_log);
  const auto* at_bob = find<HandshakeComplete>(pair.acceptor_log);
  ASSERT_NE(at_alice, nullptr);
  ASSERT_NE(at_bob, nullptr);
  EXPECT_EQ(at_alice->peer, bob);
  EXPECT_EQ(at_alice->creation, 22U);
  EXPECT_EQ(at_bob->peer, alice);
  EXPECT_EQ(at_bob->creation, 11U);
  EXPECT_EQ(at_alice->flags, offered_flags);
  EXPECT_TRUE(pair.initiator.done());
  EXPECT_TRUE(pair.acceptor.done());
  // Only an unframed status waits for its acknowledgement; "alive" is answered before anything else is sent.
  const bool waits = framing == Framing::none && verdict != Verdict::accept_replacing;
  EXPECT_EQ(pair.awaited, waits ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    AllWays, HandshakeDelivery,
    testing::Combine(testing::Values(Framing::none, Framing::length16, Framing::length32),
                     testing::Values<std::size_t>(0, 1, 2, 7),
                     testing::Values(Verdict::accept, Verdict::accept_drop_dial, Verdict::accept_simultaneous,
                                     Verdict::accept_replacing)));

TEST(Handshake, AChallengeOfOurOwnIsNotAnsweredAsLongAsItIsOpen) {
  OpenChallenges open;
  // The acceptor of the pair, made with the same numbers, gives the same challenge.
  auto setup = Pair::setups(Framing::length16, {}).second;
  setup.open_challenges = &open;
  std::optional<Handshake> other_connection(std::in_place, setup, Random(2));
  const auto watched = [&](HandshakeSetup& dialing, HandshakeSetup&) { dialing.open_challenges = &open; };
  Pair attacked(Framing::length16, 0, watched);
  attacked.run();
  const auto* failed = find<HandshakeFailed>(attacked.initiator_log);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->reason, HandshakeFailure::reflected);
  EXPECT_EQ(attacked.initiator_log.size(), 2U) << "the name, and no digest";

  other_connection.reset();
  Pair honest(Framing::length16, 0, watched);
  honest.run();
  EXPECT_NE(find<HandshakeComplete>(honest.initiator_log), nullptr);
}

void expect_failure(Pair& pair, HandshakeEffects& log, HandshakeFailure reason, std::string_view says) {
  pair.run();
  const auto* failed = find<HandshakeFailed>(log);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(to_string(failed->reason), to_string(reason));
  EXPECT_NE(failed->text.find(says), std::string::npos) << failed->text;
}

TEST(Handshake, AWrongCookieIsNamed) {
  Pair pair(Framing::length16, 0, [](HandshakeSetup& dialing, HandshakeSetup&) { dialing.cookie = "other"; });
  expect_failure(pair, pair.acceptor_log, HandshakeFailure::wrong_cookie,
                 "alice@127.0.0.1 has another cookie");
  EXPECT_TRUE(pair.initiator.cookie_in_doubt());
  EXPECT_EQ(find<HandshakeComplete>(pair.initiator_log), nullptr);
}

TEST(Handshake, MissingFlagsAreNamedAndNotAllowed) {
  Pair pair(Framing::none, 0, [](HandshakeSetup& dialing, HandshakeSetup&) {
    dialing.flags = 0x1070f94 | flag::send_sender | flag::exit_payload;  // mandatory for OTP 25 only
  });
  expect_failure(pair, pair.acceptor_log, HandshakeFailure::missing_flags,
                 "lacks capabilities that every node since OTP 25 offers: DIST_MONITOR "
                 "DIST_MONITOR_NAME UNLINK_ID V4_NC");
  const auto* at_initiator = find<HandshakeFailed>(pair.initiator_log);
  ASSERT_NE(at_initiator, nullptr);
  EXPECT_EQ(at_initiator->reason, HandshakeFailure::not_allowed);
}

TEST(Handshake, TheNameMustBeTheAuthenticatedOne) {
  Pair pair(Framing::none, 0,
            [](HandshakeSetup&, HandshakeSetup& accepting) { accepting.peer = "mallory@127.0.0.1"; });
  expect_failure(pair, pair.acceptor_log, HandshakeFailure::wrong_name,
                 "authenticated itself as mallory@127.0.0.1 calls itself alice@127.0.0.1");
  EXPECT_EQ(find<SendBytes>(pair.acceptor_log), nullptr)
      << "no status: an Erlang dialer survives only a close";
}

TEST(Handshake, TheChallengesNameMustBeTheDialedOne) {
  Pair pair(Framing::none, 0,
            [](HandshakeSetup& dialing, HandshakeSetup&) { dialing.peer = "carol@127.0.0.1"; });
  expect_failure(pair, pair.initiator_log, HandshakeFailure::wrong_name, "was dialed as carol@127.0.0.1");
}

TEST(Handshake, OurOwnNameIsRefused) {
  Pair pair(Framing::length16, 0, [](HandshakeSetup& dialing, HandshakeSetup& accepting) {
    dialing.self = bob;
    accepting.peer.clear();
  });
  expect_failure(pair, pair.acceptor_log, HandshakeFailure::wrong_name, "our own name");
}

TEST(Handshake, WithoutAuthenticationTheNameRuleStillHolds) {
  HandshakeEffects out;
  Handshake acceptor({Role::acceptor, Framing::none, bob, {}, 4, offered_flags, "secret"}, Random(1));
  acceptor.start(out);
  acceptor.receive(encode(NameMessage{offered_flags, 4, "no\nname"}), out);
  const auto* failed = find<HandshakeFailed>(out);
  ASSERT_NE(failed, nullptr);
  EXPECT_NE(failed->text.find("\"no?name\" is no valid node name"), std::string::npos) << failed->text;
}

TEST(Handshake, ANameThatNothingProvesBecomesAnAtomOnlyWithTheCookie) {
  const auto framed = [](const Bytes& message) {
    Bytes bytes;
    ByteWriter(bytes).u16(static_cast<std::uint16_t>(message.size()));
    ByteWriter(bytes).bytes(message);
    return bytes;
  };
  for (const std::string cookie : {"guessed", "secret"}) {
    const std::string name = "nobody_has_heard_of@" + cookie;
    HandshakeEffects out;
    Handshake acceptor({Role::acceptor, Framing::length16, bob, {}, 4, offered_flags, "secret"}, Random(1));
    acceptor.start(out);
    acceptor.receive(framed(encode(NameMessage{offered_flags, 4, name})), out);
    ASSERT_NE(find<AskVerdict>(out), nullptr);
    EXPECT_EQ(find<AskVerdict>(out)->peer, name);
    out.clear();
    acceptor.answer(Verdict::accept, out);
    EXPECT_FALSE(Atom::find(name));
    ASSERT_EQ(out.size(), 2U);
    const Bytes sent = std::get<SendBytes>(out[1]).bytes;
    const auto challenge = std::get<Parsed<ChallengeMessage>>(parse_challenge(BytesView(sent).subspan(2)));
    const Digest digest = cookie_digest(cookie, challenge.message.challenge);
    acceptor.receive(framed(encode(ReplyMessage{7, digest})), out);
    const auto* complete = find<HandshakeComplete>(out);
    EXPECT_EQ(complete != nullptr, cookie == "secret");
    EXPECT_EQ(Atom::find(name).has_value(), cookie == "secret");
    if (complete != nullptr) {
      EXPECT_EQ(complete->peer.text(), name);
    }
  }
}

Bytes in_frame(const Bytes& message) {
  Bytes bytes;
  ByteWriter(bytes).u16(static_cast<std::uint16_t>(message.size()));
  ByteWriter(bytes).bytes(message);
  return bytes;
}

TEST(Handshake, APeerWithoutANameGetsOne) {
  std::string first;
  for (const std::uint64_t seed : {1U, 2U}) {
    Handshake acceptor({Role::acceptor, Framing::length16, bob, {}, 4, offered_flags, "secret"},
                       Random(seed));
    HandshakeEffects out;
    acceptor.start(out);
    acceptor.receive(in_frame(encode(NameMessage{offered_flags | flag::name_me, 0, "host.example"})), out);
    const auto* asked = find<AskVerdict>(out);
    ASSERT_NE(asked, nullptr);
    const std::string name = asked->peer;
    EXPECT_TRUE(NodeName::valid(name));
    EXPECT_TRUE(name.ends_with("@host.example")) << name;
    EXPECT_NE(name, first);
    EXPECT_GE(asked->creation, 4U);
    out.clear();
    acceptor.answer(Verdict::accept, out);
    ASSERT_EQ(out.size(), 2U) << "the status, then the challenge";
    Bytes status{'s'};
    ByteWriter wanted(status);
    wanted.text("named:");
    wanted.u16(static_cast<std::uint16_t>(name.size()));
    wanted.text(name);
    const Bytes sent = std::get<SendBytes>(out[0]).bytes;
    const std::size_t known = 2 + status.size();
    ASSERT_EQ(sent.size(), known + 4) << "a creation ends it";
    EXPECT_EQ(Bytes(sent.begin() + 2, sent.begin() + static_cast<std::ptrdiff_t>(known)), status);
    const Bytes second = std::get<SendBytes>(out[1]).bytes;
    const auto challenge = std::get<Parsed<ChallengeMessage>>(parse_challenge(BytesView(second).subspan(2)));
    EXPECT_NE(challenge.message.flags & flag::name_me, 0U) << "or the peer does not take it";
    acceptor.receive(in_frame(encode(ReplyMessage{7, cookie_digest("secret", challenge.message.challenge)})),
                     out);
    const auto* complete = find<HandshakeComplete>(out);
    ASSERT_NE(complete, nullptr);
    EXPECT_EQ(complete->peer.text(), name);
    first = name;
  }
}

TEST(Handshake, ANameIsGivenOnlyToWhoHasNone) {
  const auto failure = [](const std::string& proved, const std::string& host) {
    Handshake acceptor({Role::acceptor, Framing::length16, bob, proved, 4, offered_flags, "secret"},
                       Random(1));
    HandshakeEffects out;
    acceptor.start(out);
    acceptor.receive(in_frame(encode(NameMessage{offered_flags | flag::name_me, 0, host})), out);
    const auto* failed = find<HandshakeFailed>(out);
    return failed == nullptr ? "none" : failed->text;
  };
  EXPECT_EQ(failure("alice@127.0.0.1", "host"), "alice@127.0.0.1 has a name and asks for another one");
  EXPECT_EQ(failure("", "no host"), "\"no?host\" is no host for a node's name");
  EXPECT_EQ(failure("", "a@host"), "\"a@host\" is no host for a node's name");
  EXPECT_EQ(failure("", "host"), "none");
}

TEST(Handshake, APeerWithOtpsMandatoryCapabilitiesIsLetInWherePlainPeersAreWelcome) {
  const auto outcome = [](Flags flags, bool plain_peers) {
    HandshakeSetup setup{Role::acceptor, Framing::length16, bob, {}, 4, offered_to_erlang, "secret"};
    setup.plain_peers = plain_peers;
    Handshake acceptor(setup, Random(1));
    HandshakeEffects out;
    acceptor.start(out);
    acceptor.receive(in_frame(encode(NameMessage{flags, 4, "c1@127.0.0.1"})), out);
    return find<AskVerdict>(out) != nullptr;
  };
  EXPECT_TRUE(outcome(otp_mandatory_flags, true));
  EXPECT_FALSE(outcome(otp_mandatory_flags, false));
  EXPECT_FALSE(outcome(otp_mandatory_flags & ~flag::v4_nc, true));
  EXPECT_FALSE(outcome(otp_mandatory_flags | flag::fragments, true))
      << "there are no older forms in fragments";
  EXPECT_TRUE(outcome(required_flags | flag::fragments, true));
}

TEST(Handshake, ARefusedDialIsToldSoBetweenBarrelNodes) {
  Pair pair(Framing::length16, 0, {}, Verdict::refuse);
  expect_failure(pair, pair.initiator_log, HandshakeFailure::refused, "keeps its own connection");
  EXPECT_EQ(find<HandshakeFailed>(pair.acceptor_log)->reason, HandshakeFailure::refused_by_us);
}

TEST(Handshake, AnErlangPeerNeverGetsNok) {
  for (const Verdict verdict : {Verdict::refuse, Verdict::refuse_silently}) {
    Pair pair(Framing::none, 0, {}, verdict);
    pair.run();
    EXPECT_EQ(find<SendBytes>(pair.acceptor_log), nullptr);
    EXPECT_NE(find<HandshakeFailed>(pair.acceptor_log), nullptr);
  }
}

TEST(Handshake, TicksBetweenTheMessagesAreSkipped) {
  HandshakeEffects out;
  Handshake initiator({Role::initiator, Framing::none, alice, "bob@127.0.0.1", 4, offered_flags, "secret"},
                      Random(1));
  initiator.start(out);
  initiator.receive(Bytes{0, 0, 0, 0}, out);
  initiator.receive(as_bytes("sok"), out);
  initiator.receive(Bytes{0, 0, 0, 0}, out);
  initiator.receive(encode(ChallengeMessage{offered_flags, 5, 6, "bob@127.0.0.1"}), out);
  EXPECT_TRUE(initiator.cookie_in_doubt());
  EXPECT_EQ(find<HandshakeFailed>(out), nullptr);
}

TEST(Handshake, WhatFollowsTheLastMessageIsLeftOver) {
  HandshakeEffects out;
  Handshake initiator({Role::initiator, Framing::none, alice, "bob@127.0.0.1", 4, offered_flags, "secret"},
                      Random(1));
  initiator.start(out);
  initiator.receive(as_bytes("sok"), out);
  initiator.receive(encode(ChallengeMessage{offered_flags, 5, 6, "bob@127.0.0.1"}), out);
  const auto* reply = std::get_if<SendBytes>(&out.back());
  ASSERT_NE(reply, nullptr);
  const auto parsed = parse_reply(reply->bytes);
  const std::uint32_t challenge = std::get<Parsed<ReplyMessage>>(parsed).message.challenge;
  Bytes last = encode(AckMessage{cookie_digest("secret", challenge)});
  last.insert(last.end(), {0, 0, 0, 0});
  initiator.receive(last, out);
  EXPECT_NE(find<HandshakeComplete>(out), nullptr);
  EXPECT_EQ(initiator.take_leftover(), (Bytes{0, 0, 0, 0}));
}

TEST(Handshake, AFramedMessageFillsItsFrameButANameMayBeFollowedByWhatLaterVersionsAdd) {
  HandshakeEffects out;
  Handshake acceptor({Role::acceptor, Framing::length16, bob, "alice@127.0.0.1", 4, offered_flags, "secret"},
                     Random(1));
  acceptor.start(out);
  const auto receive = [&](Bytes message) {
    message.push_back(0);
    Bytes framed;
    ByteWriter(framed).u16(static_cast<std::uint16_t>(message.size()));
    ByteWriter(framed).bytes(message);
    acceptor.receive(framed, out);
  };
  receive(encode(NameMessage{offered_flags, 4, "alice@127.0.0.1"}));
  ASSERT_NE(find<AskVerdict>(out), nullptr);
  acceptor.answer(Verdict::accept, out);
  EXPECT_EQ(find<HandshakeFailed>(out), nullptr);
  receive(encode(ReplyMessage{1, {}}));
  const auto* failed = find<HandshakeFailed>(out);
  ASSERT_NE(failed, nullptr);
  EXPECT_NE(failed->text.find("bytes behind the message"), std::string::npos);
}

TEST(Handshake, BuffersNoMoreThanItsLimit) {
  HandshakeEffects out;
  Handshake acceptor({Role::acceptor, Framing::none, bob, "alice@127.0.0.1", 4, offered_flags, "secret"},
                     Random(1));
  acceptor.start(out);
  acceptor.receive(encode(NameMessage{offered_flags, 4, "alice@127.0.0.1"}),
                   out);  // now waits for the verdict
  const Bytes chunk(1000, 'r');
  for (int i = 0; i < 20 && !acceptor.done(); ++i) acceptor.receive(chunk, out);
  EXPECT_TRUE(acceptor.done());
  EXPECT_NE(find<HandshakeFailed>(out), nullptr);
}

TEST(Handshake, MutatedBytesNeverCompleteWithAnotherPeer) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    const Framing framing = random.chance(500'000) ? Framing::none : Framing::length16;
    Handshake acceptor({Role::acceptor, framing, bob, "alice@127.0.0.1", 4, offered_flags, "secret"},
                       random.split());
    HandshakeEffects out;
    acceptor.start(out);
    Bytes message = encode(NameMessage{offered_flags, 4, "alice@127.0.0.1"});
    Bytes bytes;
    if (framing == Framing::length16) ByteWriter(bytes).u16(static_cast<std::uint16_t>(message.size()));
    ByteWriter(bytes).bytes(message);
    bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    acceptor.receive(bytes, out);
    if (const auto* ask = find<AskVerdict>(out)) {
      EXPECT_EQ(ask->peer, alice.text());
      acceptor.answer(Verdict::accept, out);
      Bytes noise(random.below(64));
      random.fill(noise);
      acceptor.receive(noise, out);
    }
    EXPECT_EQ(find<HandshakeComplete>(out), nullptr);
  }
}

}  // namespace
}  // namespace barrel::dist
