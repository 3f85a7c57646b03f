// What another node can do to processes with signals that are not its to send, or with too many of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "barrel/process/remote_router.hpp"
#include "process/ref_secrets.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::ManualClock;
using test::TestRuntime;

struct Stop {
  static constexpr std::string_view tag = "stop";
};

/// Keeps what the node says to others.
class Recorder final : public RemoteRouter {
 public:
  SendOutcome send(const Pid&, const RemoteTarget&, const EncodablePayload&, SendMode) override {
    return SendOutcome::sent;
  }
  void signal(const RemoteSignal& signal) override { signals.push_back(signal); }
  void when_drained(NodeName, const Pid&) override {}
  bool watch_node(NodeName) override { return true; }

  [[nodiscard]] std::vector<RemoteSignal> all(RemoteSignal::Op op) const {
    std::vector<RemoteSignal> found;
    std::ranges::copy_if(signals, std::back_inserter(found), [op](const auto& s) { return s.op == op; });
    return found;
  }
  std::vector<RemoteSignal> signals;
};

class RemoteHostileTest : public testing::Test {
 protected:
  RemoteHostileTest() { node_->set_router(router_); }

  RemoteSignal from(const Pid& sender, RemoteSignal::Op op, const Pid& to) {
    RemoteSignal signal;
    signal.op = op;
    signal.from = sender;
    signal.to = to;
    signal.to_node = node_->node_name();
    return signal;
  }
  static Ref ref_of(Atom node, std::uint32_t number) {
    Ref ref;
    ref.node_atom = node;
    ref.creation = 4;
    ref.word_count = 3;
    ref.words = {number, 0, 0, 0, 0};
    return ref;
  }
  void settle() {
    while (node_->run_until_idle()) {}
  }
  std::uint64_t count(std::string_view counter) { return node_->metrics().counter(counter).value(); }

  Recorder router_;
  TestRuntime node_{RuntimeConfig::deterministic, "a@127.0.0.1"};
  const Pid honest_{Atom("b@127.0.0.1"), 1, 0, 4};
  const Pid hostile_{Atom("mallory@127.0.0.1"), 1, 0, 4};
};

Task<> watches(Self self, Pid other, std::vector<Term>* reasons) {
  const auto monitor = self.monitor(other);
  for (;;) {
    const auto next = co_await self.receive<Down, Stop>();
    const Down* down = std::get_if<Down>(&next);
    if (down == nullptr) co_return;
    reasons->push_back(down->reason);
  }
}

TEST_F(RemoteHostileTest, OnlyTheNodeThatIsMonitoredMayTellOfTheEnd) {
  std::vector<Term> reasons;
  const Pid watcher = node_->spawn(watches, honest_, &reasons);
  settle();
  const auto monitors = router_.all(RemoteSignal::Op::monitor);
  ASSERT_EQ(monitors.size(), 1U);
  RemoteSignal down = from(hostile_, RemoteSignal::Op::down, watcher);
  down.ref = monitors[0].ref;
  down.reason = Atom("forged");
  node_->deliver_signal(down);
  settle();
  EXPECT_TRUE(reasons.empty());
  EXPECT_EQ(count("process.forged_signals"), 1U);
  down.from = honest_;
  down.reason = Atom("true");
  node_->deliver_signal(down);
  settle();
  EXPECT_EQ(reasons, std::vector<Term>{Atom("true")});
}

Task<> watches_both(Self self, Pid first, Pid second, std::vector<Term>* reasons) {
  const auto of_first = self.monitor(first);
  const auto of_second = self.monitor(second);
  for (;;) {
    const Down down = co_await self.receive<Down>();
    reasons->push_back(down.reason);
  }
}

TEST_F(RemoteHostileTest, WhoHasSeenOneReferenceCannotMakeUpTheNext) {
  std::vector<Term> reasons;
  const Pid watcher = node_->spawn(watches_both, hostile_, honest_, &reasons);
  settle();
  const auto monitors = router_.all(RemoteSignal::Op::monitor);
  ASSERT_EQ(monitors.size(), 2U);
  const Ref& seen = monitors[0].ref;
  const Ref& next = monitors[1].ref;
  EXPECT_NE(seen.words[2], next.words[2]);
  Ref guessed = seen;
  guessed.words[0] = next.words[0];
  EXPECT_EQ(guessed.words[0], seen.words[0] + 1);
  // An ordinary message, which its receiver may take for what it looks like.
  const Term message = Term::tuple_of(Atom("DOWN"), guessed, Atom("process"), honest_, Atom("forged"));
  node_->deliver_encoded(watcher, SharedBytes(encode_etf(message)), std::make_shared<DecodeContext>());
  settle();
  RemoteSignal down = from(honest_, RemoteSignal::Op::down, watcher);
  down.ref = next;
  down.reason = Atom("true");
  node_->deliver_signal(down);
  settle();
  EXPECT_EQ(reasons, (std::vector<Term>{Atom("forged"), Atom("true")})) << "the monitor is still there";
}

TEST(RefSecrets, EachReferenceHasOneOfItsOwn) {
  const detail::RefSecrets secrets({1, 2});
  std::set<std::uint64_t> seen;
  for (std::uint64_t number = 1; number <= 10'000; ++number) {
    const std::uint64_t secret = secrets.of(number, 5, 6);
    EXPECT_LT(secret, std::uint64_t{1} << 34);
    EXPECT_EQ(secret, detail::RefSecrets({1, 2}).of(number, 5, 6)) << "the key decides";
    seen.insert(secret);
  }
  EXPECT_GT(seen.size(), 9'990U);
  EXPECT_NE(secrets.of(1, 5, 6), secrets.of(1, 5, 7));
  EXPECT_NE(secrets.of(1, 5, 6), secrets.of(1, 6, 6));
  EXPECT_NE(secrets.of(1, 5, 6), detail::RefSecrets({1, 3}).of(1, 5, 6));
}

Task<> waits(Self self) {
  (void)co_await self.receive<Stop>();
}

TEST_F(RemoteHostileTest, AMonitorOfAnotherIsNeitherTakenOverNorRemoved) {
  const Pid target = node_->spawn(waits);
  RemoteSignal monitor = from(honest_, RemoteSignal::Op::monitor, target);
  monitor.ref = ref_of(honest_.node_atom, 7);
  node_->deliver_signal(monitor);
  monitor.from = hostile_;
  node_->deliver_signal(monitor);
  RemoteSignal removal = monitor;
  removal.op = RemoteSignal::Op::demonitor;
  node_->deliver_signal(removal);
  settle();
  EXPECT_EQ(count("process.forged_signals"), 2U);
  node_->exit(target, Atom("done"));
  settle();
  const auto downs = router_.all(RemoteSignal::Op::down);
  ASSERT_EQ(downs.size(), 1U);
  EXPECT_EQ(downs[0].to, honest_);
}

/// Another runtime, with which other nodes may have few monitors and links.
struct FewRelations {
  FewRelations(std::uint32_t relations_max, RemoteRouter& router)
      : runtime(config_of(relations_max), clock, Log(), metrics) {
    runtime.set_router(router);
  }
  static RuntimeConfig config_of(std::uint32_t relations_max) {
    RuntimeConfig config;
    config.node = "c@127.0.0.1";
    config.schedulers = RuntimeConfig::deterministic;
    config.remote_relations_max = relations_max;
    return config;
  }
  std::uint64_t refused() { return metrics.counter("process.relations_refused").value(); }

  const ManualClock clock;
  Metrics metrics;
  Runtime runtime;
};

TEST_F(RemoteHostileTest, TheRelationsOfOneNodeWithAProcessAreLimited) {
  FewRelations few(3, router_);
  Runtime& small = few.runtime;
  const Pid target = small.spawn(waits);
  for (std::uint32_t i = 0; i < 5; ++i) {
    RemoteSignal monitor = from(hostile_, RemoteSignal::Op::monitor, target);
    monitor.ref = ref_of(hostile_.node_atom, i);
    small.deliver_signal(monitor);
    const RemoteSignal link = from({hostile_.node_atom, 10 + i, 0, 4}, RemoteSignal::Op::link, target);
    small.deliver_signal(link);
  }
  while (small.run_until_idle()) {}
  EXPECT_EQ(few.refused(), 4U);
  const auto downs = router_.all(RemoteSignal::Op::down);
  ASSERT_EQ(downs.size(), 2U);
  EXPECT_EQ(downs[0].reason, Term(Atom("system_limit")));
  EXPECT_EQ(router_.all(RemoteSignal::Op::exit).size(), 2U);

  RemoteSignal other = from(honest_, RemoteSignal::Op::monitor, target);
  other.ref = ref_of(honest_.node_atom, 1);
  small.deliver_signal(other);
  while (small.run_until_idle()) {}
  EXPECT_EQ(router_.all(RemoteSignal::Op::down).size(), 2U) << "another node has a share of its own";

  RemoteSignal removal = from(hostile_, RemoteSignal::Op::demonitor, target);
  removal.ref = ref_of(hostile_.node_atom, 0);
  small.deliver_signal(removal);
  RemoteSignal again = from(hostile_, RemoteSignal::Op::monitor, target);
  again.ref = ref_of(hostile_.node_atom, 9);
  small.deliver_signal(again);
  while (small.run_until_idle()) {}
  EXPECT_EQ(router_.all(RemoteSignal::Op::down).size(), 2U) << "what is given back can be used again";
}

TEST_F(RemoteHostileTest, TheRelationsOfOneNodeWithAllProcessesAreLimited) {
  FewRelations few(2, router_);
  Runtime& small = few.runtime;
  std::uint32_t number = 0;
  const auto relate = [&](const Pid& who, const Pid& target) {
    RemoteSignal monitor = from(who, RemoteSignal::Op::monitor, target);
    monitor.ref = ref_of(who.node_atom, ++number);
    small.deliver_signal(monitor);
    small.deliver_signal(from({who.node_atom, 10 + number, 0, 4}, RemoteSignal::Op::link, target));
  };
  const auto refused = [&] {
    while (small.run_until_idle()) {}
    return few.refused();
  };
  std::vector<Pid> targets;
  for (int i = 0; i < 16; ++i) targets.push_back(small.spawn(waits));
  for (const Pid& target : targets) relate(hostile_, target);
  EXPECT_EQ(refused(), 0U) << "two for each of 16";
  const Pid one_more = small.spawn(waits);
  relate(hostile_, one_more);
  EXPECT_EQ(refused(), 2U);
  relate(honest_, one_more);
  EXPECT_EQ(refused(), 2U) << "another node has a share of its own";

  small.exit(targets[0], Atom("done"));
  EXPECT_EQ(refused(), 2U);
  relate(hostile_, one_more);
  EXPECT_EQ(refused(), 2U) << "a process that ends gives back what was its";
  small.node_down(hostile_.node(), noconnection());
  EXPECT_EQ(refused(), 2U);
  for (int i = 0; i < 15; ++i) relate(hostile_, small.spawn(waits));
  EXPECT_EQ(refused(), 2U) << "so does a lost connection";
}

TEST_F(RemoteHostileTest, LinksOfThisNodeAndOfOthersLeaveANodesShareAlone) {
  FewRelations few(2, router_);
  Runtime& small = few.runtime;
  const Pid target = small.spawn([](Self self) -> Task<> {
    for (int i = 0; i < 5; ++i) self.spawn_link(waits);
    (void)co_await self.receive<Stop>();
  });
  while (small.run_until_idle()) {}
  const auto link = [&](const Pid& who) {
    small.deliver_signal(from(who, RemoteSignal::Op::link, target));
    while (small.run_until_idle()) {}
  };
  for (const std::uint32_t id : {10U, 11U}) link({hostile_.node_atom, id, 0, 4});
  link(honest_);
  EXPECT_TRUE(router_.all(RemoteSignal::Op::exit).empty());
  link({hostile_.node_atom, 12, 0, 4});
  EXPECT_EQ(router_.all(RemoteSignal::Op::exit).size(), 1U);

  small.deliver_signal(from({hostile_.node_atom, 10, 0, 4}, RemoteSignal::Op::unlink, target));
  link({hostile_.node_atom, 13, 0, 4});
  EXPECT_EQ(router_.all(RemoteSignal::Op::exit).size(), 1U) << "what is given back can be used again";
}

TEST_F(RemoteHostileTest, SignalsCountUntilTheyAreTakenAndTheirReasonsAreDecodedThen) {
  const auto context = std::make_shared<DecodeContext>();
  int malformed = 0;
  context->on_malformed = [&malformed](const Error&) { ++malformed; };
  const Pid target = node_->spawn(waits);
  settle();
  const auto exit = [&](Bytes reason) {
    node_->deliver_signal(from(hostile_, RemoteSignal::Op::exit2, target), SharedBytes(std::move(reason)),
                          context);
  };
  for (int i = 0; i < 100; ++i) exit(encode_etf(Term(Atom("normal"))));
  const std::size_t with_reason = context->unread_bytes;
  EXPECT_GE(with_reason, 100U * 100U) << "more than their bytes is kept for them";
  node_->deliver_signal(from(hostile_, RemoteSignal::Op::unlink, target), {}, context);
  EXPECT_GT(context->unread_bytes, with_reason);
  settle();
  EXPECT_EQ(context->unread_bytes, 0U);

  exit({131, 104});
  EXPECT_EQ(malformed, 0);
  settle();
  EXPECT_EQ(malformed, 1);
  EXPECT_TRUE(node_->is_alive(target)) << "what cannot be read says nothing";
  exit(encode_etf(Term(Atom("enough"))));
  settle();
  EXPECT_FALSE(node_->is_alive(target));
  exit(encode_etf(Term(Atom("late"))));
  EXPECT_EQ(context->unread_bytes, 0U);
}

TEST_F(RemoteHostileTest, AnUnlinkIsAcknowledgedUnlessItIsTheObsoleteOne) {
  const Pid target = node_->spawn(waits);
  const Pid dead{target.node_atom, 4711, 0, target.creation};
  settle();
  for (const Pid& to : {target, dead}) {
    RemoteSignal unlink = from(hostile_, RemoteSignal::Op::unlink, to);
    node_->deliver_signal(unlink);
    settle();
    EXPECT_TRUE(router_.all(RemoteSignal::Op::unlink_ack).empty());
  }
  for (const Pid& to : {target, dead}) {
    RemoteSignal unlink = from(hostile_, RemoteSignal::Op::unlink, to);
    unlink.id = 7;
    node_->deliver_signal(unlink);
    settle();
  }
  const auto acknowledged = router_.all(RemoteSignal::Op::unlink_ack);
  ASSERT_EQ(acknowledged.size(), 2U);
  EXPECT_EQ(acknowledged[0].id, 7U);
}

TEST_F(RemoteHostileTest, WhatWaitsToBeReceivedIsCountedUntilItIs) {
  const auto context = std::make_shared<DecodeContext>();
  const Pid target = node_->spawn(waits);
  settle();
  const Bytes large = encode_etf(Term(std::string(10'000, 'x')));
  for (int i = 0; i < 3; ++i) node_->deliver_encoded(target, SharedBytes(Bytes(large)), context);
  node_->deliver_encoded(Pid{target.node_atom, 4711, 0, target.creation}, SharedBytes(Bytes(large)), context);
  settle();
  EXPECT_GE(context->unread_bytes, 3 * large.size()) << "also when a receive for another type has seen them";
  EXPECT_LT(context->unread_bytes, 4 * large.size());
  node_->exit(target, Atom("kill"));
  settle();
  EXPECT_EQ(context->unread_bytes, 0U);
}

TEST_F(RemoteHostileTest, SignalsToTheLastIncarnationOfAPidTakeNothingFromItsPresentOne) {
  std::vector<Term> reasons;
  const Pid near = node_->spawn(watches, honest_, &reasons);
  settle();
  Pid last = near;
  --last.creation;
  RemoteSignal late = from(honest_, RemoteSignal::Op::monitor, last);
  late.ref = ref_of(honest_.node_atom, 1);
  node_->deliver_signal(late);
  settle();
  EXPECT_EQ(router_.all(RemoteSignal::Op::down).size(), 1U) << "noproc";
  node_->node_down(honest_.node(), noconnection());
  settle();
  EXPECT_EQ(reasons, std::vector{Term(noconnection())});
}

}  // namespace
}  // namespace barrel
