#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

#include "barrel/base/sanitizer.hpp"

// Counts what a thread allocates: for one file of a test program, since it takes the place of the operators
// of the whole program. The sanitizers bring their own: there this is empty, and what needs it is left out.
#if !BARREL_SANITIZED

namespace barrel::test {

inline thread_local std::uint64_t allocations = 0;
inline thread_local std::uint64_t allocated_bytes = 0;

/// Allocations of this thread while `work` runs.
template <class Work>
std::uint64_t allocations_of(Work work) {
  const std::uint64_t before = allocations;
  work();
  return allocations - before;
}

inline void* counted(void* block, std::size_t size) {
  if (block == nullptr) throw std::bad_alloc();
  ++allocations;
  allocated_bytes += size;
  return block;
}

}  // namespace barrel::test

// Not inlined, or the compiler sees free() meet another operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return barrel::test::counted(std::malloc(size), size);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return barrel::test::counted(std::aligned_alloc(static_cast<std::size_t>(alignment), size), size);
}
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

#endif
