#pragma once

#include <cstddef>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// Memory for coroutine frames and message nodes: blocks of a few sizes, kept in a free list per thread and
/// handed from thread to thread in batches, so that a spawn or a send in steady state never reaches the
/// global allocator. 16-byte aligned. Throws std::bad_alloc. With a sanitizer every block comes from operator
/// new, so that it is watched.
[[nodiscard]] void* pool_allocate(std::size_t size);
/// `size` must be what the block was allocated with. Any thread.
void pool_release(void* block, std::size_t size) noexcept;

}  // namespace barrel::detail
#pragma GCC visibility pop
