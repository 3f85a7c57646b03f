// How much work a few bytes make. Counted in allocations, which the sanitizers do on their own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>

#include "barrel/base/sanitizer.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term_size.hpp"
#include "term/test_closures.hpp"

#if !BARREL_SANITIZED

namespace {
thread_local std::uint64_t allocations = 0;
thread_local std::uint64_t allocated_bytes = 0;
}  // namespace

// Not inlined, or the compiler sees free() meet another operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace barrel {
namespace {

template <class Work>
std::uint64_t allocations_of(Work work) {
  const std::uint64_t before = allocations;
  work();
  return allocations - before;
}

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
