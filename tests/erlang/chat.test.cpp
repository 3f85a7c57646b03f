// The chat of the handbook with rooms and members on Erlang nodes; all nodes are processes of the system.

#include <gmock/gmock.h>
#include <signal.h>

#include <memory>
#include <set>
#include <string>

#include "erlang/beam.hpp"
#include "support/chat_node.hpp"

namespace barrel::test {
namespace {

class ErlangChat : public testing::Test {
 protected:
  void TearDown() override {
    if (!HasFailure()) return;
    for (ChatNode* node : {&node1_, node2_.get()}) {
      if (node == nullptr) continue;
      ADD_FAILURE() << "== " << node->name() << "\n" << node->child().transcript();
    }
    ADD_FAILURE() << "== e1\n" << beam_.transcript();
  }
  void SetUp() override {
    ASSERT_TRUE(node1_.is_up());
    node2_ = std::make_unique<ChatNode>(setup_, "node2", "node1");
    ASSERT_TRUE(node2_->is_up());
    ASSERT_TRUE(epmd_.knows("node1") && epmd_.knows("node2"));
  }

  /// `room` is made on node 2, and Erlang finds it by way of node 1.
  void make_room(const std::string& room) {
    ASSERT_EQ(node2_->ask("create_room " + room), "create_room " + room + ": ok");
    ASSERT_TRUE(node1_.prints("*** Room " + room + " available on node2@127.0.0.1"));
    ASSERT_EQ(beam_.text("{ok, Where, Room} = rpc:call('node1@127.0.0.1', barrel_p2p, whereis_service,"
                         "[{chat_room, " +
                         room + "}]), {Where, node(Room)}"),
              "{'node2@127.0.0.1','node2@127.0.0.1'}");
  }
  /// A room on the Erlang node, which node 1 joins.
  void join_lounge() {
    beam_.load(BARREL_CHAT_ROOM);
    beam_.eval("{ok, Lounge} = chat_room:start_link(lounge)");
    ASSERT_EQ(node1_.ask("join " + lounge_), "join " + lounge_ + ": ok");
  }

  const std::string lounge_ = "lounge@e1@127.0.0.1";
  const TempDir directory_;
  Epmd epmd_;
  const ChatSetup setup_{
      .program = BARREL_CHAT_PROGRAM,
      .directory = directory_.path(),
      .arguments = {"--schedulers=1", "--listen-address=127.0.0.1", "--tcp-enabled=true",
                    "--tcp-listen-address=127.0.0.1", "--epmd-port=" + std::to_string(epmd_.port())}};
  ChatNode node1_{setup_, "node1", ""};
  std::unique_ptr<ChatNode> node2_;
  Beam beam_{epmd_, "e1"};
};

TEST_F(ErlangChat, ErlangListsJoinsAndWritesToARoomOfAnyNode) {
  make_room("general");
  EXPECT_EQ(beam_.text("rpc:call('node1@127.0.0.1', barrel_p2p, list_services, [])"),
            "[{chat_room,general}]");
  ASSERT_EQ(node1_.ask("join general"), "join general: ok");
  EXPECT_EQ(beam_.text("gen_server:call(Room, {join, self()})"), "ok");
  EXPECT_EQ(beam_.text("gen_server:call(Room, {join, self()})"), "{error,already_joined}");
  EXPECT_EQ(beam_.text("length(gen_server:call(Room, members))"), "2");

  beam_.eval("[gen_server:cast(Room, {message, node(), integer_to_binary(N)}) || N <- lists:seq(1, 100)]");
  EXPECT_EQ(beam_.text("[receive {chat_message, general, 'e1@127.0.0.1', T, {_, _, _}} ->"
                       "binary_to_integer(T) after 5000 -> late end || _ <- lists:seq(1, 100)]"
                       "=:= lists:seq(1, 100)"),
            "true");
  EXPECT_TRUE(node1_.prints("[general] <e1@127.0.0.1> 100"));

  node1_.send("send general hello, Erlang");
  EXPECT_EQ(beam_.text("receive {chat_message, general, From, Text, _} -> {From, Text} end"),
            "{'node1@127.0.0.1',<<\"hello, Erlang\">>}");
  EXPECT_EQ(beam_.text("gen_server:call(Room, {leave, self()})"), "ok");
  EXPECT_EQ(beam_.text("[node(P) || P <- gen_server:call(Room, members)]"), "['node1@127.0.0.1']");
}

TEST_F(ErlangChat, AMemberIsGoneWithItsErlangNode) {
  make_room("general");
  ASSERT_EQ(beam_.text("gen_server:call(Room, {join, self()})"), "ok");
  ASSERT_EQ(node1_.ask_list("members general"), (std::set<std::string>{"e1@127.0.0.1"}));
  beam_.kill();
  EXPECT_TRUE(node1_.eventually("members general", [](const auto& nodes) { return nodes.empty(); }));
}

TEST_F(ErlangChat, ErlangHearsOfARoomThatIsLostWithItsNode) {
  make_room("general");
  beam_.eval("M = monitor(process, Room)");
  node2_->child().signal(SIGKILL);
  EXPECT_EQ(beam_.text("receive {'DOWN', M, process, Room, Why} -> Why end"), "noconnection");
  EXPECT_TRUE(beam_.becomes("rpc:call('node1@127.0.0.1', barrel_p2p, list_services, [])", "[]", 30s));
}

TEST_F(ErlangChat, ARoomOnAnErlangNodeServesBothSides) {
  join_lounge();
  ASSERT_EQ(node2_->ask("join " + lounge_), "join " + lounge_ + ": ok");
  EXPECT_EQ(node1_.ask("join " + lounge_), "join " + lounge_ + ": rejected: already_joined");
  node2_->send("send " + lounge_ + " hello, lounge");
  EXPECT_TRUE(node1_.prints("[lounge] <node2@127.0.0.1> hello, lounge"));
  EXPECT_TRUE(node2_->prints("[lounge] <node2@127.0.0.1> hello, lounge"));
  EXPECT_EQ(node1_.ask_list("members " + lounge_),
            (std::set<std::string>{"node1@127.0.0.1", "node2@127.0.0.1"}));

  ASSERT_EQ(node1_.ask("leave " + lounge_), "leave " + lounge_ + ": ok");
  EXPECT_EQ(node1_.ask_list("members " + lounge_), (std::set<std::string>{"node2@127.0.0.1"}));
  node2_->child().signal(SIGKILL);
  EXPECT_TRUE(beam_.becomes("gen_server:call(Lounge, members)", "[]"));
}

TEST_F(ErlangChat, ARoomIsGoneWithItsErlangNode) {
  join_lounge();
  EXPECT_EQ(node1_.ask("join nobody@e1@127.0.0.1"), "join nobody@e1@127.0.0.1: no_process: noproc");
  beam_.kill();
  EXPECT_TRUE(node1_.prints("*** Room " + lounge_ + " is gone: noconnection"));
  EXPECT_EQ(node1_.ask("members " + lounge_), "members " + lounge_ + ": no_connection: noconnection");
}

}  // namespace
}  // namespace barrel::test
