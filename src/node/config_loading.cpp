#include "node/config_loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "node/files.hpp"

namespace barrel::node {

namespace {

constexpr std::string_view variable_prefix = "BARREL_";
constexpr std::string_view file_variable = "BARREL_CONFIG";
// A message must stay readable, whatever was put where a value belongs.
constexpr std::size_t shown_bytes_max = 80;

std::string shown(std::string_view value) {
  std::string text = value.empty() ? std::string("(nothing)") : std::string(value.substr(0, shown_bytes_max));
  std::ranges::replace_if(text, [](char c) { return c >= 0 && (c < 0x20 || c == 0x7f); }, '?');
  if (value.size() > shown_bytes_max) text += "...";
  return text;
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string variable_of(std::string_view key) {
  std::string name(variable_prefix);
  std::ranges::transform(key, std::back_inserter(name), upper);
  return name;
}

/// Fewer than in a file, where every key is meant for us: a short name is somebody else's.
std::size_t typing_errors_in(std::string_view key) {
  return key.size() < 6 ? 0 : 2;
}

/// A rule over several keys, left out when one of them was refused already.
void check_tls(const NodeConfig::Tcp& tcp, Problems& problems) {
  if (!tcp.tls) return;
  const auto need = [&](const std::filesystem::path& path, std::string_view key, std::string_view why) {
    if (path.empty()) problems.add(fmt::format("{} is not set: {} needs it", key, why));
  };
  need(tcp.tls_certificate, "tcp_tls_certificate", "tcp_tls");
  need(tcp.tls_key, "tcp_tls_key", "tcp_tls");
  if (tcp.tls_verify) need(tcp.tls_authorities, "tcp_tls_authorities", "tcp_tls_verify");
}

void check_order(std::string_view low, std::string_view high, bool in_order, const NodeConfig& config,
                 std::string_view relation, Problems& problems) {
  if (in_order || problems.refused(low) || problems.refused(high)) return;
  problems.add(fmt::format("{} = {}: must be {} {}, which is {}", low, find_setting(low)->show(config),
                           relation, high, find_setting(high)->show(config)));
}

}  // namespace

void Problems::refuse(const Setting& setting, std::string_view value, std::string_view where) {
  keys_.insert(setting.key);
  add(fmt::format("{} = {}{}: allowed: {}", setting.key,
                  setting.secret ? std::string("(hidden)") : shown(value),
                  where.empty() ? std::string() : fmt::format(" ({})", where), setting.allowed));
}

void Problems::unknown_key(std::string_view key, std::string_view where, std::string_view shown_nearest) {
  add(fmt::format("{} ({}): no such key{}", shown(key), where,
                  shown_nearest.empty() ? std::string() : fmt::format("; did you mean {}?", shown_nearest)));
}

Error Problems::error() const {
  std::string text;
  for (const std::string& line : lines_) text.append(text.empty() ? "" : "\n").append(line);
  return Error{Errc::invalid_argument, Term(text)};
}

std::vector<GivenValue> read_environment(const std::map<std::string, std::string, std::less<>>& environment,
                                         Problems& problems) {
  std::vector<GivenValue> values;
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(variable_prefix) || name == file_variable) continue;
    std::string key = name.substr(variable_prefix.size());
    std::ranges::transform(key, key.begin(), lower);
    if (const Setting* setting = find_setting(key)) {
      values.push_back({key, text, name, setting->form});
    } else if (const std::string_view reason = unsupported_key(key); !reason.empty()) {
      problems.add(fmt::format("{}: {}", name, reason));
    } else if (const std::string_view near = nearest_key(key, typing_errors_in(key)); !near.empty()) {
      problems.unknown_key(name, "environment", variable_of(near));
    }
  }
  return values;
}

void assign_all(const std::vector<GivenValue>& values, NodeConfig& config, Problems& problems) {
  for (const GivenValue& value : values) {
    const Setting* setting = find_setting(value.key);
    if (setting == nullptr) continue;
    const bool right_form = value.form == ValueForm::scalar || value.form == setting->form;
    if (!right_form || !setting->assign(config, value.text))
      problems.refuse(*setting, value.text, value.where);
  }
}

/// Both hold a node.key. A path that is another only by a link is found when the keys are loaded.
void check_directories(const NodeConfig& config, Problems& problems) {
  const auto normal = [](const std::filesystem::path& path) { return (path / "").lexically_normal(); };
  if (normal(config.certificate_dir()) != normal(config.key_dir())) return;
  problems.add(
      fmt::format("quic_cert_dir and auth_key_dir are both {}: each holds a node.key of its own, so they "
                  "must be different directories",
                  config.key_dir().string()));
}

void check_all(const NodeConfig& config, Problems& problems) {
  for (const Setting& setting : settings()) {
    if (!problems.refused(setting.key) && !setting.valid(config))
      problems.refuse(setting, setting.show(config), {});
  }
  const auto& failure = config.failure;
  check_order("suspect_after_ms", "ping_after_ms", failure.suspect_after > failure.ping_after, config,
              "more than", problems);
  check_order("down_after_ms", "suspect_after_ms", failure.down_after > failure.suspect_after, config,
              "more than", problems);
  check_order("prwl", "arwl", config.membership.prwl <= config.membership.arwl, config, "at most", problems);
  check_tls(config.tcp, problems);
  check_directories(config, problems);
}

Result<NodeConfig> combine(const GivenFlags& flags, const ConfigSources& sources, const NodeConfig& defaults,
                           Problems problems) {
  NodeConfig config = defaults;
  std::optional<std::filesystem::path> file = flags.file;
  if (const auto variable = sources.environment.find(file_variable);
      !file && variable != sources.environment.end()) {
    file = variable->second;
  }
  if (!file) file = sources.file;
  if (file) {
    auto content = read_file(*file, config_file_bytes_max, "--config", FileKind::any);
    if (!content) return Error{Errc::io, std::move(content).error().reason};
    assign_all(read_toml(as_text(*content), file->string(), problems), config, problems);
  }
  assign_all(read_environment(sources.environment, problems), config, problems);
  assign_all(flags.values, config, problems);
  if (!problems.is_incomplete()) check_all(config, problems);
  if (!problems.empty()) return problems.error();
  return config;
}

}  // namespace barrel::node
