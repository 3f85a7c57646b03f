#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "barrel/term/mapping.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What a service says about itself: a map, written with atom keys as `{{"created", now}, {"load", 3}}`.
/// Immutable; copies share it.
class Metadata {
 public:
  /// One key and any mapped value; text in quotes is a binary.
  struct Entry {
    template <class T>
    Entry(Atom entry_key, const T& entry_value) : key(entry_key), value(term_of(entry_value)) {}
    Term key;
    Term value;

   private:
    template <class T>
    static Term term_of(const T& entry_value) {
      if constexpr (std::convertible_to<const T&, std::string_view>) return std::string_view(entry_value);
      else return barrel::to_term(entry_value);
    }
  };

  /// Without entries.
  Metadata() : map_(Term::map({})) {}
  Metadata(std::initializer_list<Entry> entries);

  /// The value under the atom `key`, or empty when it is absent or of another type.
  template <class T>
  [[nodiscard]] std::optional<T> get(std::string_view key) const {
    return map_.get<T>(key);
  }
  /// The map itself, which may hold keys of any kind when it came from a peer.
  [[nodiscard]] const Term& term() const noexcept { return map_; }

  [[nodiscard]] Term to_term() const { return map_; }
  /// Malformed when the term is not a map.
  [[nodiscard]] static Result<Metadata> from_term(const Term& term);

  friend bool operator==(const Metadata&, const Metadata&) = default;

 private:
  Term map_;
};

}  // namespace barrel
#pragma GCC visibility pop
