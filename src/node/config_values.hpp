#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "node/config_settings.hpp"

namespace barrel::node {

/// The items of a text list, without spaces around them; none for a blank text.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text);

/// Decimal, nothing around it.
[[nodiscard]] inline std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Field>
[[nodiscard]] std::int64_t as_number(Field value) {
  if constexpr (std::integral<Field>) {
    return std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value) : INT64_MAX;
  } else {
    return value.count();
  }
}

/// What a setting says about itself.
struct About {
  std::string key;
  std::string meaning;
  std::string origin;
};

/// A whole number or a duration in milliseconds, of [low, high]. `field` gives the place in a (const)
/// NodeConfig.
template <class Access>
[[nodiscard]] Setting number_setting(About about, std::int64_t low, std::int64_t high, Access field) {
  using Field = std::remove_cvref_t<decltype(field(std::declval<NodeConfig&>()))>;
  constexpr bool is_duration = !std::integral<Field>;
  const auto fits = [low, high](std::int64_t value) { return value >= low && value <= high; };
  Setting setting;
  setting.key = std::move(about.key);
  setting.meaning = std::move(about.meaning);
  setting.origin = std::move(about.origin);
  setting.allowed =
      std::to_string(low) + " to " + std::to_string(high) + (is_duration ? " (milliseconds)" : "");
  setting.assign = [field, fits](NodeConfig& config, std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || !fits(*value)) return false;
    field(config) = static_cast<Field>(*value);
    return true;
  };
  setting.valid = [field, fits](const NodeConfig& config) { return fits(as_number(field(config))); };
  setting.show = [field](const NodeConfig& config) { return std::to_string(as_number(field(config))); };
  return setting;
}

/// A text for which `rule` holds; also for paths.
template <class Access>
[[nodiscard]] Setting text_setting(About about, std::string allowed, bool (*rule)(std::string_view),
                                   Access field) {
  Setting setting;
  setting.key = std::move(about.key);
  setting.meaning = std::move(about.meaning);
  setting.origin = std::move(about.origin);
  setting.allowed = std::move(allowed);
  const auto text_of = [field](const NodeConfig& config) -> std::string {
    const auto& value = field(config);
    if constexpr (requires { value.string(); }) return value.string();
    else return value;
  };
  setting.assign = [field, rule](NodeConfig& config, std::string_view text) {
    if (!rule(text)) return false;
    field(config) = std::string(text);
    return true;
  };
  setting.valid = [text_of, rule](const NodeConfig& config) { return rule(text_of(config)); };
  setting.show = text_of;
  return setting;
}

/// One of a few words.
template <class Access, class Value>
[[nodiscard]] Setting choice_setting(About about, std::vector<std::pair<std::string, Value>> choices,
                                     Access field) {
  Setting setting;
  setting.key = std::move(about.key);
  setting.meaning = std::move(about.meaning);
  setting.origin = std::move(about.origin);
  for (const auto& [word, value] : choices) setting.allowed += (setting.allowed.empty() ? "" : ", ") + word;
  const auto word_of = [field, choices](const NodeConfig& config) -> std::string {
    for (const auto& [word, value] : choices) {
      if (value == field(config)) return word;
    }
    return "?";
  };
  setting.assign = [field, choices = std::move(choices)](NodeConfig& config, std::string_view text) {
    for (const auto& [word, value] : choices) {
      if (word != text) continue;
      field(config) = value;
      return true;
    }
    return false;
  };
  setting.valid = [word_of](const NodeConfig& config) { return word_of(config) != "?"; };
  setting.show = word_of;
  return setting;
}

// The settings that need more than a range, each in its own way; defined in config_values.cpp.
[[nodiscard]] Setting name_setting();
[[nodiscard]] Setting contact_nodes_setting();
[[nodiscard]] Setting functions_allowed_nodes_setting();
[[nodiscard]] Setting backends_setting();
[[nodiscard]] Setting static_nodes_setting();
[[nodiscard]] Setting tcp_nodes_setting();
[[nodiscard]] Setting auth_enabled_setting();
[[nodiscard]] Setting cookie_only_nodes_setting();

}  // namespace barrel::node
