#include "process/tuple_start.hpp"

#include <gtest/gtest.h>

#include <string>

namespace barrel::detail {
namespace {

Term nested(int depth) {
  Term term = 1;
  for (int i = 0; i < depth; ++i) term = Term::tuple_of(std::move(term));
  return term;
}

TEST(TupleStart, ReadsTheFirstElementsWhateverComesBehindThem) {
  const Pid pid{Atom("a@h"), 7, 0, 3};
  const Term deep = nested(900);
  const Bytes bytes = encode_etf(Term::tuple_of(Atom("$gen_call"), Term::tuple_of(pid, 5), deep));
  const auto start = tuple_start(bytes, 2, {});
  ASSERT_TRUE(start);
  EXPECT_EQ(start->arity, 3U);
  EXPECT_EQ(start->elements, (std::vector<Term>{Atom("$gen_call"), Term::tuple_of(pid, 5)}));
  const auto inner = tuple_start(start->rest, 0, {});
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->arity, 1U);
  const auto read = bytes.size() - start->rest.size();
  EXPECT_TRUE(tuple_start(BytesView(bytes).first(read), 2, {}));
  EXPECT_FALSE(tuple_start(BytesView(bytes).first(read - 1), 2, {}));
}

TEST(TupleStart, IsNothingWhereNoneOfSoManyBegins) {
  EXPECT_FALSE(tuple_start({}, 0, {}));
  EXPECT_FALSE(tuple_start(encode_etf(Term(5)), 0, {}));
  EXPECT_FALSE(tuple_start(encode_etf(Term::tuple_of(1, 2)), 3, {}));
  EXPECT_FALSE(tuple_start(Bytes{131, 104}, 0, {}));
  EXPECT_FALSE(tuple_start(Bytes{131, 105, 0, 0, 0}, 0, {}));
}

TEST(TupleStart, ReadsNoEnvelopeThatIsLargerThanAnyOfErlangs) {
  const auto reads = [](const Term& element) {
    return tuple_start(encode_etf(Term::tuple_of(element)), 1, {}).has_value();
  };
  EXPECT_TRUE(reads(nested(8)));
  EXPECT_FALSE(reads(nested(9)));
  EXPECT_TRUE(reads(Term(std::string(4'000, 'x'))));
  EXPECT_FALSE(reads(Term(std::string(5'000, 'x'))));
  EXPECT_FALSE(reads(Term::list(std::vector<Term>(100, Term::tuple({})))));
}

}  // namespace
}  // namespace barrel::detail
