#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

#include "barrel/term/mapping_codecs.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

/// How a struct becomes a tagged tuple, an atom or a map.
namespace barrel::detail {

template <class T>
concept Keyed = requires { T::keys.names.size(); };

template <class T>
constexpr std::string_view tag_of() {
  if constexpr (requires { std::string_view(T::tag); }) return T::tag;
  else return SnakeCase<T>::value;
}

template <class>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// The fields of a Keyed struct in the order of Erlang's map keys.
template <class T>
consteval auto key_order_of() {
  std::array<std::size_t, T::keys.names.size()> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [](std::size_t a, std::size_t b) { return T::keys.names[a] < T::keys.names[b]; });
  return order;
}

/// Calls f(field) with the field of that index.
template <class T, class F>
void with_field(T& value, std::size_t index, F&& f) {
  with_fields(value, [&](auto&... fields) {
    std::size_t i = 0;
    ((i++ == index ? f(fields) : void()), ...);
  });
}

template <PlainStruct T>
struct Codec<T> {
  template <class... Outer>
  static consteval bool mapped() {
    if constexpr ((std::same_as<T, Outer> || ...)) return true;
    else return fields_mapped<Outer...>(static_cast<FieldTypes<T>*>(nullptr));
  }

  static void write(Sink& sink, const T& value) {
    if constexpr (Keyed<T>) {
      write_keyed(sink, value);
    } else if constexpr (field_count<T> == 0) {
      sink.own_atom(tag_of<T>());
    } else {
      sink.begin_tuple(field_count<T> + 1);
      sink.own_atom(tag_of<T>());
      with_fields(value, [&](const auto&... fields) { (write_value(sink, fields), ...); });
      sink.end();
    }
  }

  static bool read(Source& source, T& value) {
    bool read_all = false;
    if constexpr (Keyed<T>) read_all = read_keyed(source, value);
    else if constexpr (field_count<T> == 0)
      read_all = source.accept_atom(tag_of<T>()) || source.fail("its tag");
    else read_all = read_tagged(source, value);
    return read_all || source.fail_in(tag_of<T>());
  }

 private:
  template <class... Outer, class... Fields>
  static consteval bool fields_mapped(TypeList<Fields...>*) {
    return (is_mapped<Fields, Outer..., T>() && ...);
  }

  static bool read_tagged(Source& source, T& value) {
    Source::Mark outer;
    if (!source.enter_tuple(field_count<T> + 1, outer)) return false;
    if (!source.accept_atom(tag_of<T>())) return source.fail("its tag");
    return with_fields(value, [&](auto&... fields) { return (read_value(source, fields) && ...); }) &&
           source.leave(outer);
  }

  static void write_keyed(Sink& sink, const T& value) {
    static_assert(T::keys.names.size() == field_count<T>, "keys names each field once, in order");
    static constexpr auto order = key_order_of<T>();
    sink.begin_map(order.size());
    for (const std::size_t index : order) {
      sink.own_atom(T::keys.names[index]);
      with_field(value, index, [&](const auto& field) { write_value(sink, field); });
    }
    sink.end();
  }

  static bool read_keyed(Source& source, T& value) {
    static_assert(T::keys.names.size() == field_count<T>, "keys names each field once, in order");
    constexpr std::size_t fields = field_count<T>;
    std::size_t count = 0;
    Source::Mark outer;
    if (!source.enter_map(count, outer)) return false;
    std::array<bool, fields> seen{};
    std::vector<Term> other_keys;
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t index = 0;
      while (index < fields && !source.accept_atom(T::keys.names[index])) ++index;
      if (index == fields) {
        Term ignored;
        if (!source.term(other_keys.emplace_back()) || !source.term(ignored)) return false;
        continue;
      }
      if (std::exchange(seen[index], true)) return source.fail("keys that differ");
      bool read_field = false;
      with_field(value, index, [&](auto& field) { read_field = read_value(source, field); });
      if (!read_field) return false;
    }
    if (has_duplicate(std::move(other_keys))) return source.fail("keys that differ");
    return source.leave(outer) && settle_absent(source, value, seen);
  }

  static bool settle_absent(Source& source, T& value, const std::array<bool, field_count<T>>& seen) {
    bool settled = true;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (seen[i]) continue;
      with_field(value, i, [&]<class Field>(Field& field) {
        if constexpr (is_optional<Field>) field.reset();
        else settled = source.fail("all keys");
      });
    }
    return settled;
  }
};

}  // namespace barrel::detail
#pragma GCC visibility pop
