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

TEST(Route, reads_a_lookup_of_the_original_and_writes_the_same) {
  const auto query = read_route_query(request());
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->name, Term(Atom("svc_one")));
  EXPECT_EQ(query->ttl, 4);
  EXPECT_EQ(query->origin, NodeName("n2@127.0.0.1"));
  EXPECT_EQ(query->visited, (std::vector<NodeName>{"n2@127.0.0.1", "n2@127.0.0.1"}));
  EXPECT_EQ(query->caller.node(), NodeName("n2@127.0.0.1"));
  EXPECT_EQ(query->caller.id, 10U);
  EXPECT_TRUE(query->ref.as_ref().has_value());
  EXPECT_EQ(to_hex(encode_etf(to_term(*query))), captured_request);
}

TEST(Route, answers_with_what_is_known) {
  const Pid pid{"n9@h", 7, 0, 4};
  const auto query = read_route_query(request());
  const auto answer = answer_route(*query, with({Term(Atom("svc_one")), pid, "n9@h", Term::map({})}));
  EXPECT_EQ(answer, Term::tuple_of(Atom("found"), Atom("n9@h"), pid));
  EXPECT_EQ(read_route_found(*answer), pid);
  EXPECT_EQ(read_route_found(route_found(pid)), pid);
  EXPECT_FALSE(read_route_found(route_error("not_found")));
}

TEST(Route, others_are_asked_unless_the_walk_is_over) {
  auto query = read_route_query(request());
  EXPECT_FALSE(answer_route(*query, RegistrySnapshot("n1@127.0.0.1")));
  query->ttl = 0;
  EXPECT_EQ(answer_route(*query, RegistrySnapshot("n1@h")),
            Term::tuple_of(Atom("error"), Atom("ttl_expired")));
}

TEST(Route, ignores_other_shapes) {
  EXPECT_FALSE(read_route_query(Term()));
  EXPECT_FALSE(read_route_query(Term::tuple_of(Atom("$barrel_p2p_route"), Term(1))));
  EXPECT_FALSE(read_route_query(
      Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), Term(1), Term(2)))));
  auto query = read_route_query(request());
  query->ttl = 1'000'000;
  EXPECT_EQ(read_route_query(to_term(*query))->ttl, RouteQuery::ttl_first);
  query->visited.resize(RouteQuery::visited_max + 1, NodeName("n@h"));
  EXPECT_FALSE(read_route_query(to_term(*query))) << "too many";
}

TEST(Route, what_is_copied_to_each_neighbour_is_short) {
  auto query = read_route_query(request());
  query->name = Term(std::string(1'000, 'n'));
  EXPECT_TRUE(read_route_query(to_term(*query)));
  query->name = Term(std::string(1'025, 'n'));
  EXPECT_FALSE(read_route_query(to_term(*query)));
  query = read_route_query(request());
  query->ref = Term(std::string(1'025, 'r'));
  EXPECT_FALSE(read_route_query(to_term(*query)));
}

}  // namespace
}  // namespace barrel
