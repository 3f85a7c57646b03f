#pragma once

#include <atomic>
#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/term/atom.hpp"
#include "barrel/term/pid.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

class BigInt;
class SharedBytes;
namespace detail {
/// What terms that do not fit into a Term share: the head of a block on the heap (src/term/term_node.hpp).
struct TermNode {
  std::atomic<std::uint32_t> references{1};
  std::uint8_t form = 0;
  /// Bits used in the last byte of a binary or bitstring.
  std::uint8_t bits = 0;
  /// How deep tuples, lists and maps nest in it, itself included.
  std::uint16_t depth = 0;
  /// How many terms or bytes follow the head.
  std::uint64_t size = 0;
};
void destroy(TermNode* node) noexcept;
}  // namespace detail

/// An immutable Erlang term, 16 bytes. Copies share their content (atomic reference count), so a Term may be
/// handed to another thread; one Term object is used by one thread at a time.
///
/// Equality (==) is Erlang's =:= (of OTP 27, where 0.0 and -0.0 differ), so 1 and 1.0 differ. Order (<=>) is
/// a total order that agrees with it: Erlang's term order, with a tie between an integer and the float it
/// equals decided in favour of the integer. compare() is Erlang's own order, where 1 == 1.0.
class Term {
 public:
  /// Most levels of tuples, lists and maps that a program may nest, asserted when one is made: operations on
  /// terms recurse, and this many levels fit on a stack of 1 MiB (2 with sanitizers). What other nodes
  /// send has a lower limit, so that a program can put it into terms of its own.
  static constexpr std::uint16_t depth_max = 1000;

  enum class Kind : std::uint8_t {
    integer,
    real,
    atom,
    reference,
    fun,
    port,
    pid,
    tuple,
    map,
    nil,
    list,
    binary,
    bitstring,
  };
  struct MapEntry;

  /// The empty list [].
  Term() noexcept : tag_(tag_of(Kind::nil)) {}
  Term(const Term& other) noexcept : tag_(other.tag_), extra_(other.extra_), payload_(other.payload_) {
    if (on_heap()) payload_.node->references.fetch_add(1, std::memory_order_relaxed);
  }
  Term(Term&& other) noexcept : tag_(other.tag_), extra_(other.extra_), payload_(other.payload_) {
    other.tag_ = tag_of(Kind::nil);
  }
  Term& operator=(const Term& other) noexcept {
    Term copy(other);
    swap(copy);
    return *this;
  }
  Term& operator=(Term&& other) noexcept {
    Term moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Term() {
    if (on_heap() && payload_.node->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      detail::destroy(payload_.node);
    }
  }

  // Implicit, so that tuples and lists read naturally: Term::tuple("join", pid) is not meant: "join" is a
  // binary, Atom("join") the atom.
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Term(I value) noexcept(sizeof(I) < 8 || std::signed_integral<I>) {
    if constexpr (std::signed_integral<I> || sizeof(I) < 8) set_integer(static_cast<std::int64_t>(value));
    else set_unsigned(value);
  }
  Term(bool value);
  /// Must be finite: Erlang has no infinity and no NaN.
  Term(double value);
  Term(Atom value) noexcept : tag_(tag_of(Kind::atom)), extra_(value.index()) {}
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
  /// A list of small integers, one for each UTF-8 code point ("abc" in Erlang). Bytes that are not UTF-8
  /// stand for themselves, as in Latin-1.
  [[nodiscard]] static Term charlist(std::string_view utf8);
  /// The last of entries with equal keys wins.
  [[nodiscard]] static Term map(std::vector<MapEntry> entries);
  [[nodiscard]] static Term binary(BytesView bytes);
  /// Shares the bytes instead of copying them.
  [[nodiscard]] static Term binary(SharedBytes bytes);
  /// `bits` (1..8) of the last byte are used; the unused low ones are cleared. 8 gives a binary.
  [[nodiscard]] static Term bitstring(BytesView bytes, unsigned bits);
  /// fun Module:Function/Arity.
  [[nodiscard]] static Term export_fun(Atom module, Atom function, std::uint8_t arity);

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(tag_ & kind_mask); }
  [[nodiscard]] bool is_integer() const noexcept { return kind() == Kind::integer; }
  [[nodiscard]] bool is_atom() const noexcept { return kind() == Kind::atom; }
  [[nodiscard]] bool is_atom(std::string_view text) const noexcept {
    return is_atom() && atom_text() == text;
  }
  [[nodiscard]] bool is_pid() const noexcept { return kind() == Kind::pid; }
  [[nodiscard]] bool is_tuple() const noexcept { return kind() == Kind::tuple; }
  [[nodiscard]] bool is_tuple(std::size_t arity) const noexcept {
    return is_tuple() && elements().size() == arity;
  }
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
  /// Interns the text of an atom that a peer sent, against that peer's quota; empty when it is not an atom or
  /// the quota or the table is exhausted.
  [[nodiscard]] std::optional<Atom> as_atom() const;
  /// As as_atom() for the node they contain.
  [[nodiscard]] std::optional<Pid> as_pid() const;
  [[nodiscard]] std::optional<Ref> as_ref() const;
  [[nodiscard]] std::optional<Port> as_port() const;
  /// Empty when it is not a binary.
  [[nodiscard]] std::optional<std::string_view> as_text() const noexcept;

  /// The UTF-8 text of an atom, interned or not; empty for other kinds.
  [[nodiscard]] std::string_view atom_text() const noexcept;
  /// The elements of a tuple or of a list (without its tail); empty for other kinds. Valid as long as this
  /// Term.
  [[nodiscard]] std::span<const Term> elements() const noexcept;
  /// What follows the last element of a list: [] unless it is improper.
  [[nodiscard]] const Term& tail() const noexcept;
  [[nodiscard]] bool is_proper_list() const noexcept { return is_nil() || (is_list() && tail().is_nil()); }
  /// The entries of a map in the order in which Erlang sorts keys: as <=>, but integers before floats. Empty
  /// for other kinds.
  [[nodiscard]] std::span<const MapEntry> entries() const noexcept;
  /// The value under `key`, or null.
  [[nodiscard]] const Term* find(const Term& key) const noexcept;
  /// The value under the atom of that text, interned or not, or null.
  [[nodiscard]] const Term* find_atom(std::string_view key) const noexcept;
  /// find() and conversion in one: meta.get<int>("load") looks under the atom and gives an empty optional
  /// when it is absent or of another type. Defined in mapping.hpp.
  template <class T>
  [[nodiscard]] std::optional<T> get(std::string_view atom_key) const;
  /// The bytes of a binary or bitstring, or the opaque external form of a fun; empty for other kinds.
  [[nodiscard]] BytesView bytes() const noexcept;
  /// The same bytes with a share in whoever keeps them alive; a copy when there are few of them.
  [[nodiscard]] SharedBytes shared_bytes() const;
  /// Bits used in the last byte of a bitstring (1..7), 8 for a binary, 0 for other kinds.
  [[nodiscard]] unsigned last_byte_bits() const noexcept;

  /// Agrees with ==. Of this process only: not portable, not Erlang's phash2.
  [[nodiscard]] std::size_t hash() const noexcept;

  friend bool operator==(const Term& a, const Term& b) noexcept {
    return a.kind() == b.kind() && a.order(b) == 0;
  }
  friend std::strong_ordering operator<=>(const Term& a, const Term& b) noexcept { return a.order(b); }

 private:
  // Behind the operators, as friends that are only declared here would not be exported by the shared library.
  [[nodiscard]] std::strong_ordering order(const Term& other) const noexcept;
  friend struct detail::TermAccess;

  static constexpr std::uint32_t kind_mask = 0xff;
  static constexpr std::uint32_t heap_flag = 0x100;
  static constexpr std::uint32_t tag_of(Kind kind) noexcept { return static_cast<std::uint32_t>(kind); }

  [[nodiscard]] bool on_heap() const noexcept { return (tag_ & heap_flag) != 0; }
  void swap(Term& other) noexcept {
    std::swap(tag_, other.tag_);
    std::swap(extra_, other.extra_);
    std::swap(payload_, other.payload_);
  }
  void set_integer(std::int64_t value) noexcept {
    tag_ = tag_of(Kind::integer);
    payload_.integer = value;
  }
  void set_unsigned(std::uint64_t value);

  // The Kind, and heap_flag when payload_.node is live.
  std::uint32_t tag_;
  // The index of an interned atom.
  std::uint32_t extra_ = 0;
  union Payload {
    std::int64_t integer;
    double real;
    detail::TermNode* node;
  } payload_{};
};

struct Term::MapEntry {
  Term key;
  Term value;
};

/// Erlang's term order: number < atom < reference < fun < port < pid < tuple < map < nil < list < bitstring,
/// and numbers compare by value across integers and floats.
[[nodiscard]] std::weak_ordering compare(const Term& a, const Term& b) noexcept;

/// As io:format("~0tp") prints it: on one line, lists of Latin-1 text as "abc". Binaries of printable UTF-8
/// are text whatever their script, for which Erlang wants to be started with `+pc unicode`. Integers of more
/// than BigInt::decimal_bytes_max bytes are hexadecimal; pids, references and ports are `<0.12.0>` when they
/// belong to `local` and `<node@host.12.0>` otherwise. parse_term (term_text.hpp) reads it back.
[[nodiscard]] std::string to_string(const Term& term, NodeName local = NodeName{});
[[nodiscard]] std::string to_string(const Pid& pid, NodeName local = NodeName{});
[[nodiscard]] std::string to_string(const Ref& ref, NodeName local = NodeName{});

}  // namespace barrel
#pragma GCC visibility pop

template <>
struct std::hash<barrel::Term> {
  std::size_t operator()(const barrel::Term& term) const noexcept { return term.hash(); }
};
