#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/term/big_int.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

/// The words of Erlang's notation: characters, names, strings and numbers. The first failure is kept.
class TextScanner {
 public:
  explicit TextScanner(std::string_view text) : text_(text) {}

  /// Skips white space and comments, then says whether anything is left.
  [[nodiscard]] bool more();
  [[nodiscard]] bool starts_with(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  /// Skips white space and comments, then consumes `word` if it comes next.
  bool accept(std::string_view word);
  /// The same, but fails when it does not come next.
  bool expect(std::string_view word);
  /// The character that comes next without consuming it, 0 at the end.
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void skip(std::size_t bytes) { at_ += bytes; }
  /// The rest up to `end`, which is consumed too but not returned.
  std::optional<std::string_view> until(char end);

  /// An atom's text, quoted or bare.
  std::optional<std::string> atom();
  /// A quoted atom or string: its characters, which may be surrogates.
  std::optional<std::vector<char32_t>> quoted(char quote);
  /// A number with its sign; a float or an integer.
  std::optional<Term> number();
  /// $a.
  std::optional<Term> character();
  /// Digits only.
  std::optional<std::uint64_t> whole_number(std::uint64_t max);

  /// Notes a failure here; the first one wins.
  std::nullopt_t fail(const std::string& what);
  std::nullopt_t exceed(const char* limit);
  [[nodiscard]] Error error() const { return *error_; }

 private:
  std::optional<char32_t> next_character();
  std::optional<char32_t> escape();
  std::optional<char32_t> hexadecimal_escape();
  std::optional<Term> real(std::size_t start);
  std::optional<Term> based_integer(bool negative);
  /// The digits up to something else, without underscores between them.
  std::string digits();

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

/// A plain number in `text`, all of it.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

}  // namespace barrel::detail
