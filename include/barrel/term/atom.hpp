#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {
namespace detail {
struct [[gnu::visibility("hidden")]] TermAccess;
}

/// An interned name: an index into the process-wide atom table, which only grows and is lock-free to read.
/// Trivially destructible. Equality is by index, order by UTF-8 text as in Erlang.
class Atom {
 public:
  /// Most atoms one OS process may intern; the default of the Erlang VM.
  static constexpr std::uint32_t table_max = 1'048'576;
  /// Most characters in an atom's text (Erlang's MAXATOMLEN).
  static constexpr std::size_t characters_max = 255;

  /// The empty atom ''.
  constexpr Atom() noexcept = default;
  /// Interns text of this program's own. Asserts on invalid UTF-8, too long text and a full table.
  Atom(const char* text) : Atom(std::string_view(text)) {}  // NOLINT: implicit so that literals read as atoms
  explicit Atom(std::string_view text);

  /// Interns text that came from outside; empty when it is not valid (UTF-8, length) or the table is full.
  [[nodiscard]] static std::optional<Atom> intern(std::string_view text);
  /// The atom, if some code has interned it already. Never adds to the table.
  [[nodiscard]] static std::optional<Atom> find(std::string_view text);
  /// How many atoms the table holds.
  [[nodiscard]] static std::uint32_t table_size();

  /// UTF-8; valid until the program ends.
  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] constexpr std::uint32_t index() const noexcept { return index_; }

  friend constexpr bool operator==(Atom, Atom) noexcept = default;
  friend std::strong_ordering operator<=>(Atom a, Atom b) noexcept {
    if (a.index_ == b.index_) return std::strong_ordering::equal;
    return a.text().compare(b.text()) <=> 0;
  }

 private:
  friend class Term;
  friend struct detail::TermAccess;
  static constexpr Atom from_index(std::uint32_t index) noexcept {
    Atom atom;
    atom.index_ = index;
    return atom;
  }

  std::uint32_t index_ = 0;
};

}  // namespace barrel
#pragma GCC visibility pop

template <>
struct std::hash<barrel::Atom> {
  std::size_t operator()(barrel::Atom atom) const noexcept { return atom.index() * 0x9e3779b97f4a7c15U; }
};
