#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/term/mapping_fields.hpp"
#include "barrel/term/mapping_stream.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// The atom keys of a struct that maps to a map, in the order of its fields:
/// `static constexpr Keys<2> keys{"load", "zone"};`
template <std::size_t N>
struct Keys {
  std::array<std::string_view, N> names;
};

/// Text that is sent as a list of characters, as Erlang's "abc", where a std::string would be a binary. Reads
/// both.
struct Charlist {
  std::string text;
  friend auto operator<=>(const Charlist&, const Charlist&) = default;
};

namespace detail {

template <class T>
concept Handwritten = requires(const T& value, const Term& term) {
  { value.to_term() } -> std::convertible_to<Term>;
  { T::from_term(term) } -> std::same_as<Result<T>>;
};

template <class T>
concept PlainStruct =
    std::is_class_v<T> && std::is_aggregate_v<T> && !Handwritten<T> && std::default_initializable<T>;

template <class T>
concept Number =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept MapLike = requires(T container, typename T::key_type key, typename T::mapped_type value) {
  container.emplace(std::move(key), std::move(value)).second;
  container.begin()->second;
};

/// How one type is written and read; what has none is not mapped.
template <class T>
struct Codec;

/// Whether T has a Codec, and so have the types it is made of. Outer: the structs that T is part of, which a
/// struct that contains itself in a vector must not ask again.
template <class T, class... Outer>
consteval bool is_mapped() {
  if constexpr (requires { &Codec<T>::read; }) return Codec<T>::template mapped<Outer...>();
  else return false;
}

template <class T>
void write_value(Sink& sink, const T& value) {
  Codec<T>::write(sink, value);
}

template <class T>
bool read_value(Source& source, T& value) {
  return Codec<T>::read(source, value);
}

/// A type whose being mapped depends on those of Parts.
template <class... Parts>
struct MappedIf {
  template <class... Outer>
  static consteval bool mapped() {
    return (is_mapped<Parts, Outer...>() && ...);
  }
};

template <Number T>
struct Codec<T> : MappedIf<> {
  static void write(Sink& sink, T value) {
    if constexpr (std::signed_integral<T>) sink.integer(value);
    else sink.unsigned_integer(value);
  }
  static bool read(Source& source, T& value) {
    std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t> wide = 0;
    if constexpr (std::signed_integral<T>) {
      if (!source.integer(wide)) return false;
    } else {
      if (!source.unsigned_integer(wide)) return false;
    }
    value = static_cast<T>(wide);
    return std::in_range<T>(wide) || source.fail("an integer in the range of its field");
  }
};

template <>
struct Codec<bool> : MappedIf<> {
  static void write(Sink& sink, bool value) { sink.own_atom(value ? "true" : "false"); }
  static bool read(Source& source, bool& value) {
    value = source.accept_atom("true");
    return value || source.accept_atom("false") || source.fail("true or false");
  }
};

template <>
struct Codec<double> : MappedIf<> {
  static void write(Sink& sink, double value) { sink.real(value); }
  static bool read(Source& source, double& value) { return source.real(value); }
};

template <>
struct Codec<float> : MappedIf<> {
  static void write(Sink& sink, float value) { sink.real(value); }
  static bool read(Source& source, float& value) {
    double wide = 0;
    if (!source.real(wide)) return false;
    if (std::abs(wide) > std::numeric_limits<float>::max()) return source.fail("a float of single precision");
    value = static_cast<float>(wide);
    return true;
  }
};

template <>
struct Codec<Atom> : MappedIf<> {
  static void write(Sink& sink, Atom value) { sink.atom(value); }
  static bool read(Source& source, Atom& value) { return source.atom(value); }
};

template <>
struct Codec<NodeName> : MappedIf<> {
  static void write(Sink& sink, NodeName value) { sink.atom(value.atom()); }
  static bool read(Source& source, NodeName& value) {
    Atom atom;
    if (!source.atom(atom)) return false;
    value = NodeName(atom);
    return true;
  }
};

template <>
struct Codec<Pid> : MappedIf<> {
  static void write(Sink& sink, const Pid& value) { sink.pid(value); }
  static bool read(Source& source, Pid& value) { return source.pid(value); }
};

template <>
struct Codec<Ref> : MappedIf<> {
  static void write(Sink& sink, const Ref& value) { sink.reference(value); }
  static bool read(Source& source, Ref& value) { return source.reference(value); }
};

template <>
struct Codec<Port> : MappedIf<> {
  static void write(Sink& sink, const Port& value) { sink.port(value); }
  static bool read(Source& source, Port& value) { return source.port(value); }
};

template <>
struct Codec<Term> : MappedIf<> {
  static void write(Sink& sink, const Term& value) { sink.term(value); }
  static bool read(Source& source, Term& value) { return source.term(value); }
};

template <>
struct Codec<std::string> : MappedIf<> {
  static void write(Sink& sink, const std::string& value) { sink.binary(as_bytes(value)); }
  static bool read(Source& source, std::string& value) { return source.text(value); }
};

template <>
struct Codec<Charlist> : MappedIf<> {
  static void write(Sink& sink, const Charlist& value) { sink.charlist(value.text); }
  static bool read(Source& source, Charlist& value) { return source.text(value.text); }
};

template <>
struct Codec<Bytes> : MappedIf<> {
  static void write(Sink& sink, const Bytes& value) { sink.binary(value); }
  static bool read(Source& source, Bytes& value) { return source.binary(value); }
};

template <>
struct Codec<SharedBytes> : MappedIf<> {
  static void write(Sink& sink, const SharedBytes& value);
  static bool read(Source& source, SharedBytes& value);
};

template <>
struct Codec<SystemTime> : MappedIf<> {
  static void write(Sink& sink, SystemTime value);
  static bool read(Source& source, SystemTime& value);
};

template <>
struct Codec<std::monostate> : MappedIf<> {
  static void write(Sink& sink, std::monostate) { sink.own_atom("undefined"); }
  static bool read(Source& source, std::monostate&) {
    return source.accept_atom("undefined") || source.fail("undefined");
  }
};

template <class T>
struct Codec<std::optional<T>> : MappedIf<T> {
  static void write(Sink& sink, const std::optional<T>& value) {
    if (value) write_value(sink, *value);
    else sink.own_atom("undefined");
  }
  static bool read(Source& source, std::optional<T>& value) {
    value.reset();
    if (source.accept_atom("undefined")) return true;
    return read_value(source, value.emplace());
  }
};

template <class... Ts>
struct Codec<std::variant<Ts...>> : MappedIf<Ts...> {
  static void write(Sink& sink, const std::variant<Ts...>& value) {
    std::visit([&](const auto& alternative) { write_value(sink, alternative); }, value);
  }
  static bool read(Source& source, std::variant<Ts...>& value) {
    const Source::Mark start = source.mark();
    return read_first<0>(source, value, start) || source.fail("one of several alternatives");
  }

 private:
  template <std::size_t I>
  static bool read_first(Source& source, std::variant<Ts...>& value, const Source::Mark& start) {
    if constexpr (I < sizeof...(Ts)) {
      if (read_value(source, value.template emplace<I>())) return true;
      source.rewind(start);
      return read_first<I + 1>(source, value, start);
    } else {
      return false;
    }
  }
};

template <>
struct Codec<Result<void>> : MappedIf<> {
  static void write(Sink& sink, const Result<void>& value);
  static bool read(Source& source, Result<void>& value);
};

/// {error, Reason} of a Result. True when it was one; the source is rewound otherwise.
[[nodiscard]] bool read_error(Source& source, const Source::Mark& start, Term& reason);

template <class T>
struct Codec<Result<T>> : MappedIf<T> {
  static void write(Sink& sink, const Result<T>& value) {
    sink.begin_tuple(2);
    sink.own_atom(value ? "ok" : "error");
    if (value) write_value(sink, *value);
    else sink.term(value.error().reason);
    sink.end();
  }
  static bool read(Source& source, Result<T>& value) {
    const Source::Mark start = source.mark();
    Term reason;
    if (read_error(source, start, reason)) {
      value = Error{Errc::rejected, std::move(reason)};
      return true;
    }
    Source::Mark outer;
    if (!source.enter_tuple(2, outer)) return false;
    if (!source.accept_atom("ok")) return source.fail("ok or error");
    T content{};
    if (!read_value(source, content) || !source.leave(outer)) return false;
    value = std::move(content);
    return true;
  }
};

template <class T>
  requires(!std::same_as<T, std::uint8_t>)
struct Codec<std::vector<T>> : MappedIf<T> {
  static void write(Sink& sink, const std::vector<T>& value) {
    sink.begin_list(value.size());
    for (const auto& element : value) write_value<T>(sink, element);
    sink.end();
  }
  static bool read(Source& source, std::vector<T>& value) {
    value.clear();
    std::size_t count = 0;
    Source::Mark outer;
    if (!source.enter_list(count, outer)) return false;
    value.reserve(std::min(count, reserve_max));
    for (std::size_t i = 0; i < count; ++i) {
      T element{};
      if (!read_value(source, element)) return false;
      value.push_back(std::move(element));
    }
    return source.leave(outer);
  }
};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> : MappedIf<T> {
  static void write(Sink& sink, const std::array<T, N>& value) {
    sink.begin_list(N);
    for (const T& element : value) write_value(sink, element);
    sink.end();
  }
  static bool read(Source& source, std::array<T, N>& value) {
    std::size_t count = 0;
    Source::Mark outer;
    if (!source.enter_list(count, outer)) return false;
    if (count != N) return source.fail("a list of another length");
    for (T& element : value) {
      if (!read_value(source, element)) return false;
    }
    return source.leave(outer);
  }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> : MappedIf<Ts...> {
  static void write(Sink& sink, const std::tuple<Ts...>& value) {
    sink.begin_tuple(sizeof...(Ts));
    std::apply([&](const auto&... parts) { (write_value(sink, parts), ...); }, value);
    sink.end();
  }
  static bool read(Source& source, std::tuple<Ts...>& value) {
    Source::Mark outer;
    if (!source.enter_tuple(sizeof...(Ts), outer)) return false;
    return std::apply([&](auto&... parts) { return (read_value(source, parts) && ...); }, value) &&
           source.leave(outer);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> : MappedIf<A, B> {
  static void write(Sink& sink, const std::pair<A, B>& value) {
    sink.begin_tuple(2);
    write_value(sink, value.first);
    write_value(sink, value.second);
    sink.end();
  }
  static bool read(Source& source, std::pair<A, B>& value) {
    Source::Mark outer;
    return source.enter_tuple(2, outer) && read_value(source, value.first) &&
           read_value(source, value.second) && source.leave(outer);
  }
};

template <MapLike T>
struct Codec<T> : MappedIf<typename T::key_type, typename T::mapped_type> {
  using Key = typename T::key_type;
  using Value = typename T::mapped_type;

  static void write(Sink& sink, const T& value) {
    std::vector<PendingEntry> entries;
    entries.reserve(value.size());
    for (const auto& [key, mapped] : value) entries.push_back({key_term(key), &mapped});
    sort_pending(entries);
    sink.begin_map(entries.size());
    for (const PendingEntry& entry : entries) {
      sink.term(entry.key);
      write_value(sink, *static_cast<const Value*>(entry.value));
    }
    sink.end();
  }
  static bool read(Source& source, T& value) {
    value.clear();
    std::size_t count = 0;
    Source::Mark outer;
    if (!source.enter_map(count, outer)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      Key key{};
      Value mapped{};
      if (!read_value(source, key) || !read_value(source, mapped)) return false;
      if (!value.emplace(std::move(key), std::move(mapped)).second) return source.fail("keys that differ");
    }
    return source.leave(outer);
  }

 private:
  static Term key_term(const Key& key);
};

template <Handwritten T>
struct Codec<T> : MappedIf<> {
  static void write(Sink& sink, const T& value) { sink.term(value.to_term()); }
  static bool read(Source& source, T& value) {
    Term term;
    if (!source.term(term)) return false;
    Result<T> read_back = T::from_term(term);
    if (!read_back) return source.fail(std::move(read_back).error());
    value = *std::move(read_back);
    return true;
  }
};

}  // namespace detail
}  // namespace barrel
#pragma GCC visibility pop
