// Erlang's gen_server and gen_statem functions at a server of a Barrel node.

#include <gmock/gmock.h>

#include "erlang/desk.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

class Serving : public ErlangTest {
 protected:
  Serving() : node_(start_tcp("b")) {
    if (node_ == nullptr) return;
    start_desk();
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B), P = rpc:call(B, erlang, whereis, [desk])");
  }
  ~Serving() override { node_.reset(); }
  void SetUp() override { ASSERT_TRUE(node_); }

  Pid start_desk(const char* name = "desk") {
    const auto started = node_->start_server<Desk>(Atom(name));
    EXPECT_TRUE(started);
    return started.value_or(Pid());
  }
  /// Of a desk that the call ended, with the caller's exit reason.
  void expect_exit(const std::string& request, const std::string& reason) {
    start_desk("fragile");
    EXPECT_EQ(beam_.text("catch gen_server:call({fragile, B}, " + request + ")"),
              "{'EXIT',{" + reason + ",{gen_server,call,[{fragile,'b@127.0.0.1'}," + request + "]}}}");
  }
  /// What lies in the mailbox of the Erlang process.
  std::string mailbox() { return beam_.text("receive Stray -> Stray after 0 -> empty end"); }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(Serving, CallsAndCastsByPidByNameAndViaAModule) {
  beam_.load("via_names.erl");
  beam_.eval("via_names:register_name({desk, 1}, P)");
  for (const char* to : {"P", "{desk, B}", "{via, via_names, {desk, 1}}"}) {
    SCOPED_TRACE(to);
    const std::string server(to);
    EXPECT_EQ(beam_.text("gen_server:call(" + server + ", {echo, {a, [1.5], <<\"b\">>}})"),
              "{a,[1.5],<<\"b\">>}");
    EXPECT_EQ(beam_.text("gen_server:call(" + server + ", {echo, self()}, infinity) =:= self()"), "true");
    EXPECT_EQ(beam_.text("gen_server:cast(" + server + ", {put, 300}), gen_server:call(" + server + ", get)"),
              "300");
    EXPECT_EQ(beam_.text("gen_statem:cast(" + server + ", {put, 7}), gen_statem:call(" + server + ", get)"),
              "7");
    EXPECT_EQ(beam_.text("gen_server:call(" + server + ", {refuse, full})"), "{error,full}");
  }
  EXPECT_EQ(mailbox(), "empty");
}

TEST_F(Serving, RequestsAreSentAndTheirResponsesReceivedLater) {
  EXPECT_EQ(beam_.text("R1 = gen_server:send_request(P, hold), timeout = gen_server:wait_response(R1, 20),"
                       "gen_server:cast(P, {release, now}), gen_server:wait_response(R1, 5000)"),
            "{reply,now}");
  EXPECT_EQ(beam_.text("R2 = gen_statem:send_request({desk, B}, {echo, 2}),"
                       "gen_statem:receive_response(R2, 5000)"),
            "{reply,2}");
  EXPECT_EQ(beam_.text("R3 = gen_server:send_request({no_such, B}, get),"
                       "gen_server:receive_response(R3, 5000)"),
            "{error,{noproc,{no_such,'b@127.0.0.1'}}}");
  EXPECT_EQ(beam_.text("R4 = gen_server:send_request(P, get), receive M4 -> gen_server:check_response(M4, R4)"
                       " after 5000 -> timeout end"),
            "{reply,0}");
  EXPECT_EQ(beam_.text("C = lists:foldl(fun(N, Requests) ->"
                       " gen_server:send_request({desk, B}, {echo, N}, {label, N}, Requests) end,"
                       " gen_server:reqids_new(), lists:seq(1, 20)),"
                       "F = fun F(Requests, Sum) -> case gen_server:receive_response(Requests, 5000, true) of"
                       " {{reply, N}, {label, N}, Rest} -> F(Rest, Sum + N); no_request -> Sum end end,"
                       "F(C, 0)"),
            "210");
  EXPECT_EQ(mailbox(), "empty");
}

TEST_F(Serving, MultiCallAndAbcastReachBothKindsOfNodes) {
  beam_.load("beam_server.erl");
  beam_.eval("{ok, _} = gen_server:start({local, desk}, beam_server, 0, [])");
  EXPECT_EQ(beam_.text("{Good, Bad} = gen_server:multi_call([B, 'nobody@127.0.0.1', node()], desk,"
                       " {echo, here}, 5000), {lists:sort(Good), Bad}"),
            "{[{'b@127.0.0.1',here},{'e@127.0.0.1',here}],['nobody@127.0.0.1']}");
  EXPECT_EQ(beam_.text("gen_server:multi_call([B], no_such, get, 5000)"), "{[],['b@127.0.0.1']}");
  EXPECT_EQ(beam_.text("gen_server:multi_call([B], desk, hold, 20)"), "{[],['b@127.0.0.1']}");
  EXPECT_EQ(beam_.text("gen_server:abcast([B, node()], desk, {put, 11}),"
                       "lists:sort(element(1, gen_server:multi_call([B, node()], desk, get, 5000)))"),
            "[{'b@127.0.0.1',11},{'e@127.0.0.1',11}]");
  EXPECT_EQ(mailbox(), "empty");
}

TEST_F(Serving, CallersExitWithTheReasonsOfErlang) {
  EXPECT_EQ(beam_.text("catch gen_server:call({no_such, B}, get)"),
            "{'EXIT',{noproc,{gen_server,call,[{no_such,'b@127.0.0.1'},get]}}}");
  EXPECT_EQ(beam_.text("catch gen_server:call({desk, 'nobody@127.0.0.1'}, get)"),
            "{'EXIT',{{nodedown,'nobody@127.0.0.1'},"
            "{gen_server,call,[{desk,'nobody@127.0.0.1'},get]}}}");
  EXPECT_EQ(beam_.text("catch gen_server:call({desk, B}, hold, 20)"),
            "{'EXIT',{timeout,{gen_server,call,[{desk,'b@127.0.0.1'},hold,20]}}}");
  expect_exit("{throw,<<\"on fire\">>}", "{exception,<<\"on fire\">>}");
  expect_exit("{quit,{badmatch,[1]}}", "{badmatch,[1]}");
  expect_exit("{quit,normal}", "normal");
  expect_exit("{quit,{shutdown,later}}", "{shutdown,later}");
  expect_exit("unknown", "{unknown_call,unknown}");
  expect_exit("{put,1}", "{unknown_call,{put,1}}");
  start_desk("fragile");
  EXPECT_EQ(beam_.text("W = monitor(process, {fragile, B}),"
                       "{gen_server:call({fragile, B}, {stop, enough, bye}),"
                       " receive {'DOWN', W, _, Who, Why} -> {Who, Why} after 5000 -> timeout end}"),
            "{bye,{{fragile,'b@127.0.0.1'},enough}}");
  EXPECT_EQ(mailbox(), "empty");
}

TEST_F(Serving, ACallOfANodeThatEndsMeetsItsEnd) {
  const auto call = beam_.begin("Lost = (catch gen_server:call({desk, B}, hold, 10000))");
  ASSERT_TRUE(eventually([&] { return node_->call(local("desk"), Desk::Holding{}) == 1U; }));
  ASSERT_TRUE(node_->shutdown());
  const std::string lost = to_string(beam_.finish(call));
  EXPECT_THAT(lost, testing::StartsWith("{'EXIT',{shutdown,{gen_server,call,"));
}

TEST_F(Serving, LateRepliesDoNotTurnUp) {
  EXPECT_EQ(beam_.text("Caught = [element(1, element(2, catch gen_server:call(P, hold, 5))) ||"
                       " _ <- lists:seq(1, 20)], lists:usort(Caught)"),
            "[timeout]");
  // The answer to get comes after those to the calls before it.
  EXPECT_EQ(beam_.text("gen_server:cast(P, {release, late}), gen_server:call(P, get)"), "0");
  EXPECT_EQ(mailbox(), "empty");
}

TEST_F(Serving, TheSysModuleIsAnswered) {
  EXPECT_EQ(beam_.text("gen_server:cast(P, {put, 42}), sys:get_state({desk, B})"), "42");
  EXPECT_EQ(beam_.text("{status, P, {module, M}, [Dict, Running, Parent, Debug, Misc]} = sys:get_status(P),"
                       "[{header, Header}, {data, [_, {\"Parent\", Parent} | _]}, {data, Data}] = Misc,"
                       "{M, is_list(Dict), Running, node(Parent), Debug, Header, Data}"),
            "{gen_server,true,running,'b@127.0.0.1',[],\"Status for generic server desk\","
            "[{\"State\",42}]}");
  EXPECT_EQ(
      beam_.text("sys:suspend(P), gen_server:cast(P, {put, 43}),"
                 "{(catch element(1, element(2, catch gen_server:call(P, get, 50)))), sys:get_state(P)}"),
      "{timeout,42}");
  EXPECT_EQ(beam_.text("sys:change_code(P, desk, 1, [])"),
            "{error,{'EXIT',{undef,[{desk,code_change,[1,42,[]],[]}]}}}");
  EXPECT_EQ(beam_.text("sys:resume({desk, B}), gen_server:call(P, get)"), "43");
  EXPECT_EQ(beam_.text("{'EXIT', {Failed, _}} = (catch sys:replace_state(P, fun(_) -> 1 end)), Failed"),
            "{callback_failed,{gen_server,system_replace_state},{error,undef}}");
  EXPECT_EQ(beam_.text("[sys:trace(P, false), sys:log(P, get), sys:statistics(P, get), sys:no_debug(P),"
                       " sys:trace(P, true)]"),
            "[ok,{ok,[]},{ok,no_statistics},ok,unknown_debug]");
  EXPECT_EQ(beam_.text("gen_server:cast(P, {put, 42}), sys:get_state(P)"), "42");
  EXPECT_EQ(beam_.text("gen_server:call(P, get)"), "42") << "still served";
  EXPECT_EQ(beam_.text("W = monitor(process, P), gen_server:stop(P),"
                       "receive {'DOWN', W, process, P, Why} -> Why after 5000 -> timeout end"),
            "normal");
  EXPECT_EQ(beam_.text("catch gen_server:stop({desk, B})"), "{'EXIT',noproc}");
  start_desk();
  EXPECT_EQ(beam_.text("W2 = monitor(process, {desk, B}), sys:suspend({desk, B}),"
                       "sys:terminate({desk, B}, enough),"
                       "receive {'DOWN', W2, process, _, Why2} -> Why2 after 5000 -> timeout end"),
            "enough");
  start_desk();
  EXPECT_EQ(beam_.text("gen_server:stop({desk, B}, {shutdown, over}, 5000)"), "ok");
  EXPECT_EQ(mailbox(), "empty");
}

}  // namespace
}  // namespace barrel::test
