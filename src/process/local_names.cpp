#include "process/local_names.hpp"

#include "term/term_node.hpp"

namespace barrel::detail {

LocalNames::LocalNames() = default;

LocalNames::~LocalNames() {
  for (auto& chunk : chunks_) delete chunk.load();
}

LocalNames::Holder LocalNames::find(Atom name) const noexcept {
  const Chunk* chunk = chunks_[name.index() / chunk_size].load(std::memory_order_acquire);
  if (chunk == nullptr) return {};
  const std::uint64_t packed = (*chunk)[name.index() % chunk_size].load(std::memory_order_acquire);
  return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)};
}

std::optional<Atom> LocalNames::name_of(Holder holder) const {
  for (std::uint32_t first = 0; first < Atom::table_size(); first += chunk_size) {
    const Chunk* chunk = chunks_[first / chunk_size].load(std::memory_order_acquire);
    if (chunk == nullptr) continue;
    for (std::uint32_t i = 0; i < chunk_size; ++i) {
      if ((*chunk)[i].load(std::memory_order_acquire) == pack(holder)) return TermAccess::atom_at(first + i);
    }
  }
  return std::nullopt;
}

bool LocalNames::exchange(Atom name, Holder present, Holder holder) {
  auto& place = chunks_[name.index() / chunk_size];
  Chunk* chunk = place.load(std::memory_order_acquire);
  if (chunk == nullptr) {
    const std::scoped_lock lock(mutex_);
    chunk = place.load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = new Chunk{};
      place.store(chunk, std::memory_order_release);
    }
  }
  std::uint64_t expected = pack(present);
  return (*chunk)[name.index() % chunk_size].compare_exchange_strong(expected, pack(holder),
                                                                     std::memory_order_acq_rel);
}

}  // namespace barrel::detail
