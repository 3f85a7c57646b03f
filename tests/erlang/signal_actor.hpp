#pragma once

#include <string>
#include <utility>
#include <vector>

#include "barrel/process/self.hpp"
#include "barrel/term/node_term.hpp"
#include "barrel/term/term.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {

/// What signal_actor.erl is on an Erlang node.
class SignalActor {
 public:
  explicit SignalActor(Self self) : self_(self) { self_.trap_exits(true); }

  void on(const Term& message) {
    const auto parts = message.elements();
    if (message.is_tagged("do", 3)) return perform(parts[1], parts[2]);
    if (message.is_tagged("do", 4)) return perform(parts[1], parts[2], parts[3]);
    const bool stops = message.is_tagged("EXIT", 3) && parts[1].as_pid()->node() == self_.pid().node() &&
                       parts[2].is_atom("shutdown");
    if (stops) exit(shutdown());  // the node does
    if (message.is_tagged("EXIT", 3)) heard_.push_back(Term::tuple_of(Atom("exit"), parts[1], parts[2]));
    else if (message.is_tagged("DOWN", 5)) heard_.push_back(Term::tuple_of(Atom("down"), parts[3], parts[4]));
    else heard_.push_back(message);
  }

 private:
  void perform(const Term& verb, const Term& what) {
    if (verb.is_atom("trap")) return self_.trap_exits(what.is_atom("true"));
    if (verb.is_atom("die")) exit(what);
    const Pid pid = *what.as_pid();
    if (verb.is_atom("link")) self_.link(pid);
    if (verb.is_atom("unlink")) self_.unlink(pid);
    if (verb.is_atom("monitor")) monitors_.emplace_back(pid, self_.monitor(pid));
    if (verb.is_atom("demonitor"))
      std::erase_if(monitors_, [&](const auto& monitor) { return monitor.first == pid; });
    if (verb.is_atom("alias")) self_.send(pid, Term::tuple_of(Atom("alias"), self_.pid(), self_.alias()));
    if (verb.is_atom("leader"))
      self_.send(pid, Term::tuple_of(Atom("leader"), self_.pid(), self_.group_leader()));
    if (verb.is_atom("sync")) self_.send(pid, Term::tuple_of(Atom("synced"), self_.pid()));
    if (verb.is_atom("heard"))
      self_.send(pid, Term::tuple_of(Atom("heard"), self_.pid(), Term::list(std::exchange(heard_, {}))));
  }
  void perform(const Term& verb, const Term& to, const Term& what) {
    if (verb.is_atom("exit")) self_.exit(to.as_pid().value(), what);
    if (verb.is_atom("lead")) self_.set_group_leader(what.as_pid().value(), to.as_pid().value());
    if (verb.is_atom("send") && to.as_ref()) return self_.send(*to.as_ref(), what);
    if (verb.is_atom("send")) self_.send(to.as_pid().value(), what);
  }

  Self self_;
  std::vector<std::pair<Pid, Monitor>> monitors_;
  std::vector<Term> heard_;
};

inline Task<> run_signal_actor(Self self) {
  SignalActor actor(self);
  for (;;) {
    const Term message = co_await self.receive<Term>();
    if (!message.is_tagged("do", 4) || !message.elements()[1].is_atom("start")) {
      actor.on(message);
      continue;
    }
    const NodeName node = node_from_term(message.elements()[3]).value();
    const auto started = co_await self.spawn_link_on(node, "signal_actor", "run");
    self.send(*message.elements()[2].as_pid(), Term::tuple_of(Atom("started"), self.pid(), *started));
  }
}

/// `expressions` use One and Other, the two nodes; their value has to be `expected` whichever is which.
inline void expect_both_ways(Beam& beam, NodeName barrel, const std::string& expressions,
                             const std::string& expected, std::chrono::milliseconds limit = 10s) {
  const std::string script = "(fun(One, Other) -> " + expressions + " end)";
  const std::string other = "'" + std::string(barrel.text()) + "'";
  EXPECT_EQ(beam.text(script + "(node(), " + other + ")", limit), expected)
      << "from Erlang to Barrel: " << expressions;
  EXPECT_EQ(beam.text(script + "(" + other + ", node())", limit), expected)
      << "from Barrel to Erlang: " << expressions;
}

/// A Barrel node `b` and an Erlang node `e`, connected, each with signal actors.
class SignalActors : public ErlangTest {
 protected:
  SignalActors() : node_(start_tcp("b")) {
    if (node_ == nullptr) return;
    node_->functions().expose("signal_actor", "run", run_signal_actor);
    beam_.load("signal_actor.erl");
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)");
  }
  ~SignalActors() override { node_.reset(); }
  void SetUp() override { ASSERT_TRUE(node_); }

  void expect_both_ways(const std::string& expressions, const std::string& expected,
                        std::chrono::milliseconds limit = 10s) {
    test::expect_both_ways(beam_, node_->name(), expressions, expected, limit);
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

}  // namespace barrel::test
