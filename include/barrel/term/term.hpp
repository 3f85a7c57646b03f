#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/atom.hpp"
#include "barrel/term/pid.hpp"

namespace barrel {

class BigInt;
class SharedBytes;
namespace detail {
struct TermNode;
}

/// An immutable Erlang term, 16 bytes. Copies share their content (atomic reference count), so a Term may be
/// handed to another thread; one Term object is used by one thread at a time.
///
/// Equality (==) is Erlang's =:=, so 1 and 1.0 differ. Order (<=>) is a total order that agrees with it: Erlang's
/// term order, except that an integer sorts before the float it equals. compare() is Erlang's own order, where 1 == 1.0.
class Term {
 public:
  enum class Kind : std::uint8_t {
    integer, real, atom, reference, fun, port, pid, tuple, map, nil, list, binary, bitstring,
  };
  struct MapEntry;

  /// The empty list [].
  Term() noexcept;
  Term(const Term&) noexcept;
  Term(Term&&) noexcept;
  Term& operator=(const Term&) noexcept;
  Term& operator=(Term&&) noexcept;
  ~Term();

  // Implicit, so that tuples and lists read naturally: Term::tuple("join", pid) is not meant: "join" is a binary,
  // Atom("join") the atom.
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Term(I value) noexcept(sizeof(I) < 8 || std::signed_integral<I>) {
    if constexpr (std::signed_integral<I> || sizeof(I) < 8) set_integer(static_cast<std::int64_t>(value));
    else set_unsigned(value);
  }
  Term(bool value) noexcept;
  /// Must be finite: Erlang has no infinity and no NaN.
  Term(double value);
  Term(Atom value) noexcept;
  Term(NodeName value) noexcept : Term(value.atom()) {}
  Term(const Pid& value);
  Term(const Ref& value);
  Term(const Port& value);
  Term(const BigInt& value);
  /// A binary with these bytes.
  Term(std::string_view text);
  Term(const char* text) : Term(std::string_view(text)) {}
  Term(const std::string& text) : Term(std::string_view(text)) {}

  [[nodiscard]] static Term tuple(std::vector<Term> elements);
  template <class... Ts>
  [[nodiscard]] static Term tuple_of(Ts&&... elements) {
    std::vector<Term> items;
    items.reserve(sizeof...(elements));
    (items.emplace_back(std::forward<Ts>(elements)), ...);
    return tuple(std::move(items));
  }
  /// A proper list, or an improper one when `tail` is neither list nor []. A list as tail is appended.
  [[nodiscard]] static Term list(std::vector<Term> elements, Term tail = {});
  /// A list of small integers, one for each UTF-8 code point ("abc" in Erlang).
  [[nodiscard]] static Term charlist(std::string_view utf8);
  /// The last of entries with equal keys wins.
  [[nodiscard]] static Term map(std::vector<MapEntry> entries);
  [[nodiscard]] static Term binary(BytesView bytes);
  /// Shares the bytes instead of copying them.
  [[nodiscard]] static Term binary(SharedBytes bytes);
  /// `bits` (1..8) of the last byte are used; the unused low ones are cleared. 8 gives a binary.
  [[nodiscard]] static Term bitstring(BytesView bytes, unsigned bits);

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_integer() const noexcept { return kind() == Kind::integer; }
  [[nodiscard]] bool is_atom() const noexcept { return kind() == Kind::atom; }
  [[nodiscard]] bool is_atom(std::string_view text) const noexcept { return is_atom() && atom_text() == text; }
  [[nodiscard]] bool is_pid() const noexcept { return kind() == Kind::pid; }
  [[nodiscard]] bool is_tuple() const noexcept { return kind() == Kind::tuple; }
  [[nodiscard]] bool is_tuple(std::size_t arity) const noexcept { return is_tuple() && elements().size() == arity; }
  /// A tuple of that arity whose first element is that atom.
  [[nodiscard]] bool is_tagged(std::string_view tag, std::size_t arity) const noexcept;
  [[nodiscard]] bool is_nil() const noexcept { return kind() == Kind::nil; }
  /// A list cell; false for [].
  [[nodiscard]] bool is_list() const noexcept { return kind() == Kind::list; }
  [[nodiscard]] bool is_map() const noexcept { return kind() == Kind::map; }
  [[nodiscard]] bool is_binary() const noexcept { return kind() == Kind::binary; }

  /// Empty when it is not an integer or does not fit.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const noexcept;
  /// Empty when it is not an integer.
  [[nodiscard]] std::optional<BigInt> as_big_int() const;
  [[nodiscard]] std::optional<double> as_real() const noexcept;
  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  /// Interns the text of an atom that a peer sent, against that peer's quota; empty when it is not an atom or the
  /// quota or the table is exhausted.
  [[nodiscard]] std::optional<Atom> as_atom() const;
  /// As as_atom() for the node they contain.
  [[nodiscard]] std::optional<Pid> as_pid() const;
  [[nodiscard]] std::optional<Ref> as_ref() const;
  [[nodiscard]] std::optional<Port> as_port() const;
  /// Empty when it is not a binary.
  [[nodiscard]] std::optional<std::string_view> as_text() const noexcept;

  /// The UTF-8 text of an atom, interned or not; empty for other kinds.
  [[nodiscard]] std::string_view atom_text() const noexcept;
  /// The elements of a tuple or of a list (without its tail); empty for other kinds. Valid as long as this Term.
  [[nodiscard]] std::span<const Term> elements() const noexcept;
  /// What follows the last element of a list: [] unless it is improper.
  [[nodiscard]] const Term& tail() const noexcept;
  [[nodiscard]] bool is_proper_list() const noexcept { return is_nil() || (is_list() && tail().is_nil()); }
  /// The entries of a map, ordered by key (<=>); empty for other kinds.
  [[nodiscard]] std::span<const MapEntry> entries() const noexcept;
  /// The value under `key`, or null.
  [[nodiscard]] const Term* find(const Term& key) const noexcept;
  /// find() and conversion in one: meta.get<int>("load") looks under the atom and gives an empty optional when it
  /// is absent or of another type. Defined in mapping.hpp.
  template <class T>
  [[nodiscard]] std::optional<T> get(std::string_view atom_key) const;
  /// The bytes of a binary or bitstring, or the opaque external form of a fun; empty for other kinds.
  [[nodiscard]] BytesView bytes() const noexcept;
  /// Bits used in the last byte of a bitstring (1..7), 8 for a binary, 0 for other kinds.
  [[nodiscard]] unsigned last_byte_bits() const noexcept;

  friend bool operator==(const Term& a, const Term& b) noexcept;
  friend std::strong_ordering operator<=>(const Term& a, const Term& b) noexcept;

 private:
  friend struct detail::TermNode;
  void set_integer(std::int64_t value) noexcept;
  void set_unsigned(std::uint64_t value);

  std::uint32_t tag_ = 0;   // which alternative of payload_ is live
  std::uint32_t extra_ = 0;
  union {
    std::int64_t integer;
    double real;
    detail::TermNode* node;
  } payload_{};
};

struct Term::MapEntry {
  Term key;
  Term value;
};

/// Erlang's term order: number < atom < reference < fun < port < pid < tuple < map < nil < list < bitstring, and
/// numbers compare by value across integers and floats.
[[nodiscard]] std::weak_ordering compare(const Term& a, const Term& b) noexcept;

/// As io:format("~0p") prints it; pids, references and ports as `<0.12.0>` when they belong to `local` and as
/// `<node@host.12.0>` otherwise, which parse_term reads back.
[[nodiscard]] std::string to_string(const Term& term, NodeName local = NodeName{});
[[nodiscard]] std::string to_string(const Pid& pid, NodeName local = NodeName{});
[[nodiscard]] std::string to_string(const Ref& ref, NodeName local = NodeName{});

}  // namespace barrel
