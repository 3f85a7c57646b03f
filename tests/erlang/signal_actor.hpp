#pragma once

#include <string>
#include <utility>
#include <vector>

#include "barrel/process/self.hpp"
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
    if (verb.is_atom("monitor")) monitors_.push_back(self_.monitor(pid));
    if (verb.is_atom("sync")) self_.send(pid, Term::tuple_of(Atom("synced"), self_.pid()));
    if (verb.is_atom("heard"))
      self_.send(pid, Term::tuple_of(Atom("heard"), self_.pid(), Term::list(std::exchange(heard_, {}))));
  }
  void perform(const Term& verb, const Term& to, const Term& what) {
    if (verb.is_atom("exit")) self_.exit(to.as_pid().value(), what);
    if (verb.is_atom("send") && to.as_ref()) return self_.send(*to.as_ref(), what);
    if (verb.is_atom("send")) self_.send(to.as_pid().value(), what);
  }

  Self self_;
  std::vector<Monitor> monitors_;
  std::vector<Term> heard_;
};

inline Task<> run_signal_actor(Self self) {
  SignalActor actor(self);
  for (;;) {
    const Term message = co_await self.receive<Term>();
    actor.on(message);
  }
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

  /// `expressions` use One and Other, the nodes; their value has to be `expected` whichever is which.
  void expect_both_ways(const std::string& expressions, const std::string& expected,
                        std::chrono::milliseconds limit = 10s) {
    const std::string script = "(fun(One, Other) -> " + expressions + " end)";
    EXPECT_EQ(beam_.text(script + "(node(), B)", limit), expected)
        << "from Erlang to Barrel: " << expressions;
    EXPECT_EQ(beam_.text(script + "(B, node())", limit), expected)
        << "from Barrel to Erlang: " << expressions;
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

}  // namespace barrel::test
