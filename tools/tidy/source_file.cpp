#include "source_file.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace tidy {

namespace {

// Walks over C++ text and copies it with everything that is not code as spaces.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), out_(text) {}

  std::string run() {
    while (position_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    if (ahead("//")) return blank_until("\n", false);
    if (ahead("/*")) return blank_until("*/", true);
    if (ahead("R\"") && (position_ == 0 || !is_word(text_[position_ - 1]))) return blank_raw_string();
    const char c = text_[position_];
    if (c == '"') return blank_quoted('"');
    // A quote between digits only groups them: 1'000.
    if (c == '\'' && (position_ == 0 || !is_word(text_[position_ - 1]))) return blank_quoted('\'');
    ++position_;
  }

  [[nodiscard]] bool ahead(std::string_view what) const { return text_.substr(position_).starts_with(what); }

  void blank_to(std::size_t end) {
    for (; position_ < std::min(end, text_.size()); ++position_) {
      if (text_[position_] != '\n') out_[position_] = ' ';
    }
  }

  void blank_until(std::string_view stop, bool inclusive) {
    const std::size_t found = text_.find(stop, position_ + 2);
    blank_to(found == std::string_view::npos ? text_.size() : found + (inclusive ? stop.size() : 0));
  }

  void blank_quoted(char quote) {
    std::size_t end = ++position_;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    blank_to(end);
    if (position_ < text_.size()) ++position_;
  }

  void blank_raw_string() {
    const std::size_t open = text_.find('(', position_);
    if (open == std::string_view::npos) return blank_to(text_.size());
    const std::string stop = ")" + std::string(text_.substr(position_ + 2, open - position_ - 2)) + "\"";
    const std::size_t end = text_.find(stop, open);
    position_ += 2;
    blank_to(end == std::string_view::npos ? text_.size() : end + stop.size() - 1);
    if (position_ < text_.size()) ++position_;
  }

  std::string_view text_;
  std::string out_;
  std::size_t position_ = 0;
};

}  // namespace

SourceFile::SourceFile(std::string file_path, std::string text)
    : path(std::move(file_path)), raw(std::move(text)), code(blank_comments_and_literals(raw)) {}

std::size_t SourceFile::line_of(std::size_t offset) const {
  const auto end = raw.begin() + static_cast<std::ptrdiff_t>(std::min(offset, raw.size()));
  return 1 + static_cast<std::size_t>(std::count(raw.begin(), end, '\n'));
}

std::string blank_comments_and_literals(std::string_view text) {
  return Blanker(text).run();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view word_before(std::string_view text, std::size_t offset) {
  std::size_t begin = offset;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin, offset - begin);
}

std::size_t solid_before(std::string_view text, std::size_t offset) {
  return offset == 0 ? std::string_view::npos : text.find_last_not_of(" \t\r\n", offset - 1);
}

std::size_t solid_from(std::string_view text, std::size_t offset) {
  return text.find_first_not_of(" \t\r\n", offset);
}

std::size_t closing(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '{' || text[i] == '[') ++depth;
    if (text[i] == ')' || text[i] == '}' || text[i] == ']') {
      if (--depth == 0) return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace tidy
