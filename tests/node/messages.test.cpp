// Messages, calls, links and monitors between the processes of two nodes.

#include <map>
#include <vector>

#include "barrel/otp/gen_server.hpp"
#include "test_nodes.hpp"

namespace barrel::test {
namespace {

struct Number {
  static constexpr std::string_view tag = "number";
  std::int64_t value = 0;
};
struct Echo {
  static constexpr std::string_view tag = "echo";
  Pid reply_to;
  std::string text;
};
struct Stop {
  static constexpr std::string_view tag = "stop";
};

/// Registers as `sink`, tells `ready`, and gives the numbers it got.
Task<std::vector<std::int64_t>> collect(Self self, int count) {
  auto registered = self.register_name("sink");
  if (!registered) exit(registered.error().reason);
  std::vector<std::int64_t> numbers;
  while (std::ssize(numbers) < count) {
    auto message = co_await self.receive<Number>(10s);
    if (std::holds_alternative<Timeout>(message)) break;
    numbers.push_back(std::get<Number>(message).value);
  }
  co_return numbers;
}

class Messages : public TestNodes {};

TEST_F(Messages, TheFirstMessageDialsAndAllArriveInOrder) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  constexpr int count = 5'000;
  std::thread sender([&] {
    ASSERT_TRUE(eventually([&] { return b->runtime().whereis("sink").has_value(); }));
    EXPECT_TRUE(a->nodes().empty());
    const auto sent = a->run(
        +[](Self self, NodeName to, int n) -> Task<> {
          for (int i = 0; i < n; ++i) self.send(NodeLocalName{"sink", to}, Number{i});
          co_return;
        },
        b->name(), count);
    EXPECT_TRUE(sent);
  });
  const auto numbers = b->run(&collect, count);
  sender.join();
  ASSERT_TRUE(numbers);
  ASSERT_EQ(numbers->size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ASSERT_EQ((*numbers)[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(a->nodes(), std::vector{b->name()});
  EXPECT_EQ(b->nodes(), std::vector{a->name()});
}

class Counter {
 public:
  struct Add {
    static constexpr std::string_view tag = "add";
    std::int64_t amount = 0;
    using Reply = std::int64_t;
  };
  struct Crash {
    static constexpr std::string_view tag = "crash";
    using Reply = std::int64_t;
  };
  using Calls = barrel::Messages<Add, Crash>;
  using Casts = barrel::Messages<>;
  using Infos = barrel::Messages<>;

  explicit Counter(Self self) {
    auto registered = self.register_name("counter");
    if (!registered) exit(registered.error().reason);
  }
  std::int64_t handle_call(const Add& add) { return total_ += add.amount; }
  std::int64_t handle_call(const Crash&) { exit(Atom("asked_to")); }

 private:
  std::int64_t total_ = 0;
};

Task<> host_counter(Self self) {
  self.trap_exits(true);
  auto pid = co_await self.start_link<Counter>();
  if (!pid) exit(pid.error().reason);
  (void)co_await self.receive<Stop>();
}

TEST_F(Messages, CallsCrossNodesAndTellWhyTheyFail) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->spawn(&host_counter);
  ASSERT_TRUE(eventually([&] { return b->runtime().whereis("counter").has_value(); }));
  const NodeLocalName address{"counter", b->name()};
  EXPECT_EQ(a->call(address, Counter::Add{3}), Result<std::int64_t>(3));
  EXPECT_EQ(a->call(address, Counter::Add{4}), Result<std::int64_t>(7));

  const auto crashed = a->call(address, Counter::Crash{});
  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().code, Errc::exited);
  EXPECT_EQ(crashed.error().reason, Term(Atom("asked_to")));

  const auto nobody = a->call(address, Counter::Add{1});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::no_process);

  const auto no_node = a->call(NodeLocalName{"counter", NodeName("nowhere@127.0.0.1")}, Counter::Add{1});
  ASSERT_FALSE(no_node);
  EXPECT_EQ(no_node.error().code, Errc::no_connection);
}

Task<> wait_for_stop(Self self, std::string name) {
  auto registered = self.register_name(Atom(name));
  if (!registered) exit(registered.error().reason);
  (void)co_await self.receive<Stop>();
  exit(Atom("told_to"));
}

Task<std::vector<Down>> watch_two(Self self, NodeName node) {
  const auto by_name = self.monitor(NodeLocalName{"target", node});
  const auto again = self.monitor(NodeLocalName{"target", node});
  const auto absent = self.monitor(NodeLocalName{"nobody", node});
  self.send(NodeLocalName{"target", node}, Stop{});
  std::vector<Down> downs;
  for (;;) {
    auto message = co_await self.receive<Down>(downs.size() < 3 ? Duration(10s) : Duration(200ms));
    if (std::holds_alternative<Timeout>(message)) break;
    downs.push_back(std::get<Down>(message));
  }
  co_return downs;
}

TEST_F(Messages, MonitorsByNameFireOnceWithTheReason) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->spawn(&wait_for_stop, std::string("target"));
  ASSERT_TRUE(eventually([&] { return b->runtime().whereis("target").has_value(); }));
  const auto downs = a->run(&watch_two, b->name());
  ASSERT_TRUE(downs) << downs.error().message();
  std::map<Term, int> reasons;
  for (const Down& down : *downs) ++reasons[down.reason];
  EXPECT_EQ(reasons, (std::map<Term, int>{{Atom("noproc"), 1}, {Atom("told_to"), 2}}));
}

Task<Term> link_and_wait(Self self, Pid other) {
  self.trap_exits(true);
  self.link(other);
  self.send(other, Stop{});
  auto exit_signal = co_await self.receive<Exit>(10s);
  if (std::holds_alternative<Timeout>(exit_signal)) co_return Atom("timeout");
  const auto& got = std::get<Exit>(exit_signal);
  co_return got.from == other ? got.reason : Term(Atom("wrong_sender"));
}

TEST_F(Messages, ALinkTellsTheExitReasonAcrossNodes) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  const Pid target = b->spawn(&wait_for_stop, std::string("target"));
  EXPECT_EQ(a->run(&link_and_wait, target), Result<Term>(Atom("told_to")));
  // Dead by now: linking to it gives noproc.
  EXPECT_EQ(a->run(&link_and_wait, target), Result<Term>(Atom("noproc")));
}

Task<> echo_server(Self self) {
  auto registered = self.register_name("echo");
  if (!registered) exit(registered.error().reason);
  for (;;) {
    auto request = co_await self.receive<Echo>();
    self.send(request.reply_to, request.text);
  }
}

Task<std::string> echo_once(Self self, NodeName node, std::string text) {
  const Echo request{self.pid(), text};
  self.send(NodeLocalName{"echo", node}, request);
  auto reply = co_await self.receive<std::string>(20s);
  co_return std::holds_alternative<Timeout>(reply) ? "timeout" : std::get<std::string>(reply);
}

TEST_F(Messages, LargeMessagesArriveWhole) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  b->spawn(&echo_server);
  ASSERT_TRUE(eventually([&] { return b->runtime().whereis("echo").has_value(); }));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, std::size_t{9'000'000}}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; i += 997) text[i] = static_cast<char>('a' + i % 26);
    const auto reply = a->run(&echo_once, b->name(), text);
    ASSERT_TRUE(reply);
    EXPECT_EQ(*reply == text, true) << "size " << size << ", got " << reply->size();
  }
}

Term nested(int depth) {
  Term term = 1;
  for (int i = 0; i < depth; ++i) term = Term::tuple_of(std::move(term), 0);
  return term;
}

/// Gives back atoms, of three messages that arrive.
Task<> serve_nested(Self self) {
  auto registered = self.register_name("nested");
  for (int i = 0; i < 3; ++i) {
    const Term term = co_await self.receive<Term>();
    if (term.is_tagged("echo", 2)) self.send(*term.elements()[1].as_pid(), Stop{});
  }
}

Task<> send_nested(Self self, NodeName node) {
  const NodeLocalName server{"nested", node};
  const Term echo = Term::tuple_of(Atom("echo"), self.pid());
  self.send(server, echo);
  (void)co_await self.receive<Stop>();  // so that the node is connected
  for (const int depth : {899, 901, 950}) self.send(server, nested(depth));
  self.send(server, echo);
  (void)co_await self.receive<Stop>();
}

TEST_F(Messages, ThoseThatNestTooDeepForABarrelNodeAreCountedWhereTheyAreSent) {
  const auto a = start("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  std::thread server([&] { EXPECT_TRUE(b->run(&serve_nested)); });
  EXPECT_TRUE(eventually([&] { return b->runtime().whereis("nested").has_value(); }));
  EXPECT_TRUE(a->run(&send_nested, b->name()));
  server.join();
  EXPECT_EQ(a->metrics().at("dist.outbound_too_deep"), 2U);
  EXPECT_EQ(b->metrics().at("node.payloads_over_limit"), 2U);
}

/// What Erlang says of a process that does not exist, of nobody's pid.
Task<bool> turn_to_nobody(Self self) {
  self.trap_exits(true);
  const Pid nobody;
  self.send(nobody, Number{1});
  EXPECT_EQ(self.try_send(nobody, Number{2}).error(), Error(Errc::no_process));
  const Ref no_alias;
  self.send(no_alias, Number{3});
  const Counter::Add add{1};
  const auto answer = co_await self.call(nobody, add, 10s);
  EXPECT_EQ(answer.error(), Error(Errc::no_process, noproc()));
  const Monitor monitor = self.monitor(nobody);
  const auto down = co_await self.receive<Down>(10s);
  EXPECT_EQ(std::get<Down>(down).reason, Term(noproc()));
  EXPECT_EQ(std::get<Down>(down).ref, monitor.ref());
  self.link(nobody);
  const auto exit = co_await self.receive<Exit>(10s);
  EXPECT_EQ(std::get<Exit>(exit).reason, Term(noproc()));
  self.exit(nobody, Atom("unheard"));
  self.unlink(nobody);
  co_return true;
}

TEST_F(Messages, NobodysPidIsThatOfADeadProcessAndNoNodeIsDialed) {
  const auto a = start("a");
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->run(&turn_to_nobody));
  EXPECT_TRUE(a->send(Pid(), Number{4}));
  const auto metrics = a->metrics();
  EXPECT_EQ(metrics.at("node.dials"), 0U);
  EXPECT_GE(metrics.at("process.messages_to_nobody"), 3U);
}

struct Bulk {
  static constexpr std::string_view tag = "bulk";
  std::string text;
  using Reply = std::string;
};
/// Ends with what it was asked as its reason; by a cast without a caller who waits.
struct Bursting {
  using Calls = barrel::Messages<Bulk>;
  using Casts = barrel::Messages<Bulk>;
  explicit Bursting(Self) {}
  std::string handle_call(const Bulk& bulk) { burst(bulk.text); }
  void handle_cast(const Bulk& bulk) { burst(bulk.text); }
  [[noreturn]] static void burst(const std::string& text) { barrel::exit(Term(text + text + text)); }
};

/// What the frame_bytes_max of its watchers' node leaves no room for, but for a part of it.
constexpr std::size_t third_of_too_much = 50'000;

Task<std::vector<Term>> hear_of_ends(Self self, std::vector<Pid> ending) {
  self.trap_exits(true);
  std::vector<Term> reasons;
  const Bulk bulk{std::string(third_of_too_much, 'x')};
  const Monitor monitor = self.monitor(ending[0]);
  self.cast(ending[0], bulk);
  const auto down = co_await self.receive<Down>(10s);
  if (const auto* ended = std::get_if<Down>(&down)) reasons.push_back(ended->reason);
  self.link(ending[1]);
  self.cast(ending[1], bulk);
  const auto exit = co_await self.receive<Exit>(10s);
  if (const auto* ended = std::get_if<Exit>(&exit)) reasons.push_back(ended->reason);
  const auto answer = co_await self.call(ending[2], bulk, 10s);
  if (!answer && answer.error().code == Errc::exited) reasons.push_back(answer.error().reason);
  co_return reasons;
}

TEST_F(Messages, TheEndOfAProcessIsHeardHoweverLongItsReasonIs) {
  NodeConfig small = config("a");
  small.channel.frame_bytes_max = 100'000;
  const auto a = start(small);
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  std::vector<Pid> ending;
  for (int i = 0; i < 3; ++i) ending.push_back(*b->start_server<Bursting>());
  const auto reasons = a->run(&hear_of_ends, ending);
  ASSERT_TRUE(reasons);
  const Term too_large = Term::tuple_of(Atom("limit_exceeded"), Atom("frame_bytes_max"));
  EXPECT_EQ(*reasons, std::vector<Term>(3, too_large));
}

/// The errors of a call and a try_send that are too long for the node, after a call that connects it.
Task<std::vector<Error>> send_too_much(Self self, Pid server) {
  const Bulk little{};
  (void)co_await self.call<std::string>(server, little, 10s);
  std::vector<Error> errors;
  const Bulk bulk{std::string(3 * third_of_too_much, 'x')};
  const auto answer = co_await self.call(server, bulk, 10s);
  if (!answer) errors.push_back(answer.error());
  const auto sent = self.try_send(server, bulk);
  if (!sent) errors.push_back(sent.error());
  co_return errors;
}

TEST_F(Messages, WhoSendsMoreThanTheOtherNodeAcceptsIsToldSo) {
  NodeConfig small = config("b");
  small.channel.frame_bytes_max = 100'000;
  const auto a = start("a");
  const auto b = start(small);
  ASSERT_TRUE(a && b);
  const auto errors = a->run(&send_too_much, *b->start_server<Bursting>());
  ASSERT_TRUE(errors);
  EXPECT_EQ(*errors, std::vector<Error>(2, Error(Errc::limit_exceeded, Atom("frame_bytes_max"))));
  EXPECT_EQ(a->metrics().at("dist.outbound_too_large"), 2U);
}

}  // namespace
}  // namespace barrel::test
