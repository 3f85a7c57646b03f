#include "barrel/term/atom.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

#include "barrel/base/assert.hpp"
#include "barrel/base/keyed_hash.hpp"
#include "term/utf8.hpp"

namespace barrel {
namespace {

// Characters of at most 4 bytes.
constexpr std::size_t bytes_max = Atom::characters_max * 4;

std::uint32_t hash_of(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(detail::keyed_hash(text));
}

/// The table of one process. Atoms are only added, under the mutex, and published with a release store;
/// readers take no lock. Old slot arrays stay allocated because a reader may still be walking one; together
/// they are smaller than the current one.
class AtomTable {
 public:
  constexpr AtomTable() = default;

  [[nodiscard]] std::string_view text(std::uint32_t index) const noexcept {
    const Entry* chunk = chunks_[index / chunk_entries].load(std::memory_order_acquire);
    const Entry& entry = chunk[index % chunk_entries];
    return {entry.data, entry.size};
  }

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view text) const noexcept {
    if (text.empty()) return 0;
    const Slots* slots = slots_.load(std::memory_order_acquire);
    return slots == nullptr ? std::nullopt : find_in(*slots, text, hash_of(text));
  }

  [[nodiscard]] std::optional<std::uint32_t> intern(std::string_view text, std::uint32_t entries_max) {
    if (const auto known = find(text)) return known;
    if (text.size() > bytes_max) return std::nullopt;
    const auto characters = utf8::length(text);
    if (!characters || *characters > Atom::characters_max) return std::nullopt;

    const std::scoped_lock lock(mutex_);
    if (const auto known = find(text)) return known;
    const std::uint32_t index = size_.load(std::memory_order_relaxed);
    if (index >= entries_max) return std::nullopt;
    store(index, text);
    grow_slots(index);
    insert(*slots_.load(std::memory_order_relaxed), hash_of(text), index);
    size_.store(index + 1, std::memory_order_release);
    return index;
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t chunk_entries = 4096;
  static constexpr std::size_t text_block_bytes = std::size_t{64} * 1024;
  static constexpr std::uint32_t slots_min = 4096;

  struct Entry {
    const char* data;
    std::uint32_t size;
  };
  /// Open addressing; a slot is hash << 32 | index, 0 when free (index 0, the empty atom, is never in it).
  struct Slots {
    std::uint32_t mask;
    std::atomic<std::uint64_t>* slot;
    // The smaller ones before, which stay allocated.
    const Slots* older;
  };

  [[nodiscard]] std::optional<std::uint32_t> find_in(const Slots& slots, std::string_view wanted,
                                                     std::uint32_t hash) const noexcept {
    for (std::uint32_t at = hash;; ++at) {
      const std::uint64_t slot = slots.slot[at & slots.mask].load(std::memory_order_acquire);
      if (slot == 0) return std::nullopt;
      const auto index = static_cast<std::uint32_t>(slot);
      if (slot >> 32 == hash && text(index) == wanted) return index;
    }
  }

  static void insert(const Slots& slots, std::uint32_t hash, std::uint32_t index) noexcept {
    std::uint32_t at = hash;
    while (slots.slot[at & slots.mask].load(std::memory_order_relaxed) != 0) ++at;
    slots.slot[at & slots.mask].store(std::uint64_t{hash} << 32 | index, std::memory_order_release);
  }

  void store(std::uint32_t index, std::string_view text) {
    if (text_left_ < text.size()) {
      text_next_ = new char[text_block_bytes];
      text_left_ = text_block_bytes;
    }
    std::memcpy(text_next_, text.data(), text.size());
    auto& chunk = chunks_[index / chunk_entries];
    Entry* entries = chunk.load(std::memory_order_relaxed);
    const bool fresh = entries == nullptr;
    if (fresh) entries = new Entry[chunk_entries]{};
    entries[index % chunk_entries] = {text_next_, static_cast<std::uint32_t>(text.size())};
    if (fresh) chunk.store(entries, std::memory_order_release);
    text_next_ += text.size();
    text_left_ -= text.size();
  }

  /// Keeps the slots at most half full.
  void grow_slots(std::uint32_t index) {
    const Slots* old = slots_.load(std::memory_order_relaxed);
    if (old != nullptr && index < (old->mask + 1) / 2) return;
    const std::uint32_t count = old == nullptr ? slots_min : (old->mask + 1) * 2;
    auto* grown = new Slots{count - 1, new std::atomic<std::uint64_t>[count] {}, old};
    for (std::uint32_t i = 1; i < index; ++i) insert(*grown, hash_of(text(i)), i);
    slots_.store(grown, std::memory_order_release);
  }

  std::array<std::atomic<Entry*>, Atom::table_max / chunk_entries> chunks_{};
  std::atomic<const Slots*> slots_{nullptr};
  std::atomic<std::uint32_t> size_{1};
  std::mutex mutex_;
  char* text_next_ = nullptr;
  std::size_t text_left_ = 0;
};

/// Places that only the program's own text takes, when that from outside has filled the rest: a guess, far
/// more than any program writes.
constexpr std::uint32_t own_atoms = 65'536;

// Zero-initialised and never destroyed, so that atoms may be used in the initialisation and at the end of any
// static object.
constinit AtomTable table;

}  // namespace

Atom::Atom(std::string_view text) {
  const auto index = table.intern(text, table_max);
  BARREL_ASSERT(index.has_value());
  index_ = *index;
}

std::optional<Atom> Atom::intern(std::string_view text) {
  const auto index = table.intern(text, table_max - own_atoms);
  return index ? std::optional(from_index(*index)) : std::nullopt;
}

std::optional<Atom> Atom::find(std::string_view text) {
  const auto index = table.find(text);
  return index ? std::optional(from_index(*index)) : std::nullopt;
}

std::uint32_t Atom::table_size() {
  return table.size();
}

std::string_view Atom::text() const noexcept {
  return index_ == 0 ? std::string_view{} : table.text(index_);
}

}  // namespace barrel
