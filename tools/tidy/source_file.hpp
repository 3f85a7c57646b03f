#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

/// One broken rule at one place.
struct Violation {
  std::string path;
  std::size_t line;
  std::string rule;
  std::string text;
};

/// A file of the project as the rules see it.
struct SourceFile {
  /// Relative to the project's root, with '/'.
  std::string path;
  std::string raw;
  /// `raw` with comments and the insides of string and character literals as spaces; every offset and line is
  /// the same.
  std::string code;

  SourceFile(std::string file_path, std::string text);

  /// The 1-based line that holds this offset.
  [[nodiscard]] std::size_t line_of(std::size_t offset) const;
  [[nodiscard]] bool is_header() const { return path.ends_with(".hpp"); }
  [[nodiscard]] bool is_unit_test() const { return path.ends_with(".test.cpp"); }
  [[nodiscard]] bool under(std::string_view folder) const { return path.starts_with(folder); }
};

/// The text with comments and literals blanked, newlines kept.
[[nodiscard]] std::string blank_comments_and_literals(std::string_view text);

/// The text's lines without their line ends.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

[[nodiscard]] bool is_word(char c);
/// The word that ends just before `offset`, or empty.
[[nodiscard]] std::string_view word_before(std::string_view text, std::size_t offset);
/// The offset of the last character before `offset` that is not white space, or npos.
[[nodiscard]] std::size_t solid_before(std::string_view text, std::size_t offset);
/// The offset of the first character from `offset` on that is not white space, or npos.
[[nodiscard]] std::size_t solid_from(std::string_view text, std::size_t offset);
/// The offset of the bracket that closes the one at `open`, or npos.
[[nodiscard]] std::size_t closing(std::string_view text, std::size_t open);

}  // namespace tidy
