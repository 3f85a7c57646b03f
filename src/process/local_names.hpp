#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "barrel/term/atom.hpp"

namespace barrel::detail {

/// The registered names of this node: for each atom the process that holds it. Indexed by the atom, in chunks
/// made on demand, so that a lookup is two loads. Thread-safe.
class LocalNames {
 public:
  /// A process of this node.
  struct Holder {
    std::uint32_t id = 0;  ///< 0: nobody.
    std::uint32_t serial = 0;
    friend bool operator==(const Holder&, const Holder&) = default;
  };

  LocalNames();
  ~LocalNames();
  LocalNames(const LocalNames&) = delete;
  LocalNames& operator=(const LocalNames&) = delete;

  [[nodiscard]] Holder find(Atom name) const noexcept;
  /// A name that `holder` has. Looks at all names: for reports.
  [[nodiscard]] std::optional<Atom> name_of(Holder holder) const;
  /// Gives the name to `holder` if `present` still has it (a default Holder: nobody); false otherwise.
  [[nodiscard]] bool exchange(Atom name, Holder present, Holder holder);

 private:
  static constexpr std::uint32_t chunk_size = 1024;
  using Chunk = std::array<std::atomic<std::uint64_t>, chunk_size>;

  static std::uint64_t pack(Holder holder) { return std::uint64_t{holder.serial} << 32 | holder.id; }

  std::array<std::atomic<Chunk*>, Atom::table_max / chunk_size + 1> chunks_{};
  std::mutex mutex_;  ///< Making chunks.
};

}  // namespace barrel::detail
