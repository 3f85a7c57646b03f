#include "barrel/process/pool.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "barrel/base/sanitizer.hpp"

namespace barrel::detail {

namespace {

constexpr bool pooled = !BARREL_SANITIZED;

constexpr std::size_t granularity = 16;
/// Larger blocks come from operator new: frames and messages above it are rare.
constexpr std::size_t pooled_size_max = 1024;
constexpr std::size_t classes = pooled_size_max / granularity;
/// Blocks that pass between a thread and the shared store at once: one lock per 64 blocks.
constexpr std::uint32_t batch = 64;
/// Batches the shared store keeps per size; what is more goes back to the global allocator. 4096 batches of
/// 256-byte blocks are 64 MiB.
constexpr std::uint32_t stored_batches_max = 4096;

struct Block {
  Block* next;
  Block* next_batch;
};

struct List {
  Block* first = nullptr;
  std::uint32_t count = 0;

  void push(Block* block) {
    block->next = first;
    first = block;
    ++count;
  }
  Block* pop() {
    Block* block = first;
    first = block->next;
    --count;
    return block;
  }
};

void free_all(Block* block) {
  while (block != nullptr) ::operator delete(std::exchange(block, block->next));
}

/// Full batches that threads left for each other. Never destroyed: threads may end after it would be.
class Store {
 public:
  Block* take(std::size_t size_class) {
    Shelf& shelf = shelves_[size_class];
    const std::scoped_lock lock(shelf.mutex);
    if (shelf.batches == nullptr) return nullptr;
    --shelf.count;
    return std::exchange(shelf.batches, shelf.batches->next_batch);
  }
  void put(std::size_t size_class, Block* full_batch) {
    Shelf& shelf = shelves_[size_class];
    {
      const std::scoped_lock lock(shelf.mutex);
      if (shelf.count < stored_batches_max) {
        ++shelf.count;
        full_batch->next_batch = std::exchange(shelf.batches, full_batch);
        return;
      }
    }
    free_all(full_batch);
  }

 private:
  struct alignas(64) Shelf {
    std::mutex mutex;
    Block* batches = nullptr;
    std::uint32_t count = 0;
  };
  std::array<Shelf, classes> shelves_;
};

Store& store() {
  static Store* const instance = new Store;
  return *instance;
}

/// Two lists per size: the hot one and a full one in reserve, so that a thread that allocates and frees
/// around a batch's edge does not go to the store each time.
struct Cache {
  std::array<List, classes> hot;
  std::array<List, classes> reserve;

  Cache() = default;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache() {
    for (std::size_t i = 0; i < classes; ++i) {
      free_all(std::exchange(hot[i], {}).first);
      free_all(std::exchange(reserve[i], {}).first);
    }
  }

  void* allocate(std::size_t size_class) {
    List& list = hot[size_class];
    if (list.count == 0) [[unlikely]] {
      if (reserve[size_class].count > 0) list = std::exchange(reserve[size_class], {});
      else if (Block* full = store().take(size_class)) list = {full, batch};
      else return ::operator new((size_class + 1) * granularity);
    }
    return list.pop();
  }
  void release(Block* block, std::size_t size_class) {
    List& list = hot[size_class];
    if (list.count == batch) [[unlikely]] {
      if (reserve[size_class].count == batch) store().put(size_class, reserve[size_class].first);
      reserve[size_class] = std::exchange(list, {});
    }
    list.push(block);
  }
};

thread_local Cache cache;

}  // namespace

void* pool_allocate(std::size_t size) {
  if (!pooled || size > pooled_size_max) [[unlikely]]
    return ::operator new(size);
  return cache.allocate((size - 1) / granularity);
}

void pool_release(void* block, std::size_t size) noexcept {
  if (!pooled || size > pooled_size_max) [[unlikely]]
    return ::operator delete(block);
  cache.release(static_cast<Block*>(block), (size - 1) / granularity);
}

}  // namespace barrel::detail
