// Nodes that are killed, stopped, and come back, with either kind at either end.

#include <chrono>
#include <csignal>
#include <iostream>

#include "barrel/term/term_text.hpp"
#include "original/holders.hpp"
#include "original/original_test.hpp"
#include "support/chat_node.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

using Clock = std::chrono::steady_clock;

class FailuresOfOriginals : public OriginalTest {
 protected:
  void SetUp() override {
    OriginalTest::SetUp();
    if (IsSkipped()) return;
    NEEDS_START();
    there = start_original("e");
  }
  void begin() {
    node = start_barrel("b", {there->name()});
    ASSERT_TRUE(node);
    events.follow(*node);
    puppet.start(*node, "puppet");
    ASSERT_TRUE(there->is_neighbour_of(*node));
  }
  void TearDown() override {
    node.reset();
    there.reset();
    OriginalTest::TearDown();
  }
  static void measured(const char* what, Clock::time_point begin) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    std::cout << "[ measured ] " << what << ": " << took.count() << " ms\n";
  }
  [[nodiscard]] std::string event(const char* kind, const std::string& name) const {
    return "{" + std::string(kind) + "," + name + "," + there->atom();
  }

  Events events;
  Puppet puppet;
  std::unique_ptr<Original> there;
  std::unique_ptr<Node> node;
};

TEST_F(FailuresOfOriginals, AKilledOriginalNodeIsNoticedAndMayComeBack) {
  begin();
  const std::string name = unique("svc");
  const Pid held = *there->eval("element(1, Hold(" + name + ", #{}))").as_pid();
  ASSERT_TRUE(events.sees(event("service_registered", name) + "}"));
  const std::string lost = unique("lost");
  (void)there->eval("Hold(" + lost + ", #{})");
  ASSERT_TRUE(events.sees(event("service_registered", lost) + "}"));
  puppet.perform([held, peer = there->name()](Puppet& self, Self process) {
    self.keep(process.monitor(held));
    process.link(held);
    process.monitor_node(peer);
    process.send(held, Term::tuple_of(Atom("ask"), process.pid(), Atom("all_is_there")));
  });
  ASSERT_TRUE(puppet.hears("{answer,"));
  const auto killed = Clock::now();
  there->kill();
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(held)) + ",noconnection}", 15s));
  measured("DOWN after kill -9 of the original", killed);
  EXPECT_TRUE(puppet.hears("{'EXIT'," + to_string(Term(held)) + ",noconnection}"));
  EXPECT_TRUE(puppet.hears("{nodedown,"));
  EXPECT_TRUE(events.sees(event("service_down", name) + ",noconnection}"));
  EXPECT_TRUE(events.sees("{peer_down," + there->atom() + ",nodedown}"));
  EXPECT_TRUE(node->nodes().empty());
  // Its creation is 4 in every life, so that its pids may be the same.
  const NodeName full_name = there->name();
  const auto again = Clock::now();
  there = start_again(full_name);
  const auto joined = there->text("barrel_p2p:join('" + std::string(node->name().text()) + "')");
  EXPECT_EQ(joined, "ok");
  EXPECT_TRUE(there->is_neighbour_of(*node));
  (void)there->eval("Hold(" + name + ", #{life => 2})");
  EXPECT_TRUE(eventually(
      [&] {
        const auto entries = node->registry().lookup(Atom(name));
        return entries.size() == 1 && entries[0].meta.get<int>("life") == 2;
      },
      10s));
  measured("the name of its next life, with the start", again);
  EXPECT_TRUE(eventually([&] { return node->registry().lookup(Atom(lost)).empty(); }, 10s))
      << "its next life does not know it";
}

TEST_F(FailuresOfOriginals, AnOriginalNodeThatIsKilledAndRestartedAtOnceIsJoinedAgain) {
  begin();
  const NodeName full_name = there->name();
  there->kill();
  const auto again = Clock::now();
  there = start_again(full_name);
  // Nobody asks for it: the Barrel node has it as its contact.
  EXPECT_TRUE(there->is_neighbour_of(*node, 40s));
  measured("neighbours again, with the start", again);
}

TEST_F(FailuresOfOriginals, AKilledBarrelNodeThatComesBackAtOnceIsAMemberAgain) {
  const TempDir directory;
  ChatSetup setup;
  setup.program = BARREL_CHAT_PROGRAM;
  setup.directory = directory.path();
  setup.arguments = {"--schedulers=1", "--dist-cookie=" + original_settings().cookie,
                     "--contact-nodes=" + std::string(there->name().text())};
  if (!original_settings().discovery.empty())
    setup.arguments.push_back("--discovery-dir=" + original_settings().discovery.string());
  const std::string room = unique("room");
  const std::string short_name = unique("chat");
  const std::string quoted = "'" + short_name + "@127.0.0.1'";
  const std::string found = "barrel_p2p:whereis_service({chat_room," + room + "}, #{retries => 0})";
  Term previous;
  for (int life = 0; life < 3; ++life) {
    SCOPED_TRACE(life);
    const auto begin = Clock::now();
    ChatNode chat(setup, short_name, "");
    ASSERT_TRUE(chat.is_up()) << chat.child().transcript();
    ASSERT_EQ(chat.ask("create_room " + room), "create_room " + room + ": ok");
    EXPECT_TRUE(there->becomes("lists:member(" + quoted + ", barrel_p2p:active_view())", "true", 40s))
        << chat.child().transcript();
    EXPECT_TRUE(there->becomes("element(1, " + found + ")", "ok", 20s)) << chat.child().transcript();
    const Term now = there->eval("element(3, " + found + ")");
    EXPECT_NE(now, previous);
    EXPECT_EQ(there->text("gen_server:call(element(3, " + found + "), {join, self()})"), "ok");
    measured("a life of the Barrel node: up, member, found, called", begin);
    previous = now;
    chat.child().signal(SIGKILL);
    ASSERT_TRUE(chat.child().wait_exit(5s));
  }
}

TEST_F(FailuresOfOriginals, AStoppedOriginalNodeIsSuspectedLostAndComesBack) {
  begin();
  const std::string name = unique("svc");
  const Pid held = *there->eval("element(1, Hold(" + name + ", #{}))").as_pid();
  ASSERT_TRUE(events.sees(event("service_registered", name) + "}"));
  puppet.perform([held](Puppet& self, Self process) { self.keep(process.monitor(held)); });
  const auto stopped = Clock::now();
  there->signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return node->peers().size() == 1 && node->peers()[0].suspected; }, 10s));
  measured("suspected", stopped);
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(held)) + ",noconnection}", 15s));
  measured("lost", stopped);
  EXPECT_TRUE(eventually([&] { return !node->registry().find(Atom(name)).has_value(); }, 10s));
  const auto continued = Clock::now();
  there->signal(SIGCONT);
  EXPECT_TRUE(there->is_neighbour_of(*node, 60s));
  measured("neighbours again", continued);
  EXPECT_TRUE(eventually([&] { return node->registry().find(Atom(name)) == Result<Pid>(held); }, 10s));
  measured("its name is seen again", continued);
  EXPECT_EQ(node->run(&ask_holder, held, Term(1)), Result<Term>(Term(1)));
}

TEST_F(FailuresOfOriginals, AConnectionThatTheOriginalGivesUpIsNoticedThoughItsQuicGoesOn) {
  begin();
  const std::string name = unique("svc");
  const Pid held = *there->eval("element(1, Hold(" + name + ", #{}))").as_pid();
  puppet.perform([held](Puppet& self, Self process) { self.keep(process.monitor(held)); });
  EXPECT_EQ(node->run(&ask_holder, held, Term(1)), Result<Term>(Term(1)));
  const auto given_up = Clock::now();
  EXPECT_EQ(there->text("erlang:disconnect_node('" + std::string(node->name().text()) + "')"), "true");
  EXPECT_TRUE(puppet.hears("{'DOWN'," + to_string(Term(held)) + ",noconnection}", 25s));
  measured("noticed that the connection is given up", given_up);
  EXPECT_TRUE(
      eventually([&] { return node->run(&ask_holder, held, Term(2)) == Result<Term>(Term(2)); }, 10s));
  EXPECT_TRUE(there->is_neighbour_of(*node, 40s));
  measured("neighbours again", given_up);
  EXPECT_GT(node->metrics()["node.links_given_up"], 0U);
}

TEST_F(FailuresOfOriginals, TheOriginalNoticesAnOrderlyEndOfABarrelNodeAtOnce) {
  begin();
  const std::string name = "'" + std::string(node->name().text()) + "'";
  (void)there->bind(
      "K = Keep(), ok = net_kernel:monitor_nodes(true), P = rpc:call(" + name +
      ", erlang, whereis, [puppet]), K ! {do, fun() -> monitor(process, P), link(P), P ! watched end}");
  ASSERT_TRUE(puppet.hears("watched"));
  const auto begin = Clock::now();
  ASSERT_TRUE(node->shutdown());
  EXPECT_TRUE(there->becomes("length(Got(K))", "2"));
  measured("DOWN and EXIT at the original", begin);
  EXPECT_EQ(there->text(
                "lists:sort([case M of {'DOWN', _, _, P, R} -> {down, R}; {'EXIT', P, R} -> {exit, R} end || "
                "M <- Got(K)])"),
            "[{down,shutdown},{exit,shutdown}]");
  EXPECT_TRUE(there->becomes("lists:member(" + name + ", nodes())", "false", 10s));
  measured("gone from nodes()", begin);
}

}  // namespace
}  // namespace barrel::test
