#include "services/route.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"

namespace barrel {
namespace {

// A lookup of `svc_one` by a node that runs the original, as captured.
constexpr std::string_view captured_request =
    "83680277112462617272656c5f7032705f726f7574656803770d726f7574655f7265717565737468057709726f757465"
    "5f72657177077376635f6f6e656104770c6e32403132372e302e302e316c00000002770c6e32403132372e302e302e31"
    "770c6e32403132372e302e302e316a680258770c6e32403132372e302e302e310000000a00000000000000045a000377"
    "0c6e32403132372e302e302e310000000400032ffc1af000013e7ea587";

RegistrySnapshot with(const ServiceEntry& entry) {
  auto entries = std::make_shared<RegistrySnapshot::Entries>(1, entry);
  return {"n1@127.0.0.1", RegistrySnapshot::ByName().set(entry.name, std::move(entries)), 1};
}

Term request() {
  return decode_etf(BytesView(*from_hex(captured_request))).value_or(Term());
}

TEST(Route, answers_the_asking_process_with_what_is_known) {
  const Pid pid{"n9@h", 7, 0, 4};
  const auto answer = answer_route(request(), with({Term(Atom("svc_one")), pid, "n9@h", Term::map({})}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->to.node(), NodeName("n2@127.0.0.1"));
  EXPECT_EQ(answer->to.id, 10U);
  ASSERT_TRUE(answer->message.is_tuple(2));
  EXPECT_TRUE(answer->message.elements()[0].as_ref().has_value());
  EXPECT_EQ(answer->message.elements()[1], Term::tuple_of(Atom("found"), Atom("n9@h"), pid));
}

TEST(Route, says_when_nothing_is_known_or_the_walk_is_over) {
  const auto unknown = answer_route(request(), RegistrySnapshot("n1@127.0.0.1"));
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->message.elements()[1], Term::tuple_of(Atom("error"), Atom("not_found")));
  const Pid caller{"n2@h", 1, 0, 4};
  const Term spent =
      Term::tuple_of(Atom("$barrel_p2p_route"),
                     Term::tuple_of(Atom("route_request"),
                                    Term::tuple_of(Atom("route_req"), Atom("x"), 0, Atom("n2@h"), Term()),
                                    Term::tuple_of(caller, 1)));
  EXPECT_EQ(answer_route(spent, RegistrySnapshot("n1@h"))->message.elements()[1],
            Term::tuple_of(Atom("error"), Atom("ttl_expired")));
}

TEST(Route, ignores_other_shapes) {
  const RegistrySnapshot empty("n1@h");
  EXPECT_FALSE(answer_route(Term(), empty));
  EXPECT_FALSE(answer_route(Term::tuple_of(Atom("$barrel_p2p_route"), Term(1)), empty));
  EXPECT_FALSE(answer_route(
      Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), Term(1), Term(2))),
      empty));
}

}  // namespace
}  // namespace barrel
