// Services of a Barrel node that Erlang processes reach under their names: as {Name, Node}, and through
// another node, as the proxies of the original do.

#include <gmock/gmock.h>

#include "barrel/otp/gen_server.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;

/// Holds a name in the registry, and no local one.
class Shop {
 public:
  struct Buy {
    static constexpr std::string_view tag = "buy";
    int items = 0;
    using Reply = int;
  };
  struct Close {
    static constexpr std::string_view tag = "close";
    using Reply = Atom;
  };
  using Calls = Messages<Buy, Close>;
  Shop(Self self, const Term& name) : registration_(*self.node().registry().register_service(self, name)) {}
  int handle_call(const Buy& request) { return sold_ += request.items; }
  Atom handle_call(const Close&) {
    registration_.unregister();
    return "closed";
  }

 private:
  Registration registration_;
  int sold_ = 0;
};

class ErlangServices : public ErlangTest {
 protected:
  ErlangServices() : node_(start_tcp("b")) {}
  ~ErlangServices() override { node_.reset(); }
  void SetUp() override {
    ASSERT_TRUE(node_);
    beam_.eval("B = 'b@127.0.0.1', pong = net_adm:ping(B)");
  }
  Pid open_shop(const Term& name) { return *node_->start_server<Shop>(name); }
  std::optional<Pid> whereis(Atom name) {
    return *node_->run(
        [](Self self, Atom wanted) -> Task<std::optional<Pid>> { co_return self.whereis(wanted); }, name);
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "e"};
};

TEST_F(ErlangServices, AServiceIsReachedUnderItsNameOnItsNode) {
  const Pid shop = open_shop(Atom("shop"));
  EXPECT_EQ(beam_.text("gen_server:call({shop, B}, {buy, 2})"), "2");
  EXPECT_EQ(beam_.text("rpc:call(B, erlang, whereis, [shop]) =:= element(2,"
                       "rpc:call(B, barrel_p2p, lookup_local, [shop]))"),
            "true");
  beam_.eval("{ok, Shop} = rpc:call(B, barrel_p2p, lookup_local, [shop]), M = monitor(process, {shop, B})");
  EXPECT_EQ(whereis("shop"), shop);
  EXPECT_EQ(node_->call<int>(LocalName{"shop"}, Shop::Buy{3}), Result<int>(5));
  EXPECT_EQ(beam_.text("gen_server:call({shop, B}, close)"), "closed");
  EXPECT_THAT(beam_.text("catch gen_server:call({shop, B}, {buy, 2})"), HasSubstr("noproc"));
  beam_.eval("exit(Shop, kill)");
  EXPECT_EQ(beam_.text("receive {'DOWN', M, process, What, Why} -> {What, Why} after 5000 -> none end"),
            "{{shop,'b@127.0.0.1'},killed}");
}

TEST_F(ErlangServices, ALocalNameGoesBeforeAService) {
  open_shop(Atom("shop"));
  const Result<bool> ok = node_->run(+[](Self self) -> Task<bool> {
    EXPECT_TRUE(self.register_name("shop"));
    co_return self.whereis("shop") == self.pid();
  });
  EXPECT_EQ(ok, Result<bool>(true));
}

TEST_F(ErlangServices, AViaModuleOfErlangReachesServicesOfTheWholeCluster) {
  open_shop(Atom("shop"));
  NodeConfig joining = tcp_config("c");
  joining.membership.contact_nodes = {node_->name()};
  const auto far = start_tcp(joining);
  ASSERT_TRUE(far);
  const Term mall = Term("mall");
  const auto sold_far = far->start_server<Shop>(mall);
  ASSERT_TRUE(sold_far);
  ASSERT_TRUE(eventually([&] { return node_->registry().find(mall) == sold_far; }));
  beam_.load("barrel_names.erl");
  beam_.eval("Shop = {via, barrel_names, {B, shop}}, Mall = {via, barrel_names, {B, <<\"mall\">>}}");
  EXPECT_EQ(beam_.text("gen_server:call(Shop, {buy, 2})"), "2");
  EXPECT_EQ(beam_.text("gen_server:call(Mall, {buy, 3})"), "3");
  EXPECT_EQ(beam_.text("lists:sort(nodes())"), "['b@127.0.0.1','c@127.0.0.1']") << "directly";
  EXPECT_EQ(beam_.text("gen_server:receive_response(gen_server:send_request(Shop, {buy, 1}), 5000)"),
            "{reply,3}");
  EXPECT_EQ(beam_.text("gen_server:call(Shop, close)"), "closed");
  EXPECT_EQ(beam_.text("{'EXIT', {Why, _}} = (catch gen_server:call(Shop, {buy, 1})), Why"), "noproc");
  EXPECT_EQ(beam_.text("catch barrel_names:send({B, shop}, hello)"),
            "{'EXIT',{badarg,{{'b@127.0.0.1',shop},hello}}}");
}

TEST_F(ErlangServices, ANodeRelaysCallsAsTheOriginalsProxiesAsk) {
  open_shop(Atom("shop"));
  open_shop(Term("corner"));
  NodeConfig joining = config("c");
  joining.membership.contact_nodes = {node_->name()};
  const auto far = start(joining);
  ASSERT_TRUE(far);
  const Term mall = Atom("mall");
  const auto sold_far = far->start_server<Shop>(mall);
  ASSERT_TRUE(sold_far);
  ASSERT_TRUE(eventually([&] { return node_->registry().find(mall) == sold_far; }));
  beam_.eval("C = 'c@127.0.0.1', true = register(local, self())");
  beam_.eval(
      "Relay = fun(Name, Target, Request, Ttl) -> rpc:call(B, barrel_p2p_service_proxy, relay,"
      "[Name, Target, Request, #{ttl => Ttl, visited => [node()]}]) end");
  EXPECT_EQ(beam_.text("Relay(shop, B, {buy, 4}, 5)"), "4");
  EXPECT_EQ(beam_.text("Relay(<<\"corner\">>, B, {buy, 5}, 1)"), "5");
  EXPECT_EQ(beam_.text("rpc:call(B, barrel_p2p_service_proxy, relay, [shop, B, {buy, 1}])"), "5");
  EXPECT_EQ(beam_.text("Relay(mall, C, {buy, 6}, 5)"), "6");
  EXPECT_EQ(beam_.text("Relay(shop, B, {buy, 4}, 0)"), "{error,ttl_expired}");
  EXPECT_EQ(beam_.text("Relay(closed, B, {buy, 4}, 5)"), "{error,service_not_found}");
  EXPECT_EQ(beam_.text("Relay(<<\"closed\">>, B, {buy, 4}, 5)"), "{error,service_not_found}");
  EXPECT_EQ(beam_.text("Relay(shop, C, {buy, 4}, 5)"), "{error,service_not_found}");
  EXPECT_EQ(beam_.text("Relay(shop, 'nobody@127.0.0.1', {buy, 4}, 5)"), "{error,service_not_found}");
  // Only services are: nobody acts in the name of the node between.
  EXPECT_EQ(beam_.text("Relay(local, node(), {buy, 4}, 5)"), "{error,service_not_found}");
  for (const char* target : {"B", "C"}) {
    EXPECT_EQ(
        beam_.text(std::string("Relay(rex, ") + target + ", {call, erlang, node, [], group_leader()}, 5)"),
        "{error,service_not_found}");
  }
  EXPECT_THAT(beam_.text("Relay({a, tuple}, B, {buy, 4}, 5)"), HasSubstr("function_clause"));
}

}  // namespace
}  // namespace barrel::test
