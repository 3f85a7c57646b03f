#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/node/config.hpp"

namespace barrel::node {

/// How a value may be written in a TOML file; on the command line and in the environment it is always one
/// text.
enum class ValueForm : std::uint8_t {
  scalar,
  list,   ///< An array; as text: items separated by commas.
  table,  ///< A table of strings; as text: name=value items separated by commas.
};

/// One key of the configuration: everything that files, environment, command line, checks and documentation
/// know of it.
struct Setting {
  std::string key;
  /// The part of NodeConfig it belongs to, for headings.
  std::string group;
  std::string meaning;
  /// What values are allowed, for people.
  std::string allowed;
  /// Where the default comes from.
  std::string origin;
  ValueForm form = ValueForm::scalar;
  /// Its value must not appear in messages.
  bool secret = false;
  /// Sets the field from text; false, changing nothing, when the text is not allowed.
  std::function<bool(NodeConfig&, std::string_view text)> assign;
  /// Whether the field's value is allowed: for configurations that were filled in by a program.
  std::function<bool(const NodeConfig&)> valid;
  /// The field's value as the text that assign() reads.
  std::function<std::string(const NodeConfig&)> show;
};

/// All of them, in the order of the documentation. Never changes.
[[nodiscard]] std::span<const Setting> settings();
/// Null when there is none of that key.
[[nodiscard]] const Setting* find_setting(std::string_view key);

/// A key of the original that means nothing here yet, and why; empty for other keys.
[[nodiscard]] std::string_view unsupported_key(std::string_view key);
/// Keys of the original that mean nothing here yet, with the reason of each.
[[nodiscard]] std::span<const std::pair<std::string_view, std::string_view>> unsupported_keys();

/// The known key that is the fewest typing errors away from `key`; empty when none is within `errors_max`.
[[nodiscard]] std::string_view nearest_key(std::string_view key, std::size_t errors_max);
/// As above, with a bound that grows with the key's length.
[[nodiscard]] std::string_view nearest_key(std::string_view key);

}  // namespace barrel::node
