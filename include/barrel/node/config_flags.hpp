#pragma once

#include <memory>

#include "barrel/node/config.hpp"

namespace CLI {
class App;
}

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Adds Barrel's settings to a program's own CLI11 command line, in groups of their own in `--help`:
///
///     CLI::App app{"chat"};
///     ConfigFlags flags(app);
///     CLI11_PARSE(app, argc, argv);
///     auto config = flags.load();
class ConfigFlags {
 public:
  /// `app` must outlive this. Flags are `--listen_port` and `--listen-port` alike, and `--config FILE`.
  explicit ConfigFlags(CLI::App& app);
  ~ConfigFlags();
  ConfigFlags(const ConfigFlags&) = delete;
  ConfigFlags& operator=(const ConfigFlags&) = delete;

  /// After app.parse(): the flags that were given over this process's environment over the file over
  /// `defaults`, as load_config().
  [[nodiscard]] Result<NodeConfig> load(const NodeConfig& defaults = {}) const;

 private:
  friend Result<NodeConfig> load_config(const ConfigSources& sources, const NodeConfig& defaults);
  struct [[gnu::visibility("hidden")]] Given;
  std::unique_ptr<Given> given_;
};

}  // namespace barrel
#pragma GCC visibility pop
