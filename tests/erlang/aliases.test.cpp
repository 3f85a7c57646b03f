// Aliases of Erlang processes and of Barrel processes, used from the other side, and group leaders set from
// there.

#include <gmock/gmock.h>

#include <mutex>

#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"

namespace barrel::test {
namespace {

class Aliases : public ErlangTest {
 protected:
  void SetUp() override {
    node_ = start_tcp("b");
    ASSERT_TRUE(node_);
    puppet_.start(*node_, "puppet");
    beam_.eval("B = 'b@127.0.0.1', register(main, self()), {puppet, B} ! hello");
    ASSERT_TRUE(puppet_.hears("hello"));
  }
  void TearDown() override { node_.reset(); }

  /// Sends what `make` gives, as {told, _}, from the puppet to the Erlang process.
  void tell(std::function<Term(Puppet&, Self)> make) {
    puppet_.perform([make = std::move(make), to = main()](Puppet& puppet, Self self) {
      self.send(to, Term::tuple_of(Atom("told"), make(puppet, self)));
    });
  }
  /// Lets the puppet unalias `alias`, and the Erlang process hear the outcome.
  bool ends(const Ref& alias) {
    tell([alias](Puppet&, Self self) { return Term(Atom(self.unalias(alias) ? "true" : "false")); });
    return beam_.text("receive {told, Ended} -> Ended after 5000 -> timeout end") == "true";
  }
  void send(const Ref& alias, const char* word) {
    puppet_.perform([alias, word = Atom(word)](Puppet&, Self self) { self.send(alias, word); });
  }
  [[nodiscard]] NodeLocalName main() const { return {"main", name_of(beam_)}; }
  /// What the Erlang process finds in its mailbox, up to the answer to a question that was asked last.
  std::string mailbox() {
    tell([](Puppet&, Self) { return Term(Atom("last")); });
    return beam_.text(
        "(fun F(Seen) -> receive {told, last} -> lists:reverse(Seen); M -> F([M | Seen])"
        " after 5000 -> timeout end end)([])");
  }
  /// A process of the Erlang node that waits to be told how to end.
  Pid spawn_there() {
    return *beam_.eval("spawn(fun() -> receive {exit, Reason} -> exit(Reason) end end)").as_pid();
  }

  Puppet puppet_;
  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(Aliases, ErlangSendsToAnAliasOfABarrelProcessUntilItEnds) {
  Ref alias;
  tell([&alias](Puppet&, Self self) { return Term(alias = self.alias()); });
  beam_.eval("receive {told, A} -> A ! {one, 1}, erlang:send(A, {two, <<\"2\">>}) end");
  EXPECT_TRUE(puppet_.hears("{two,<<\"2\">>}")) << testing::PrintToString(puppet_.heard());
  EXPECT_TRUE(puppet_.hears("{one,1}"));
  EXPECT_TRUE(ends(alias));
  beam_.eval("A ! three, {puppet, B} ! four");
  EXPECT_TRUE(puppet_.hears("four"));
  EXPECT_TRUE(eventually([&] { return node_->metrics()["process.late_replies"] == 1; }));
  EXPECT_FALSE(puppet_.hears("three", 0ms));
  EXPECT_FALSE(ends(alias)) << "once";
}

TEST_F(Aliases, AnAliasForOneReplyTakesOneOfErlang) {
  tell([](Puppet&, Self self) { return Term(self.alias(AliasEnds::reply)); });
  beam_.eval("receive {told, A} -> A ! first, A ! second, {puppet, B} ! third end");
  EXPECT_TRUE(puppet_.hears("third"));
  EXPECT_TRUE(puppet_.hears("first"));
  EXPECT_TRUE(eventually([&] { return node_->metrics()["process.late_replies"] == 1; }));
  EXPECT_FALSE(puppet_.hears("second", 0ms));
}

TEST_F(Aliases, BarrelSendsToAnAliasOfAnErlangProcessUntilItEnds) {
  const Ref alias = *beam_.eval("A = alias()").as_ref();
  send(alias, "one");
  EXPECT_EQ(beam_.text("receive one -> one after 5000 -> timeout end"), "one");
  beam_.eval("true = unalias(A)");
  send(alias, "two");
  EXPECT_EQ(mailbox(), "[]");
  const Ref once = *beam_.eval("alias([reply])").as_ref();
  send(once, "three");
  send(once, "four");
  EXPECT_EQ(mailbox(), "[three]");
}

TEST_F(Aliases, AMonitorOfErlangIsAnAliasForBarrelAndEndsAsItSays) {
  const Ref alias = *beam_.eval("A = monitor(process, {puppet, B}, [{alias, reply_demonitor}])").as_ref();
  send(alias, "one");
  send(alias, "two");
  EXPECT_EQ(mailbox(), "[one]");
  node_->runtime().exit(puppet_.pid(), kill());
  EXPECT_TRUE(beam_.becomes("rpc:call(B, erlang, whereis, [puppet])", "undefined"));
  EXPECT_EQ(beam_.text("(fun F(Seen) -> receive M -> F([M | Seen]) after 0 -> Seen end end)([])"), "[]")
      << "no DOWN";
}

TEST_F(Aliases, AMonitorOfBarrelIsAnAliasForErlangAndEndsAsItSays) {
  for (const auto kind : {MonitorAlias::demonitor, MonitorAlias::reply_demonitor}) {
    puppet_.forget();
    const bool once = kind == MonitorAlias::reply_demonitor;
    const Pid target = spawn_there();
    tell([target, kind](Puppet& puppet, Self self) {
      Monitor monitor = self.monitor(target, kind);
      const Ref ref = monitor.ref();
      puppet.keep(std::move(monitor));
      return Term(ref);
    });
    beam_.eval("receive {told, A" + std::to_string(once) + "} -> A" + std::to_string(once) +
               " ! one, {puppet, B} ! asked end");
    EXPECT_TRUE(puppet_.hears("asked"));
    EXPECT_TRUE(puppet_.hears("one"));
    puppet_.perform(
        [target](Puppet&, Self self) { self.send(target, Term::tuple_of(Atom("exit"), Atom("enough"))); });
    // Only then is it sure that no DOWN was on its way.
    EXPECT_TRUE(beam_.becomes("is_process_alive(list_to_pid(\"" + to_string(target, target.node()) + "\"))",
                              "false"));
    if (!once) {
      EXPECT_TRUE(puppet_.hears("{'DOWN'," + to_string(Term(target)) + ",enough}"));
    }
    beam_.eval("A" + std::to_string(once) + " ! two, {puppet, B} ! later");
    EXPECT_TRUE(puppet_.hears("later"));
    EXPECT_FALSE(puppet_.hears("two", 0ms));
    EXPECT_EQ(puppet_.hears("{'DOWN'", 0ms), !once);
  }
}

TEST_F(Aliases, WhatABarrelProcessPrintsGoesToTheGroupLeaderThatErlangSets) {
  const Pid printer = node_->spawn(+[](Self self) -> Task<> {
    for (;;) {
      const Term text = co_await self.receive<Term>();
      const auto printed = co_await self.print(std::string(text.as_text().value_or("no text")));
      EXPECT_TRUE(printed);
    }
  });
  tell([printer](Puppet&, Self) { return Term(printer); });
  beam_.eval(
      "Me = self(), receive {told, P} -> P end,"
      "Leader = spawn(fun F() -> receive {io_request, From, As, {put_chars, unicode, Text}} ->"
      " From ! {io_reply, As, ok}, Me ! {printed, node(From), unicode:characters_to_binary(Text)}, F() end"
      " end),"
      "true = group_leader(Leader, P)");
  EXPECT_EQ(beam_.text("Text = <<\"gr\", 195, 188, 195, 159, \" dich\">>, P ! Text,"
                       "receive {printed, N, Printed} -> {N, Printed =:= Text} after 5000 -> timeout end"),
            "{'b@127.0.0.1',true}");
  // Back to the node's own.
  std::mutex mutex;
  std::string output;
  node_->set_output([&](std::string_view text) {
    const std::scoped_lock lock(mutex);
    output += text;
  });
  beam_.eval("group_leader(rpc:call(B, erlang, whereis, [user]), P), P ! <<\"at home\">>");
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return output == "at home";
  }));
  node_->set_output({});
}

TEST_F(Aliases, WhatAnErlangProcessPrintsGoesToTheGroupLeaderThatBarrelSets) {
  std::mutex mutex;
  std::string output;
  node_->set_output([&](std::string_view text) {
    const std::scoped_lock lock(mutex);
    output += text;
  });
  const Pid printer =
      *beam_.eval("spawn(fun() -> receive {print, What} -> io:format(\"~p~n\", [What]) end end)").as_pid();
  puppet_.perform([printer](Puppet&, Self self) {
    self.set_group_leader(*self.whereis("user"), printer);
    self.send(printer, Term::tuple_of(Atom("print"), Atom("from_erlang")));
  });
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return output == "from_erlang\n";
  }));
  node_->set_output({});
}

}  // namespace
}  // namespace barrel::test
