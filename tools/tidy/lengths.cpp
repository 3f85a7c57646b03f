#include <algorithm>
#include <regex>
#include <string>

#include "rules.hpp"

namespace tidy {

namespace {

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

enum class Scope { space, function, braces };

// Follows the braces of a file and reports every function body that is too long.
class FunctionLengths {
 public:
  FunctionLengths(const SourceFile& file, std::vector<Violation>& out)
      : file_(file), code_(file.code), out_(out) {}

  void run() {
    blank_directives();
    for (std::size_t i = 0; i < code_.size(); ++i) step(i);
  }

 private:
  struct Open {
    Scope scope;
    std::size_t begin;
  };

  // Macros may hold unbalanced braces.
  void blank_directives() {
    bool directive = false;
    std::size_t begin = 0;
    while (begin < code_.size()) {
      const std::size_t end = std::min(code_.find('\n', begin), code_.size());
      const std::string_view line = std::string_view(code_).substr(begin, end - begin);
      const std::size_t first = line.find_first_not_of(" \t");
      directive = directive || (first != std::string_view::npos && line[first] == '#');
      const bool continues = !line.empty() && line.back() == '\\';
      if (directive) std::fill(code_.begin() + long(begin), code_.begin() + long(end), ' ');
      directive = directive && continues;
      begin = end + 1;
    }
  }

  [[nodiscard]] Scope scope() const { return stack_.empty() ? Scope::space : stack_.back().scope; }

  void step(std::size_t i) {
    const char c = code_[i];
    if (scope() != Scope::space) {
      if (c == '{') stack_.push_back({Scope::braces, i});
      if (c == '}') close(i);
      return;
    }
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    if (c == ';' && parentheses_ == 0) statement_ = i + 1;
    if (c == '{') open(i);
    if (c == '}') close(i);
  }

  void open(std::size_t i) {
    const Scope kind = classify(i);
    std::size_t begin = solid_from(code_, statement_);
    // An access specifier is not part of the function below it.
    static const std::regex specifier(R"(^(public|private|protected)\s*:\s*)");
    std::smatch match;
    const std::string text = code_.substr(begin, i - begin);
    if (std::regex_search(text, match, specifier)) begin += static_cast<std::size_t>(match.length());
    stack_.push_back({kind, begin});
    if (kind == Scope::space) statement_ = i + 1;
  }

  void close(std::size_t i) {
    if (stack_.empty()) return;
    const Open top = stack_.back();
    stack_.pop_back();
    if (top.scope == Scope::function) {
      const std::size_t length = file_.line_of(i) - file_.line_of(top.begin) + 1;
      if (length > function_lines_max) {
        out_.push_back({file_.path, file_.line_of(top.begin), "function length",
                        std::to_string(length) + " lines, at most " + std::to_string(function_lines_max)});
      }
    }
    // After the braces of an initialiser the statement goes on.
    if (top.scope != Scope::braces) statement_ = i + 1;
  }

  // What a '{' at namespace or class scope opens.
  [[nodiscard]] Scope classify(std::size_t brace) const {
    if (parentheses_ > 0) return Scope::braces;
    const std::string head = code_.substr(statement_, brace - statement_);
    static const std::regex type_or_namespace(
        R"((^|[\s>:\]])(namespace|class|struct|union|enum|extern)\b[^()]*$)");
    if (head.find('(') == std::string::npos) {
      return std::regex_search(head, type_or_namespace) || solid_from(head, 0) == std::string::npos
                 ? Scope::space
                 : Scope::braces;
    }
    if (is_member_initialiser(head)) return Scope::braces;
    // A requires-clause may stand before a class.
    static const std::regex type_with_attribute(
        R"(^\s*(template\s*<.*>\s*)?(requires\b.*)?(class|struct|union)\s)");
    if (std::regex_search(head, type_with_attribute)) return Scope::space;
    return Scope::function;
  }

  // `X() : a_{1}, b_{2} {`: true for the brace after a_ and after b_.
  [[nodiscard]] static bool is_member_initialiser(const std::string& head) {
    static const std::regex open_initialiser(
        R"(\)\s*(noexcept\s*)?:[^:](.*[,}\)\s])?\s*[\w:]+(<[^{}]*>)?\s*$)");
    static const std::regex finished(R"((\)|\}|\bconst|\bnoexcept|\boverride|\bfinal)\s*$)");
    return !std::regex_search(head, finished) && std::regex_search(flat(head), open_initialiser);
  }

  // ECMAScript's '.' does not match a newline.
  [[nodiscard]] static std::string flat(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  const SourceFile& file_;
  std::string code_;
  std::vector<Violation>& out_;
  std::vector<Open> stack_;
  std::size_t statement_ = 0;
  int parentheses_ = 0;
};

}  // namespace

void check_lengths(const SourceFile& file, std::vector<Violation>& out) {
  const auto lines = lines_of(file.raw);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const std::size_t width = columns(lines[i]); width > columns_max) {
      out.push_back({file.path, i + 1, "line length",
                     std::to_string(width) + " columns, at most " + std::to_string(columns_max)});
    }
  }
  if (lines.size() > file_lines_max) {
    out.push_back({file.path, lines.size(), "file length",
                   std::to_string(lines.size()) + " lines, at most " + std::to_string(file_lines_max)});
  }
  FunctionLengths(file, out).run();
}

}  // namespace tidy
