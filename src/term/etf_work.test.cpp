// How much work a few bytes make. Counted in allocations, which the sanitizers do on their own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "barrel/base/sanitizer.hpp"
#include "barrel/term/etf.hpp"
#include "term/test_closures.hpp"

#if !BARREL_SANITIZED

namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace

// Not inlined, or the compiler sees free() meet another operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
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

}  // namespace
}  // namespace barrel

#endif
