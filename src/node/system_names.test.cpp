#include "node/system_names.hpp"

#include <gtest/gtest.h>

#include "barrel/term/etf.hpp"

namespace barrel::node {
namespace {

const NodeName self("me@127.0.0.1");
const Pid asker{Atom("n2@127.0.0.1"), 58, 0, 4};

Ref alias() {
  Ref ref;
  ref.node_atom = asker.node_atom;
  ref.creation = 4;
  ref.word_count = 5;
  ref.words = {1, 2, 3, 4, 5};
  return ref;
}

Term call(const Term& tag, const Term& request) {
  return Term::tuple_of(Atom("$gen_call"), Term::tuple_of(asker, tag), request);
}

TEST(SystemNames, PingIsAnsweredYesToTheAliasOrTheProcess) {
  const Term request = Term::tuple_of(Atom("is_auth"), asker.node());
  const Term tag = Term::list({Atom("alias")}, alias());
  const auto to_alias = answer_system("net_kernel", call(tag, request), self);
  ASSERT_TRUE(to_alias);
  EXPECT_EQ(std::get<Ref>(to_alias->to), alias());
  EXPECT_EQ(to_alias->message, Term::tuple_of(tag, Atom("yes")));

  const Term multi = Term::list({tag}, Term(alias()));
  const auto to_multi = answer_system("net_kernel", call(multi, request), self);
  ASSERT_TRUE(to_multi);
  EXPECT_EQ(std::get<Ref>(to_multi->to), alias());
  EXPECT_EQ(to_multi->message.elements()[0], multi);

  const auto to_pid = answer_system("net_kernel", call(alias(), request), self);
  ASSERT_TRUE(to_pid);
  EXPECT_EQ(std::get<Pid>(to_pid->to), asker);
}

TEST(SystemNames, RexTellsThatErpcIsServed) {
  const auto reply = answer_system("rex", Term::tuple_of(asker, Atom("features_request")), self);
  ASSERT_TRUE(reply);
  EXPECT_EQ(std::get<Pid>(reply->to), asker);
  EXPECT_EQ(reply->message, Term::tuple_of(Atom("features_reply"), self, Term::list({Term(Atom("erpc"))})));
}

TEST(SystemNames, GlobalIsNeverAnsweredAndNonsenseNeither) {
  EXPECT_TRUE(is_system_name("rex"));
  EXPECT_FALSE(is_system_name("global_name_server")) << "a process may have it";
  EXPECT_FALSE(is_system_name("chat_room"));
  const Term cast = Term::tuple_of(Atom("$gen_cast"), Term::tuple_of(Atom("init_connect"), 8));
  EXPECT_FALSE(answer_system("global_name_server", cast, self));
  EXPECT_FALSE(answer_system("net_kernel", Term(), self));
  EXPECT_FALSE(answer_system("net_kernel", call(Term(), Term::tuple_of(Atom("is_auth"))), self));
  EXPECT_FALSE(answer_system("rex", Term::tuple_of(1, Atom("features_request")), self));
}

}  // namespace
}  // namespace barrel::node
