// Erlang's supervisor functions at the supervisors of a Barrel node.

#include "barrel/otp/dynamic_supervisor.hpp"
#include "barrel/otp/supervisor.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

class Idle {
 public:
  explicit Idle(Self) {}
};
struct Go {
  static constexpr std::string_view tag = "go";
};

/// Starts a supervisor of each kind with children, and tells the Erlang process `tester` their pids.
Task<> supervise(Self self, NodeName erlang) {
  std::vector<ChildSpec> specs;
  specs.push_back(child<Idle>(Atom("first"), ChildSettings()));
  specs.push_back(child<Idle>(Atom("second"), ChildSettings()));
  const auto fixed = co_await Supervisor::start_link(self, SupervisorSettings(), specs);
  const auto dynamic = co_await DynamicSupervisor<Idle>::start_link(self);
  EXPECT_TRUE(fixed && dynamic);
  const auto worker = co_await dynamic->start_child(self);
  EXPECT_TRUE(worker);
  const NodeLocalName tester{Atom("tester"), erlang};
  self.send(tester, Term::tuple_of(Atom("supervisors"), fixed->pid(), dynamic->pid()));
  (void)co_await self.receive<Go>();
}

class Supervisors : public ErlangTest {
 protected:
  Supervisors() : node_(start_tcp("b")) {
    beam_.eval("register(tester, self()), pong = net_adm:ping('b@127.0.0.1')");
    node_->spawn(&supervise, name_of(beam_));
    beam_.eval("{S, D} = receive {supervisors, S0, D0} -> {S0, D0} end");
  }
  ~Supervisors() override { node_.reset(); }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(Supervisors, ChildrenAreToldAsOtpTellsThem) {
  EXPECT_EQ(beam_.text("[{I, is_pid(P), T, M} || {I, P, T, M} <- supervisor:which_children(S)]"),
            "[{first,true,worker,dynamic},{second,true,worker,dynamic}]");
  EXPECT_EQ(beam_.text("supervisor:count_children(S)"), "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
  EXPECT_EQ(beam_.text("supervisor:terminate_child(S, first)"), "ok");
  EXPECT_EQ(beam_.text("lists:keyfind(first, 1, supervisor:which_children(S))"),
            "{first,undefined,worker,dynamic}");
  EXPECT_EQ(beam_.text("supervisor:count_children(S)"), "[{specs,2},{active,1},{supervisors,0},{workers,2}]");
}

TEST_F(Supervisors, DynamicChildrenAreToldAsThoseOfSimpleOneForOne) {
  EXPECT_EQ(beam_.text("[{I, is_pid(P), T, M} || {I, P, T, M} <- supervisor:which_children(D)]"),
            "[{undefined,true,worker,dynamic}]");
  EXPECT_EQ(beam_.text("supervisor:count_children(D)"), "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
  EXPECT_EQ(
      beam_.text("[{_, Child, _, _}] = supervisor:which_children(D), supervisor:terminate_child(D, Child)"),
      "ok");
  EXPECT_EQ(beam_.text("supervisor:which_children(D)"), "[]");
}

TEST_F(Supervisors, AllDynamicChildrenHaveOneSpecification) {
  EXPECT_EQ(beam_.text("[{_, Child, _, _}] = supervisor:which_children(D),"
                       "{ok, #{id := Id, type := Type}} = supervisor:get_childspec(D, Child), {Id, Type}"),
            "{undefined,worker}");
  EXPECT_EQ(beam_.text("supervisor:get_childspec(D, first)"), "{error,not_found}");
}

TEST_F(Supervisors, LiveOnWhenTheyAreAskedWhatTheyDoNotKnow) {
  for (const char* supervisor : {"S", "D"}) {
    const std::string to(supervisor);
    EXPECT_EQ(beam_.text("supervisor:start_child(" + to + ", [1])"),
              "{error,{unknown_call,{start_child,[1]}}}");
    EXPECT_EQ(beam_.text("gen_server:call(" + to + ", what)"), "{error,{unknown_call,what}}");
    beam_.eval("gen_server:cast(" + to + ", what), " + to + " ! what");
    EXPECT_EQ(beam_.text("length(supervisor:which_children(" + to + "))"), to == "S" ? "2" : "1");
  }
}

}  // namespace
}  // namespace barrel::test
