// Names registered on nodes of either kind, found on those of the other.

#include <chrono>
#include <fstream>
#include <iostream>

#include "barrel/otp/gen_server.hpp"
#include "barrel/term/term_text.hpp"
#include "original/holders.hpp"
#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using testing::ElementsAre;
using Clock = std::chrono::steady_clock;

/// A server that holds a name.
class Echo {
 public:
  struct Say {
    static constexpr std::string_view tag = "say";
    Term what;
    using Reply = Term;
  };
  using Calls = Messages<Say>;
  Echo(Self self, const Term& name) : registration_(*self.node().registry().register_service(self, name)) {}
  Term handle_call(const Say& request) { return request.what; }

 private:
  Registration registration_;
};

class NamesOfOriginals : public OriginalTest {
 protected:
  void SetUp() override {
    OriginalTest::SetUp();
    if (IsSkipped()) return;
    NEEDS_ORIGINALS(1);
    begin(barrel_config("b", {original().name()}));
  }
  void begin(const NodeConfig& settings) {
    node = start(settings);
    ASSERT_TRUE(node);
    events.follow(*node);
    ASSERT_TRUE(original().is_neighbour_of(*node));
    (void)original().bind("N = '" + std::string(node->name().text()) + "'");
  }
  void TearDown() override {
    node.reset();
    OriginalTest::TearDown();
  }
  /// A new name, as it is written in Erlang.
  [[nodiscard]] std::string atom_name(const char* name) const { return unique(name); }
  [[nodiscard]] std::string binary_name(const char* name) const { return "<<\"" + unique(name) + "\">>"; }
  static Term term(const std::string& text) { return *parse_term(text); }

  Pid hold(const std::string& name, const Metadata& meta = {}) {
    return node->spawn(&hold_name, term(name), meta);
  }
  /// Registers a name with a process of the original.
  Pid hold_there(const std::string& name, const std::string& meta = "#{}") {
    const Term held = original().eval("Hold(" + name + ", " + meta + ")");
    EXPECT_EQ(held.elements()[1], Term(Atom("ok"))) << to_string(held);
    return *held.elements()[0].as_pid();
  }
  [[nodiscard]] Result<Pid> find(const std::string& name) const { return node->registry().find(term(name)); }
  [[nodiscard]] std::string there(const std::string& name) const {
    return "," + name + ",'" + std::string(node->name().text()) + "'";
  }
  /// Waits, and says how long it took since `begin`.
  template <class Condition>
  static void within_a_second(const char* what, Clock::time_point begin, Condition condition) {
    EXPECT_TRUE(eventually(condition, 1s)) << what;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    std::cout << "[ measured ] " << what << ": " << took.count() << " ms\n";
  }

  Events events;
  std::unique_ptr<Node> node;
};

TEST_F(NamesOfOriginals, ANameOfBarrelIsSeenAtTheOriginalWithinASecond) {
  for (const std::string& name : {atom_name("svc"), binary_name("svc")}) {
    SCOPED_TRACE(name);
    const auto begin = Clock::now();
    const Pid ours = hold(name, {{"load", 7}, {"zone", "eu"}});
    within_a_second("Barrel's name at the original", begin,
                    [&] { return original().text("element(1, barrel_p2p:lookup(" + name + "))") == "ok"; });
    const Term found = original().eval("barrel_p2p:whereis_service(" + name + ")");
    ASSERT_TRUE(found.is_tagged("ok", 3)) << to_string(found);
    EXPECT_EQ(found.elements()[2].as_pid(), ours);
    EXPECT_EQ(original().text("{ok, _, P} = barrel_p2p:whereis_service(" + name + "), barrel_p2p:lookup(" +
                              name + ") =:= {ok, [{service_entry, " + name +
                              ", P, N, #{load => 7, zone => <<\"eu\">>}}]}"),
              "true");
    EXPECT_EQ(original().text("lists:member(" + name + ", barrel_p2p:list_services())"), "true");
    // The pid that Erlang got answers.
    EXPECT_EQ(original().text("{ok, _, P} = barrel_p2p:whereis_service(" + name + "), P ! {ask, self(), [" +
                              name + ", 1.5]}, receive {answer, P, A} -> A after 5000 -> timeout end"),
              "[" + name + ",1.5]");
    (void)node->send(ours, Term::tuple_of(Atom("meta"), *parse_term("#{load=>8}")));
    EXPECT_TRUE(
        original().becomes("{ok, [{_, _, _, _, M}]} = barrel_p2p:lookup(" + name + "), M", "#{load => 8}"));
  }
}

TEST_F(NamesOfOriginals, ANameOfTheOriginalIsSeenAtBarrelWithinASecond) {
  for (const std::string& name : {atom_name("erl"), binary_name("erl")}) {
    SCOPED_TRACE(name);
    const auto begin = Clock::now();
    const Pid theirs = hold_there(name, "#{load => 3, zone => <<\"us\">>}");
    within_a_second("the original's name at Barrel", begin, [&] { return find(name).has_value(); });
    EXPECT_EQ(find(name), Result<Pid>(theirs));
    const auto entries = node->registry().lookup(term(name));
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].node, original().name());
    EXPECT_EQ(to_string(entries[0].meta), "#{load => 3,zone => <<\"us\">>}");
    const Term question = Term::tuple_of(Atom("hello"), term(name));
    EXPECT_EQ(node->run(&ask_holder, theirs, question), Result<Term>(question));
    EXPECT_EQ(node->call<Term>(theirs, question), Result<Term>(Term::tuple_of(Atom("answer"), question)));
  }
}

TEST_F(NamesOfOriginals, ViaReachesAProcessOfTheOriginalByItsName) {
  const std::string name = atom_name("erl");
  const Pid theirs = hold_there(name);
  ASSERT_TRUE(eventually([&] { return find(name).has_value(); }));
  const Term question = Term::tuple_of(Atom("hello"), term(name));
  EXPECT_EQ(node->call<Term>(via(term(name)), question),
            Result<Term>(Term::tuple_of(Atom("answer"), question)));
  const auto heard = node->run(
      +[](Self self, Term wanted, Pid holder) -> Task<Term> {
        const Monitor watch = self.monitor(via(wanted));
        const Term asked = Term::tuple_of(Atom("ask"), self.pid(), Atom("who"));
        self.send(via(wanted), asked);
        const Term answer = co_await self.receive<Term>();
        EXPECT_EQ(answer, Term::tuple_of(Atom("answer"), holder, Atom("who")));
        const Term end = Term::tuple_of(Atom("exit"), Atom("enough"));
        self.send(via(wanted), end);
        const Down down = co_await self.receive<Down>();
        EXPECT_EQ(down.ref, watch.ref());
        co_return down.reason;
      },
      term(name), theirs);
  EXPECT_EQ(heard, Result<Term>(Atom("enough")));
  ASSERT_TRUE(eventually([&] { return !find(name).has_value(); }));
  EXPECT_EQ(node->call<Term>(via(term(name)), question).error().code, Errc::not_found);
}

TEST_F(NamesOfOriginals, AProxyOfTheOriginalCallsAServiceOfBarrel) {
  const std::string name = atom_name("echo");
  ASSERT_TRUE(node->start_server<Echo>(term(name)));
  ASSERT_TRUE(original().becomes("element(1, barrel_p2p:lookup(" + name + "))", "ok"));
  (void)original().bind("{ok, Proxy} = barrel_p2p:global_register(" + name + ")");
  EXPECT_EQ(
      original().text("{node(Proxy) =:= node(), gen_server:call({global, " + name + "}, {say, [1, 2.5]})}"),
      "{true,[1,2.5]}");
  EXPECT_EQ(original().text("global:whereis_name(" + name + ") =:= Proxy"), "true");
  (void)original().bind("gen_server:stop(Proxy)");
  // What it does when its neighbour stands between it and the service.
  EXPECT_EQ(original().text("rpc:call(N, barrel_p2p_service_proxy, relay, [" + name +
                            ", N, {say, yes}, #{ttl => 5, visited => [node()]}])"),
            "yes");
}

TEST_F(NamesOfOriginals, GivingANameBackIsSeenAndToldBothWays) {
  (void)original().bind("Seen = Keep(), ok = barrel_p2p:subscribe_services(Seen)");
  const std::string name = atom_name("svc");
  const Pid ours = hold(name);
  const std::string found = "element(1, barrel_p2p:lookup(" + name + "))";
  EXPECT_TRUE(original().becomes(found, "ok"));
  ASSERT_TRUE(node->send(ours, Term(Atom("unregister"))));
  EXPECT_TRUE(original().becomes(found, "error"));
  EXPECT_EQ(original().text("barrel_p2p:whereis_service(" + name + ", #{retries => 0})"),
            "{error,not_found}");
  EXPECT_EQ(original().text("[E || {_, E} <- Got(Seen), element(2, E) =:= " + name + "]"),
            "[{service_registered" + there(name) + "},{service_unregistered" + there(name) + "}]");
  EXPECT_THAT(events.of(name), ElementsAre("{service_registered" + there(name) + "}",
                                           "{service_unregistered" + there(name) + "}"));

  const std::string other = atom_name("erl");
  const std::string at_original = "," + other + "," + original().atom() + "}";
  const Pid theirs = hold_there(other);
  EXPECT_TRUE(events.sees("{service_registered" + at_original));
  (void)original().eval("[P || {_, _, P, _, _} <- element(2, barrel_p2p:lookup(" + other +
                        "))], "
                        "{ok, Q} = barrel_p2p:whereis_service(" +
                        other + "), Q ! {unregister, " + other +
                        ", self()}, receive {unregistered, Q, ok} -> ok end");
  EXPECT_TRUE(events.sees("{service_unregistered" + at_original));
  EXPECT_EQ(find(other).error().code, Errc::not_found);
  EXPECT_EQ(events.of(other).size(), 2U) << testing::PrintToString(events.of(other));
  EXPECT_EQ(original().text("is_process_alive(list_to_pid(\"" + to_string(Term(theirs), original().name()) +
                            "\"))"),
            "true");
}

TEST_F(NamesOfOriginals, TheEndOfAProcessTakesItsNameAwayBothWays) {
  (void)original().bind("Seen = Keep(), ok = barrel_p2p:subscribe_services(Seen)");
  const std::string name = atom_name("svc");
  const Pid ours = hold(name);
  EXPECT_TRUE(original().becomes("element(1, barrel_p2p:lookup(" + name + "))", "ok"));
  ASSERT_TRUE(node->send(ours, Term::tuple_of(Atom("exit"), Atom("broken"))));
  EXPECT_TRUE(events.sees("{service_down" + there(name) + ",broken}"));
  EXPECT_TRUE(original().becomes("barrel_p2p:lookup(" + name + ")", "{error,not_found}"));
  // The original has no reason on the wire: it takes every end for a name given back.
  EXPECT_EQ(original().text("[E || {_, E} <- Got(Seen), element(2, E) =:= " + name + "]"),
            "[{service_registered" + there(name) + "},{service_unregistered" + there(name) + "}]");

  const std::string other = atom_name("erl");
  const std::string at_original = "," + other + "," + original().atom();
  const Pid theirs = hold_there(other);
  EXPECT_TRUE(events.sees("{service_registered" + at_original + "}"));
  ASSERT_TRUE(node->send(theirs, Term::tuple_of(Atom("exit"), Atom("broken"))));
  EXPECT_TRUE(events.sees("{service_unregistered" + at_original + "}"));
  EXPECT_EQ(events.of(other).size(), 2U) << testing::PrintToString(events.of(other));
  EXPECT_EQ(find(other).error().code, Errc::not_found);
  EXPECT_EQ(original().text("[element(1, E) || {_, E} <- Got(Seen), element(2, E) =:= " + other + "]"),
            "[service_registered,service_registered,service_down,service_unregistered]")
      << "it hears its own broadcasts, too";
}

TEST_F(NamesOfOriginals, ANameOnBothKindsHasAnEntryOfEachEverywhere) {
  const std::string name = atom_name("both");
  const Pid ours = hold(name, {{"kind", Atom("barrel")}});
  const Pid theirs = hold_there(name, "#{kind => erlang}");
  EXPECT_TRUE(eventually([&] { return node->registry().lookup(term(name)).size() == 2; }));
  EXPECT_EQ(find(name), Result<Pid>(ours)) << "the local one first";
  // The original lists its own entry twice.
  EXPECT_TRUE(original().becomes("{ok, L} = barrel_p2p:lookup(" + name +
                                     "), lists:usort([{W, maps:get(kind, M)} || {_, _, _, W, M} <- L]) =:= "
                                     "lists:usort([{N, barrel}, {node(), erlang}])",
                                 "true"));
  EXPECT_EQ(original().text("{ok, P} = barrel_p2p:whereis_service(" + name + "), node(P) =:= node()"),
            "true");
  ASSERT_TRUE(node->send(theirs, Term::tuple_of(Atom("exit"), Atom("normal"))));
  EXPECT_TRUE(eventually([&] { return node->registry().lookup(term(name)).size() == 1; }));
  EXPECT_TRUE(original().becomes(
      "{ok, L} = barrel_p2p:lookup(" + name + "), [W || {_, _, _, W, _} <- L] =:= [N]", "true"));
}

TEST_F(NamesOfOriginals, NamesOfOtherShapesAreFoundByLookup) {
  const std::string name = "{chat_room," + atom_name("general") + "}";
  const Pid ours = hold(name);
  EXPECT_TRUE(original().becomes(
      "barrel_p2p:whereis_service(" + name + ") =:= {ok, N, list_to_pid(\"<0.0.0>\")}", "false"));
  const Term found = original().eval("barrel_p2p:whereis_service(" + name + ")");
  ASSERT_TRUE(found.is_tagged("ok", 3)) << to_string(found);
  EXPECT_EQ(found.elements()[2].as_pid(), ours);
  EXPECT_EQ(original().text("barrel_p2p:lookup(" + name + ")"), "{error,not_found}")
      << "the original refuses the entry";
  const std::string other = "{chat_room," + atom_name("lounge") + "}";
  const Pid theirs = hold_there(other);
  EXPECT_TRUE(eventually([&] { return find(other) == Result<Pid>(theirs); }));
}

TEST_F(NamesOfOriginals, OneWarningIsLoggedForEachNameOfAnotherShape) {
  NodeConfig settings = barrel_config("w", {original().name()});
  settings.log.level = LogLevel::warning;
  settings.log.file = settings.data_dir / "log";
  std::filesystem::create_directories(settings.data_dir);
  node = start(settings);
  ASSERT_TRUE(original().is_neighbour_of(*node));
  const std::string name = "{chat_room," + atom_name("general") + "}";
  const Pid first = hold(name);
  ASSERT_TRUE(eventually([&] { return find(name).has_value(); }));
  ASSERT_TRUE(node->send(first, Term::tuple_of(Atom("exit"), Atom("normal"))));
  ASSERT_TRUE(eventually([&] { return !find(name).has_value(); }));
  hold(name);
  ASSERT_TRUE(eventually([&] { return find(name).has_value(); }));
  ASSERT_TRUE(node->shutdown());
  std::ifstream log(settings.log.file);
  int warnings = 0;
  for (std::string line; std::getline(log, line);) {
    if (line.find(unique("general")) != std::string::npos) ++warnings;
  }
  EXPECT_EQ(warnings, 1);
}

TEST_F(NamesOfOriginals, NamesFromBeforeTheNodesMetAreExchanged) {
  const std::string early = atom_name("early");
  hold_there(early);
  const auto late = start_barrel("late");
  ASSERT_TRUE(late);
  const std::string own = binary_name("own");
  const Pid ours = late->spawn(&hold_name, term(own), Metadata{});
  ASSERT_TRUE(eventually([&] { return late->registry().find(term(own)).has_value(); }));
  EXPECT_FALSE(late->registry().find(term(early)));
  late->membership().join(original().name());
  EXPECT_TRUE(original().is_neighbour_of(*late));
  EXPECT_TRUE(eventually([&] { return late->registry().find(term(early)).has_value(); }, 2s));
  EXPECT_TRUE(original().becomes("element(1, barrel_p2p:lookup(" + own + "))", "ok", 2s));
  EXPECT_EQ(late->registry().find(term(own)), Result<Pid>(ours));
}

/// What a node of the original tells only who asks for it: as its names from before a node came that is no
/// neighbour of it, without the many nodes that this takes.
std::string untold(const std::string& name) {
  return "Pid = element(1, Hold(" + name +
         "there, #{})), sys:replace_state(barrel_p2p_registry, fun(S) -> "
         "setelement(2, S, barrel_p2p_ormap:add({" +
         name + ", node()}, {service_entry, " + name + ", Pid, node(), #{}}, element(2, S))) end), Pid";
}

TEST_F(NamesOfOriginals, WhereisAsksTheNeighboursForANameThatWasNeverTold) {
  const std::string name = atom_name("untold");
  const auto whereis = +[](Self self, Term wanted) -> Task<Result<Pid>> {
    Task<Result<Pid>> search = self.node().registry().whereis(self, wanted);
    co_return co_await std::move(search);
  };
  const Pid held = *original().eval(untold(name)).as_pid();
  // Lookups begin with the first sign that there are originals, their heartbeats.
  EXPECT_TRUE(eventually([&] { return node->run(whereis, term(name)) == Result<Pid>(held); }));
  EXPECT_FALSE(find(name)) << "it was asked for";
  EXPECT_EQ(node->run(whereis, term(atom_name("nobody"))).error().code, Errc::not_found);
}

TEST_F(NamesOfOriginals, ALookupOfAnOriginalNodeIsPassedOn) {
  NEEDS_ORIGINALS(2);
  node->membership().join(original(1).name());
  ASSERT_TRUE(original(1).is_neighbour_of(*node));
  const std::string name = atom_name("untold");
  const Pid held = *original(1).eval(untold(name)).as_pid();
  const auto ask = [&](int ttl, const std::string& visited) {
    return original().eval(
        "R = make_ref(), {barrel_p2p_router, N} ! {'$barrel_p2p_route', {route_request, {route_req, " + name +
        ", " + std::to_string(ttl) + ", node(), [" + visited +
        "]}, {self(), R}}}, receive {R, Result} -> Result after 5000 -> timeout end");
  };
  EXPECT_EQ(to_string(ask(4, "node()")), to_string(Term::tuple_of(Atom("found"), held.node(), held)));
  EXPECT_EQ(to_string(ask(4, "node(), " + original(1).atom())), "{error,not_found}") << "it has been asked";
  EXPECT_EQ(to_string(ask(1, "node()")), "{error,not_found}") << "the last hop";
  EXPECT_EQ(to_string(ask(0, "node()")), "{error,ttl_expired}");
}

}  // namespace
}  // namespace barrel::test
