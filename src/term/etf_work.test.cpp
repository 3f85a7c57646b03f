// How much work a few bytes make. Counted in allocations, which the sanitizers do on their own.
#include <gtest/gtest.h>

#include <optional>

#include "barrel/term/etf.hpp"
#include "barrel/term/term_size.hpp"
#include "base/test_allocations.hpp"
#include "term/test_closures.hpp"

#if !BARREL_SANITIZED

namespace barrel {
namespace {

using test::allocated_bytes;
using test::allocations_of;

Bytes message(Bytes term) {
  term.insert(term.begin(), 131);
  return term;
}

TEST(EtfWork, ClosuresAsKeysOfMapsInClosuresAreReadOnce) {
  const auto work = [](std::size_t levels) {
    const Bytes bytes = message(closures_as_keys(levels));
    return allocations_of([&] { EXPECT_TRUE(decode_etf(bytes)); });
  };
  const std::uint64_t one_level = work(1);
  EXPECT_LE(work(8), 8 * one_level);
  EXPECT_LE(work(16), 16 * one_level);
}

TEST(EtfWork, ComparingAndHashingClosuresReadsNothingAgain) {
  const Bytes bytes = message(closures_as_keys(16));
  const auto one = decode_etf(bytes);
  const auto other = decode_etf(bytes);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(allocations_of([&] {
              EXPECT_EQ(*one, *other);
              EXPECT_EQ(one->hash(), other->hash());
            }),
            0U);
}

TEST(EtfWork, MemoryOfATermIsNearWhatIsAllocatedForIt) {
  const std::vector<Term> terms = {
      Term::tuple(std::vector<Term>(1'000, Term::tuple({}))),  // one empty tuple, shared a thousand times
      Term::list({Term(Pid{Atom("n@h"), 1, 2, 3}), Term(1.5), Term(std::string(300, 'x'))}),
      Term::map({{Term("key"), Term::list({Term(1), Term(2)})}}),
  };
  for (const Term& shape : terms) {
    const Bytes bytes = encode_etf(shape);
    std::optional<Term> read;
    const std::uint64_t before = allocated_bytes;
    if (auto term = decode_etf(bytes)) read.emplace(*std::move(term));
    const auto allocated = static_cast<double>(allocated_bytes - before);
    ASSERT_TRUE(read);
    EXPECT_GE(static_cast<double>(memory_of(*read)), allocated) << to_string(shape);
    EXPECT_LE(static_cast<double>(memory_of(*read)), 4 * allocated + 200) << to_string(shape);
  }
}

}  // namespace
}  // namespace barrel

#endif
