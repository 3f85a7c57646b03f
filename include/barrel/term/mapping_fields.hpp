#pragma once

#include <array>
#include <string_view>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)  // exported by the shared library

/// What the mapping needs to know about a struct that nobody described: how many fields it has, their types,
/// its name.
namespace barrel::detail {

/// Converts to the type of any field, so that trying how many of them an aggregate takes counts its fields.
template <class Owner>
struct AnyField {
  template <class T>
    requires(!std::is_same_v<T, Owner>)
  operator T() const noexcept {
    // Never called; Clang wants a body where the owner is local to a file.
    std::unreachable();
  }
};

inline constexpr std::size_t fields_max = 16;

template <class T, class... Fields>
consteval std::size_t count_fields() {
  if constexpr (sizeof...(Fields) <= fields_max && requires { T{Fields{}..., AnyField<T>{}}; })
    return count_fields<T, Fields..., AnyField<T>>();
  else return sizeof...(Fields);
}

template <class T>
inline constexpr std::size_t field_count = count_fields<std::remove_const_t<T>>();

/// Calls use(field1, field2, ...) with references to the fields of an aggregate.
template <class T, class F>
constexpr decltype(auto) with_fields(T& value, F&& use) {
  constexpr std::size_t count = field_count<T>;
  static_assert(count <= fields_max,
                "a mapped struct has at most 16 fields: group some of them in a struct of their own");
  if constexpr (count == 0) {
    return std::forward<F>(use)();
  } else if constexpr (count == 1) {
    auto& [a] = value;
    return std::forward<F>(use)(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = value;
    return std::forward<F>(use)(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = value;
    return std::forward<F>(use)(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = value;
    return std::forward<F>(use)(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = value;
    return std::forward<F>(use)(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = value;
    return std::forward<F>(use)(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return std::forward<F>(use)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

template <class... Ts>
struct TypeList {};

/// The types of the fields.
template <class T>
using FieldTypes = decltype(with_fields(std::declval<T&>(), [](auto&... fields) {
  return TypeList<std::remove_cvref_t<decltype(fields)>...>{};
}));

template <class T>
consteval std::string_view signature_of() {
  return __PRETTY_FUNCTION__;
}

/// The name of T without namespaces, enclosing classes and template arguments.
template <class T>
consteval std::string_view bare_type_name() {
  std::string_view name = signature_of<T>();
  name.remove_prefix(name.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  if (name.ends_with('>')) {
    std::size_t depth = 0;
    std::size_t at = name.size();
    do {
      --at;
      if (name[at] == '>') ++depth;
      if (name[at] == '<') --depth;
    } while (depth != 0);
    name = name.substr(0, at);
  }
  const auto part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::size_t start = name.size();
  while (start > 0 && part(name[start - 1])) --start;
  return name.substr(start);
}

/// bare_type_name() in snake_case: ChatMessage is chat_message, HTTPServer is http_server.
template <class T>
struct SnakeCase {
  static consteval auto make() {
    constexpr std::string_view name = bare_type_name<T>();
    std::pair<std::array<char, name.size() * 2 + 1>, std::size_t> out{};
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    for (std::size_t i = 0; i < name.size(); ++i) {
      const bool lower_before = i > 0 && !upper(name[i - 1]) && name[i - 1] != '_';
      const bool lower_after = i > 0 && upper(name[i - 1]) && i + 1 < name.size() && lower(name[i + 1]);
      if (upper(name[i]) && (lower_before || lower_after)) out.first[out.second++] = '_';
      out.first[out.second++] = upper(name[i]) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
    return out;
  }
  static constexpr auto stored = make();
  static constexpr std::string_view value{stored.first.data(), stored.second};
};

}  // namespace barrel::detail
#pragma GCC visibility pop
