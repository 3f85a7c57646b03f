#include <fmt/format.h>

#include <utility>

namespace {
/// Thrown where toml++ 3.3 finds its own assumptions broken, as by `[.x]` or `[[[`: it would abort there, or
/// in release builds run into undefined behaviour. Caught below, before it leaves this file.
struct ParserLost {};
[[noreturn]] void parser_lost() {
  throw ParserLost();
}
}  // namespace

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(expression) (static_cast<bool>(expression) ? static_cast<void>(0) : parser_lost())
// With it, the library would turn its assertions into promises to the compiler.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "node/config_loading.hpp"

namespace barrel::node {

namespace {

std::string place(const std::string& file_name, const toml::source_region& source) {
  return fmt::format("{}, line {}", file_name, source.begin.line);
}

// toml++ 3.3 runs into undefined behaviour when it looks whether some letters (U+0424) are white space. So it
// sees ASCII only: other bytes travel as ~hh~, and so does ~ itself. Outside strings and comments, where TOML
// has neither, both are the same syntax error.

std::string to_ascii(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string ascii;
  ascii.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x80 && c != '~') ascii += c;
    else ascii += fmt::format("~{:02x}~", byte);
  }
  return ascii;
}

std::string from_ascii(std::string_view ascii) {
  std::string text;
  for (std::size_t at = 0; at < ascii.size(); ++at) {
    const bool is_code = ascii[at] == '~' && at + 3 < ascii.size() && ascii[at + 3] == '~';
    const auto byte = is_code ? from_hex(ascii.substr(at + 1, 2)) : std::nullopt;
    text += byte ? static_cast<char>(byte->front()) : ascii[at];
    if (byte) at += 3;
  }
  return text;
}

/// A plain value as the text that a setting reads; nothing for arrays, tables, dates.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return from_ascii(text->get());
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  return std::nullopt;
}

void append_item(std::string& text, const std::string& item) {
  text.append(text.empty() ? "" : ",").append(item);
}

std::optional<GivenValue> value_of(const Setting& setting, const toml::node& node) {
  GivenValue value;
  value.key = setting.key;
  if (auto text = scalar_text(node)) {
    value.text = std::move(*text);
    return value;
  }
  if (const toml::array* array = node.as_array()) {
    value.form = ValueForm::list;
    for (const toml::node& item : *array) {
      auto text = scalar_text(item);
      // An item with a comma would become two.
      if (!text || text->find(',') != std::string::npos) return std::nullopt;
      append_item(value.text, *text);
    }
    return value;
  }
  if (const toml::table* table = node.as_table()) {
    value.form = ValueForm::table;
    for (const auto& [name, item] : *table) {
      auto text = scalar_text(item);
      if (!text || text->find(',') != std::string::npos) return std::nullopt;
      append_item(value.text, fmt::format("{}={}", name.str(), *text));
    }
    return value;
  }
  return std::nullopt;
}

std::optional<toml::table> parse(std::string_view text, const std::string& file_name, Problems& problems) {
  try {
    return toml::parse(to_ascii(text), file_name);
  } catch (const toml::parse_error& error) {
    problems.unreadable(
        fmt::format("{}: {}", place(file_name, error.source()), from_ascii(error.description())));
  } catch (const ParserLost&) {
    problems.unreadable(
        fmt::format("{}: not valid TOML; look for a [table] header that does not name a key", file_name));
  }
  return std::nullopt;
}

}  // namespace

std::vector<GivenValue> read_toml(std::string_view text, const std::string& file_name, Problems& problems) {
  std::vector<GivenValue> values;
  const std::optional<toml::table> parsed = parse(text, file_name, problems);
  if (!parsed) return values;
  for (const auto& [key, node] : *parsed) {
    const std::string where = place(file_name, node.source());
    const Setting* setting = find_setting(key.str());
    if (setting == nullptr) {
      if (const auto reason = unsupported_key(key.str()); !reason.empty()) {
        problems.add(fmt::format("{} ({}): {}", key.str(), where, reason));
      } else {
        problems.unknown_key(from_ascii(key.str()), where, nearest_key(key.str()));
      }
      continue;
    }
    auto value = value_of(*setting, node);
    if (!value) {
      problems.refuse(*setting, "a value of another kind", where);
      continue;
    }
    value->where = where;
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace barrel::node
