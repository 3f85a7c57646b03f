// The messages that two Erlang nodes with the original exchanged, replayed: what one of them sent goes
// through the real reader, in the envelope that they had negotiated, to our overlay and our answers of a
// node's own; what we then do and send is compared with what the other one did and sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/term/etf.hpp"
#include "node/overlay.hpp"
#include "node/system_names.hpp"
#include "node/test_capture.hpp"
#include "services/route.hpp"

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

/// One of the two nodes, played by our code.
class Player final : public Overlay::Port {
 public:
  struct Sent {
    NodeName to;
    Atom name;  // '' when it went to a pid
    Pid pid;
    Term message;
  };

  Player(NodeName self, NodeName other) : self_(self), other_(other) {}

  void send(NodeName to, Atom name, const Term& message, Delivery) override {
    sent.push_back({to, name, {}, message});
  }
  void send_to_pid(const Pid& to, const Term& message) override {
    sent.push_back({to.node(), Atom(), to, message});
  }
  void dial(NodeName node) override { dialed.push_back(node); }
  void release(NodeName) override {}
  void publish(std::shared_ptr<const RegistrySnapshot>) override {}
  void emit(const ServiceEvent&) override {}
  void emit(const MembershipEvent&) override {}
  void node_dead(NodeName, std::uint32_t) override {}
  bool look_up(NodeName asker, const RouteQuery& query) override {
    last_asker = asker;
    if (passes_on) lookups.push_back(query);
    return passes_on;
  }
  void originals_heard() override { originals_heard_of = true; }

  /// What the other node sent, to whom the dispatcher would bring it; false for what is for processes.
  bool take(const Captured& captured) {
    const auto* to = std::get_if<dist::SendName>(&captured.control);
    if (to == nullptr) return false;
    if (Overlay::handles(to->to)) {
      overlay.message(other_, to->to, captured.payload, at());
      return true;
    }
    if (!is_system_name(to->to)) return false;
    if (const auto reply = answer_system(to->to, captured.payload, self_)) {
      const Pid* pid = std::get_if<Pid>(&reply->to);
      sent.push_back({other_, Atom(), pid != nullptr ? *pid : Pid{}, reply->message});
    }
    return true;
  }
  [[nodiscard]] Moment at() const {
    return {Instant(50s), SystemTime(std::chrono::milliseconds(1'795'356'346'172))};
  }
  [[nodiscard]] std::vector<Sent> take_sent() { return std::exchange(sent, {}); }

 private:
  const NodeName self_;
  const NodeName other_;
  Metrics metrics_;

 public:
  std::vector<Sent> sent;
  std::vector<NodeName> dialed;
  std::vector<RouteQuery> lookups;
  bool passes_on = false;
  NodeName last_asker;
  bool originals_heard_of = false;
  Overlay overlay{{}, self_, 4, at(), Random(1), metrics_, Log(), *this};
};

/// A HyParView message whose peer has no address: ours say none, the original says one that nobody uses.
Term without_address(const Term& message) {
  const auto parts = message.elements();
  std::vector<Term> body(parts[2].elements().begin(), parts[2].elements().end());
  std::vector<Term> peer(body.back().elements().begin(), body.back().elements().end());
  peer[2] = peer[3] = Term(Atom("undefined"));
  body.back() = Term::tuple(std::move(peer));
  return Term::tuple_of(parts[0], parts[1], Term::tuple(std::move(body)));
}

/// The first captured message whose payload `matches`, of either node.
const Captured& find_any(const std::vector<Captured>& messages,
                         const std::function<bool(const Term&)>& matches) {
  const auto found = std::ranges::find_if(messages, [&](const Captured& m) { return matches(m.payload); });
  if (found == messages.end()) throw std::runtime_error("not among the captured messages");
  return *found;
}

/// The one captured message whose payload `matches`, from n2 or from n1.
const Captured& find(const std::vector<Captured>& messages, bool from_n2,
                     const std::function<bool(const Term&)>& matches) {
  const auto found = std::ranges::find_if(
      messages, [&](const Captured& m) { return m.from_n2 == from_n2 && matches(m.payload); });
  if (found == messages.end()) throw std::runtime_error("not among the captured messages");
  return *found;
}

std::function<bool(const Term&)> hyparview(std::string_view operation) {
  return [operation](const Term& payload) {
    return payload.is_tagged("$barrel_p2p_hyparview", 3) &&
           payload.elements()[2].elements()[0].is_atom(operation);
  };
}

/// `{Ref, Answer}` to a lookup.
std::function<bool(const Term&)> answer_of(std::string_view outcome) {
  return [outcome](const Term& payload) {
    return payload.is_tuple(2) && payload.elements()[0].as_ref() && payload.elements()[1].is_tuple() &&
           payload.elements()[1].elements()[0].is_atom(outcome);
  };
}

class GoldenReplay : public testing::Test {
 protected:
  GoldenReplay() {
    // Makes the names known, as a node does before its first connection.
    (void)is_system_name(Atom());
    (void)Overlay::handles(Atom());
    messages = captured_messages(BARREL_DIST_TESTDATA "/captured_messages.txt");
  }

  /// Plays what the other node sent, in order. `after` is called with each message and what we sent for it.
  void play(Player& player, bool from_n2,
            const std::function<void(const Captured&, const std::vector<Player::Sent>&)>& after) {
    (void)player.take_sent();
    for (const Captured& captured : messages) {
      if (captured.from_n2 != from_n2) continue;
      if (!player.take(captured)) ++for_processes;
      after(captured, player.take_sent());
    }
  }

  std::vector<Captured> messages;
  std::size_t for_processes = 0;
};

TEST_F(GoldenReplay, AllMessagesAreUnderstoodInTheirEnvelope) {
  EXPECT_EQ(messages.size(), 77U);
}

TEST_F(GoldenReplay, AsN1WeAnswerAndDecideAsTheOriginalDid) {
  Player us(n1, n2);
  us.overlay.start(us.at());
  const Pid service{n1.atom(), 0xa0, 0, 4};  // as in the captured answer
  ASSERT_TRUE(us.overlay.register_service(Term(Atom("svc_one")), service, Term::map({}), us.at()));
  us.overlay.link_up(n2, PeerKind::erlang, 4, false, us.at());
  EXPECT_TRUE(us.overlay.active_view().empty()) << "a connection alone makes no neighbour";

  std::size_t answered = 0;
  play(us, true, [&](const Captured& captured, const std::vector<Player::Sent>& sent) {
    const Term& message = captured.payload;
    const auto expect_answer = [&](const Captured& expected) {
      ++answered;
      ASSERT_EQ(sent.size(), 1U) << to_string(message);
      EXPECT_EQ(to_hex(encode_etf(sent[0].message)), to_hex(expected.bytes));
    };
    if (message.is_tuple(2) && message.elements()[1].is_atom("features_request")) {
      ++answered;
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(Term(sent[0].pid), message.elements()[0]);
      const Term& captured_answer =
          find(messages, false, [](const Term& t) { return t.is_tagged("features_reply", 3); }).payload;
      // Which features is a matter of each node; the rest is the original's.
      ASSERT_TRUE(sent[0].message.is_tagged("features_reply", 3));
      EXPECT_EQ(sent[0].message.elements()[1], captured_answer.elements()[1]);
      EXPECT_TRUE(sent[0].message.elements()[2].is_proper_list());
    } else if (hyparview("join")(message)) {
      ++answered;
      EXPECT_EQ(us.overlay.active_view(), std::vector{n2});
      // The original sends what it has registered, too; the times in it are a clock's.
      const auto sync = std::ranges::find_if(sent, [](const Player::Sent& s) {
        return s.message.is_tuple(2) && s.message.elements()[1].is_tagged("full_sync", 3);
      });
      ASSERT_NE(sync, sent.end());
      EXPECT_EQ(sync->name, Atom("barrel_p2p_registry_replica"));
      EXPECT_EQ(sync->message.elements()[1].elements()[1], Term(n1));
    } else if (hyparview("disconnect")(message)) {
      ++answered;
      EXPECT_TRUE(us.overlay.active_view().empty());
    } else if (hyparview("neighbor_reply")(message)) {
      ++answered;
      EXPECT_EQ(us.overlay.active_view(), std::vector{n2});
    } else if (message.is_tagged("$gen_call", 3) && message.elements()[2].is_tagged("is_auth", 2)) {
      expect_answer(find(messages, false,
                         [](const Term& t) { return t.is_tuple(2) && t.elements()[1].is_atom("yes"); }));
    } else if (message.is_tagged("$barrel_p2p_route", 2)) {
      const bool known = message.elements()[1].elements()[1].elements()[1].is_atom("svc_one");
      const Captured& answer = find(messages, false, answer_of(known ? "found" : "error"));
      expect_answer(answer);
      EXPECT_EQ(sent.at(0).pid, std::get<dist::Send>(answer.control).to);
    } else {
      // global's negotiations, replicas that we do not have, and what is no message of ours.
      EXPECT_TRUE(sent.empty()) << to_string(message);
    }
  });
  EXPECT_EQ(answered, 7U);
  // golden_processes plays 22 of them; ten are of global and features_reply, two watch net_kernel.
  EXPECT_EQ(for_processes, 34U);
}

TEST_F(GoldenReplay, AsN2WeJoinAndAnswerAsTheOriginalDid) {
  Player us(n2, n1);
  us.overlay.start(us.at());
  us.overlay.join(n1, us.at());
  EXPECT_EQ(us.dialed, std::vector{n1});
  us.overlay.link_up(n1, PeerKind::erlang, 4, true, us.at());
  const auto greeting = us.take_sent();
  ASSERT_FALSE(greeting.empty());
  EXPECT_EQ(greeting[0].name, Atom("barrel_p2p_bridge"));
  EXPECT_EQ(greeting[0].message, without_address(find(messages, true, hyparview("join")).payload));

  std::size_t answered = 0;
  play(us, false, [&](const Captured& captured, const std::vector<Player::Sent>& sent) {
    const Term& message = captured.payload;
    if (message.is_tuple(2) && message.elements()[1].is_atom("features_request")) {
      ++answered;
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(Term(sent[0].pid), message.elements()[0]);
    } else if (hyparview("neighbor")(message)) {
      ++answered;
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(sent[0].name, Atom("barrel_p2p_bridge"));
      EXPECT_EQ(sent[0].message, without_address(find(messages, true, hyparview("neighbor_reply")).payload));
      EXPECT_EQ(us.overlay.active_view(), std::vector{n1});
    } else {
      EXPECT_TRUE(sent.empty()) << to_string(message);
    }
  });
  EXPECT_EQ(answered, 2U);
  // golden_requests plays 18 of them; ten are of global and features_reply, two answer look-ups of names.
  EXPECT_EQ(for_processes, 30U);
}

TEST_F(GoldenReplay, ALookupOfAnUnknownNameIsPassedOnWhenThatCanBeDone) {
  Player us(n1, n2);
  us.overlay.link_up(n2, PeerKind::erlang, 4, false, us.at());
  const auto is_lookup = [](const Term& payload) { return payload.is_tagged("$barrel_p2p_route", 2); };
  const Captured& lookup = find_any(messages, is_lookup);
  for (const bool passes_on : {false, true}) {
    us.passes_on = passes_on;
    (void)us.take_sent();
    us.overlay.message(n2, "barrel_p2p_router", lookup.payload, us.at());
    const auto sent = us.take_sent();
    if (passes_on) {
      EXPECT_TRUE(sent.empty()) << "who passes it on answers";
    } else {
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(to_string(sent[0].message.elements()[1]), "{error,not_found}");
    }
  }
  ASSERT_EQ(us.lookups.size(), 1U);
  EXPECT_EQ(to_term(us.lookups[0]), lookup.payload);
  EXPECT_EQ(us.last_asker, n2);
}

TEST_F(GoldenReplay, ItsLinkAndItsHeartbeatsTellThatThereAreOriginals) {
  Player us(n1, n2);
  us.overlay.link_up(n2, PeerKind::barrel, 4, false, us.at());
  EXPECT_FALSE(us.originals_heard_of);
  us.overlay.link_up(n2, PeerKind::erlang, 4, false, us.at());
  EXPECT_TRUE(us.originals_heard_of);
  us.originals_heard_of = false;
  play(us, true, [](const Captured&, const std::vector<Player::Sent>&) {});
  EXPECT_TRUE(us.originals_heard_of);
}

}  // namespace
}  // namespace barrel::node
