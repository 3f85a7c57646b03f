#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/node/config.hpp"
#include "node/config_settings.hpp"

namespace barrel::node {

/// Longest configuration file read.
inline constexpr std::size_t config_file_bytes_max = 1U << 20;

/// One value as found in a source.
struct GivenValue {
  std::string key;
  std::string text;
  /// For messages: "barrel.toml, line 3", "BARREL_LISTEN_PORT", "--listen_port".
  std::string where;
  ValueForm form = ValueForm::scalar;
};

/// Collects what is wrong, so that everything is reported at once.
class Problems {
 public:
  void add(std::string line) { lines_.push_back(std::move(line)); }
  /// A value that is not allowed; a later add() for the key by validation would only repeat it.
  void refuse(const Setting& setting, std::string_view value, std::string_view where);
  void unknown_key(std::string_view key, std::string_view where, std::string_view shown_nearest);
  /// A source that could not be read to its end: what it would have set must not be called missing.
  void unreadable(std::string line) {
    add(std::move(line));
    is_incomplete_ = true;
  }
  [[nodiscard]] bool is_incomplete() const { return is_incomplete_; }
  [[nodiscard]] bool refused(std::string_view key) const { return keys_.contains(key); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  /// Errc::invalid_argument with all lines as text.
  [[nodiscard]] Error error() const;

 private:
  std::vector<std::string> lines_;
  std::set<std::string, std::less<>> keys_;
  bool is_incomplete_ = false;
};

/// The values of a TOML text, which may be anything; unknown keys and wrong forms become problems.
[[nodiscard]] std::vector<GivenValue> read_toml(std::string_view text, const std::string& file_name,
                                                Problems& problems);
/// The values of BARREL_<KEY> variables. Another variable with the prefix is taken for a typing error, and so
/// a problem, when it nearly is a known one, and is somebody else's otherwise.
[[nodiscard]] std::vector<GivenValue> read_environment(
    const std::map<std::string, std::string, std::less<>>& environment, Problems& problems);

/// Sets every value in order; what is not allowed becomes a problem.
void assign_all(const std::vector<GivenValue>& values, NodeConfig& config, Problems& problems);
/// Checks every field that was not refused before, and how they fit together.
void check_all(const NodeConfig& config, Problems& problems);

/// What a command line says.
struct GivenFlags {
  std::vector<GivenValue> values;
  std::optional<std::filesystem::path> file;
};
/// Flags over environment over file over defaults, checked.
[[nodiscard]] Result<NodeConfig> combine(const GivenFlags& flags, const ConfigSources& sources,
                                         const NodeConfig& defaults, Problems problems);

}  // namespace barrel::node
