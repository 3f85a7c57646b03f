#include <algorithm>
#include <regex>
#include <set>

#include "rules.hpp"

namespace tidy {

namespace {

// A member of one of these types makes its aggregate own memory.
const std::regex& owning_member() {
  static const std::regex pattern(
      R"(\b(std::)?(string|vector|map|set|unordered_map|unordered_set|deque)\b)"
      R"(|\b(std::)?(function|shared_ptr|unique_ptr|any)\b)"
      R"(|\b(Term|Bytes|SharedBytes|BigInt|Error|Charlist|Binary|Task)\b|\bResult<)");
  return pattern;
}

bool is_control(std::string_view word) {
  static const std::set<std::string_view> words{"if", "while", "switch", "for"};
  return words.contains(word);
}

struct Range {
  std::size_t begin;
  std::size_t end;
};

// The start of the full expression that holds the co_await at `position`, and whether a control statement's
// parenthesis bounds it.
std::size_t expression_begin(std::string_view code, std::size_t position) {
  int depth = 0;
  for (std::size_t i = position; i-- > 0;) {
    const char c = code[i];
    if (c == ')' || c == ']') ++depth;
    if (c == '}') {
      const std::size_t next = solid_from(code, i + 1);
      const bool is_block =
          depth == 0 && (next == std::string_view::npos ||
                         std::string_view(".,):?").find(code[next]) == std::string_view::npos);
      if (is_block) return i + 1;
      ++depth;
    }
    if (depth == 0 && c == ';') return i + 1;
    if (c == '(' || c == '[' || c == '{') {
      if (depth > 0) {
        --depth;
        continue;
      }
      const std::size_t before = solid_before(code, i);
      const std::string_view word = before == std::string_view::npos ? "" : word_before(code, before + 1);
      if (c == '(' && is_control(word)) return i + 1;
      // A block's brace follows ')', ';', a keyword or nothing; an initialiser's follows a name.
      static const std::set<std::string_view> keywords{"else",     "do",       "try",    "const",
                                                       "noexcept", "override", "mutable"};
      const bool initialiser = !word.empty() && !keywords.contains(word);
      if (c == '{' && !initialiser) return i + 1;
    }
  }
  return 0;
}

std::size_t expression_end(std::string_view code, std::size_t position) {
  int depth = 0;
  for (std::size_t i = position; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '(' || c == '[' || c == '{') {
      // `while (auto x = co_await f()) {`: the expression ended at the parenthesis.
      if (c == '{' && depth < 0) return i;
      ++depth;
    }
    if (c == ')' || c == ']' || c == '}') --depth;
    if (depth <= 0 && c == ';') return i;
    if (depth < 0 && c == '}') return i;
  }
  return code.size();
}

std::vector<std::string> split(const std::string& text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool holds_value(std::string_view inside) {
  return solid_from(inside, 0) != std::string_view::npos;
}

// `{.retries = 3}` and `{5s, true}` own nothing.
bool only_literals(const std::string& inside) {
  static const std::regex literal(
      R"((\s|,|\.\w+\s*=|\d[\w'.]*|true|false|nullptr|-|\w+::\w+(?=\s*[,}]|\s*$))*)");
  return std::regex_match(inside, literal);
}

void check_braces(const SourceFile& file, const Aggregates& aggregates, Range range, std::size_t open,
                  std::vector<Violation>& out) {
  const std::string_view code = file.code;
  const std::size_t close = closing(code, open);
  if (close == std::string_view::npos || close > range.end) return;
  const std::string inside(code.substr(open + 1, close - open - 1));
  const std::size_t before = solid_before(code, open);
  if (!holds_value(inside) || before == std::string_view::npos) return;
  std::string type(word_before(code, before + 1));
  const std::size_t line = file.line_of(open);
  if (code[before] == '(' || code[before] == ',') {
    if (!only_literals(inside)) {
      out.push_back(
          {file.path, line, "co_await", "name the braced temporary before the statement with co_await"});
    }
  } else if (aggregates.owning(type)) {
    out.push_back({file.path, line, "co_await", "name the " + type + " before the statement with co_await"});
  }
}

void check_expression(const SourceFile& file, const Aggregates& aggregates, Range range,
                      std::vector<Violation>& out) {
  const std::string_view code = file.code;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (code[i] == '{') check_braces(file, aggregates, range, i, out);
    if (code[i] != '[') continue;
    const std::size_t before = solid_before(code, i);
    const bool subscript =
        before != std::string_view::npos &&
        (is_word(code[before]) || code[before] == ')' || code[before] == ']' || code[before] == '[');
    const std::size_t close = closing(code, i);
    const bool attribute = i + 1 < code.size() && code[i + 1] == '[';
    if (subscript || attribute || close == std::string_view::npos) continue;
    const std::size_t after = solid_from(code, close + 1);
    const bool lambda = after != std::string_view::npos && (code[after] == '(' || code[after] == '{');
    if (lambda && holds_value(code.substr(i + 1, close - i - 1))) {
      out.push_back(
          {file.path, file.line_of(i), "co_await", "name the lambda before the statement with co_await"});
    }
  }
}

}  // namespace

void Aggregates::add(const SourceFile& file) {
  static const std::regex definition(R"(\bstruct\s+(\w+)\s*(final\s*)?\{)");
  const std::string& code = file.code;
  for (std::sregex_iterator it(code.begin(), code.end(), definition), end; it != end; ++it) {
    const std::string name = (*it)[1];
    const auto open = static_cast<std::size_t>(it->position() + it->length() - 1);
    const std::size_t close = closing(code, open);
    if (close != std::string::npos) bodies_[name] += code.substr(open + 1, close - open - 1);
  }
}

bool Aggregates::owning(const std::string& type) const {
  const auto found = bodies_.find(type);
  if (found == bodies_.end()) return false;
  const std::string& body = found->second;
  if (std::regex_search(body, std::regex("(^|[^~\\w:])" + type + R"(\s*\()")))
    return false;  // has a constructor
  static const std::regex not_a_member(R"(^\s*(using|static|friend|template|return|constexpr)\b)");
  static const std::regex word(R"(\w+)");
  for (const std::string& statement : split(body, ";{}")) {
    const bool function =
        statement.find('(') != std::string::npos && statement.find("std::function") == std::string::npos;
    if (function || std::regex_search(statement, not_a_member)) continue;
    const std::string declared = statement.substr(0, statement.find('='));
    if (std::regex_search(declared, owning_member())) return true;
    for (std::sregex_iterator it(declared.begin(), declared.end(), word), end; it != end; ++it) {
      if (it->str() != type && owning(it->str())) return true;
    }
  }
  return false;
}

void check_co_await(const SourceFile& file, const Aggregates& aggregates, std::vector<Violation>& out) {
  static const std::string keyword = "co_await";
  const std::string_view code = file.code;
  std::size_t checked = 0;
  for (std::size_t at = code.find(keyword); at != std::string_view::npos; at = code.find(keyword, at + 1)) {
    const bool whole = (at == 0 || !is_word(code[at - 1])) && !is_word(code[at + keyword.size()]);
    if (!whole || at < checked) continue;
    const Range range{expression_begin(code, at), expression_end(code, at)};
    check_expression(file, aggregates, range, out);
    checked = range.end;
  }
}

}  // namespace tidy
