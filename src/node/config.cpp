#include "barrel/node/config.hpp"

#include <unistd.h>

#include <string_view>

#include "node/config_loading.hpp"

namespace barrel {

namespace {
std::filesystem::path or_below(const std::filesystem::path& set, const std::filesystem::path& data_dir,
                               const char* name) {
  return set.empty() ? data_dir / name : set;
}
}  // namespace

std::filesystem::path NodeConfig::certificate_dir() const {
  return or_below(listen.certificate_dir, data_dir, "quic");
}
std::filesystem::path NodeConfig::key_dir() const {
  return or_below(auth.key_dir, data_dir, "keys");
}
std::filesystem::path NodeConfig::discovery_dir() const {
  return or_below(discovery.directory, data_dir, "discovery");
}

Result<> validate(const NodeConfig& config) {
  node::Problems problems;
  node::check_all(config, problems);
  if (!problems.empty()) return problems.error();
  return {};
}

std::map<std::string, std::string, std::less<>> process_environment() {
  std::map<std::string, std::string, std::less<>> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace barrel
