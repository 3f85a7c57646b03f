#pragma once

#include "barrel/term/etf.hpp"
#include "barrel/term/mapping_codecs.hpp"
#include "barrel/term/mapping_structs.hpp"
#include "barrel/term/shared_bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

/// C++ values as terms. What maps to what (both ways unless said otherwise):
///
///   struct with fields     {tag, Field1, ...}; the tag is `static constexpr std::string_view tag`, or the
///                          type's name in snake_case
///   struct without fields  the atom tag
///   struct with `keys`     (Keys<N>) #{key1 => Field1, ...}; other keys are ignored, and one that is absent
///                          leaves an optional field empty and fails for other fields
///   class with `Term to_term() const` and `static Result<T> from_term(const Term&)`: whatever they say
///   integers, double       integer (checked against the range), float (an integer is accepted)
///   bool                   true | false
///   Atom, NodeName         atom
///   std::string            binary (a charlist is accepted)
///   Charlist               list of characters (a binary is accepted)
///   Bytes, SharedBytes     binary; what another node has sent is read into SharedBytes without a copy, and
///                          large ones are sent without one
///   Pid, Ref, Port, Term   themselves
///   SystemTime             {MegaSecs, Secs, MicroSecs}
///   std::optional<T>       undefined | T
///   std::variant<Ts...>    the first alternative that can be read
///   Result<void>           ok | {error, Reason}, Result<T>: {ok, T} | {error, Reason}; read back as
///                          Errc::rejected
///   std::vector, std::array                list
///   std::pair, std::tuple                  tuple
///   std::map, std::unordered_map           map
///
/// Structs need default values for their fields and have at most 16 of them, none an array of C, none
/// inherited. Reading never trusts its input; what does not fit is an Error (malformed, or limit_exceeded),
/// which says in words what was expected.
namespace barrel {

/// A type that has a term.
template <class T>
concept Mapped = detail::is_mapped<std::remove_cvref_t<T>>();

/// A list of message types, e.g. `using Calls = Messages<Join, Leave>;`
template <class... Ts>
struct Messages {
  static constexpr std::size_t count = sizeof...(Ts);
};

namespace detail {

template <class T>
consteval void require_mapped() {
  static_assert(
      Mapped<T>,
      "this type has no term: it, or the type of one of its fields, is neither listed in "
      "barrel/term/mapping.hpp nor a struct of such types nor a class with to_term() and from_term()");
}

using WriteFunction = void (*)(Sink& sink, const void* value);
using ReadFunction = bool (*)(Source& source, void* value);

[[nodiscard]] Term build_term(WriteFunction write, const void* value);
void write_etf(ByteWriter& out, WriteFunction write, const void* value);
[[nodiscard]] Result<void> read_term(const Term& term, ReadFunction read, void* value);
[[nodiscard]] Result<void> read_etf(ByteReader& reader, const EtfLimits& limits, ReadFunction read,
                                    void* value);
[[nodiscard]] Result<void> read_etf(const SharedBytes& bytes, const EtfLimits& limits, ReadFunction read,
                                    void* value);

template <class T>
inline constexpr WriteFunction write_function =
    [](Sink& sink, const void* value) { write_value(sink, *static_cast<const T*>(value)); };
template <class T>
inline constexpr ReadFunction read_function =
    [](Source& source, void* value) { return read_value(source, *static_cast<T*>(value)); };

template <MapLike T>
Term Codec<T>::key_term(const Key& key) {
  return build_term(write_function<Key>, &key);
}

}  // namespace detail

template <class T>
[[nodiscard]] Term to_term(const T& value) {
  detail::require_mapped<T>();
  if constexpr (std::same_as<T, Term>) return value;
  else if constexpr (detail::Handwritten<T>) return value.to_term();
  else return detail::build_term(detail::write_function<T>, &value);
}

template <class T>
[[nodiscard]] Result<T> from_term(const Term& term) {
  detail::require_mapped<T>();
  if constexpr (std::same_as<T, Term>) {
    return term;
  } else if constexpr (detail::Handwritten<T>) {
    return T::from_term(term);
  } else {
    T value{};
    Result<void> read = detail::read_term(term, detail::read_function<T>, &value);
    if (!read) return std::move(read).error();
    return value;
  }
}

/// Appends the external form of to_term(value), without the leading 131 and without making the term.
template <class T>
  requires(!std::same_as<T, Term>)
void encode_etf(ByteWriter& out, const T& value) {
  detail::require_mapped<T>();
  detail::write_etf(out, detail::write_function<T>, &value);
}

/// from_term<T>(decode_etf(...)) without making the term. The reader is left behind the term; after an error
/// its place is undefined.
template <class T>
[[nodiscard]] Result<T> decode_etf_as(ByteReader& reader, const EtfLimits& limits = {}) {
  detail::require_mapped<T>();
  T value{};
  Result<void> read = detail::read_etf(reader, limits, detail::read_function<T>, &value);
  if (!read) return std::move(read).error();
  return value;
}

/// As above for a term that must fill `bytes` exactly; large binaries in fields of type Term share them.
template <class T>
[[nodiscard]] Result<T> decode_etf_as(const SharedBytes& bytes, const EtfLimits& limits = {}) {
  detail::require_mapped<T>();
  T value{};
  Result<void> read = detail::read_etf(bytes, limits, detail::read_function<T>, &value);
  if (!read) return std::move(read).error();
  return value;
}

template <class T>
std::optional<T> Term::get(std::string_view atom_key) const {
  const Term* found = find_atom(atom_key);
  if (found == nullptr) return std::nullopt;
  Result<T> value = from_term<T>(*found);
  return value ? std::optional<T>(*std::move(value)) : std::nullopt;
}

}  // namespace barrel
#pragma GCC visibility pop
