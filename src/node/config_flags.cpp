#include "barrel/node/config_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "node/config_loading.hpp"

namespace barrel {

using node::Setting;

/// What CLI11 writes into, at fixed addresses.
struct ConfigFlags::Given {
  struct Flag {
    const Setting* setting;
    std::string text;
    CLI::Option* option = nullptr;
  };
  std::deque<Flag> flags;
  std::string file;
  CLI::Option* file_option = nullptr;

  [[nodiscard]] node::GivenFlags given() const {
    node::GivenFlags given;
    for (const Flag& flag : flags) {
      if (flag.option->count() == 0) continue;
      given.values.push_back({flag.setting->key, flag.text, "--" + flag.setting->key, flag.setting->form});
    }
    if (file_option->count() > 0) given.file = file;
    return given;
  }
};

ConfigFlags::ConfigFlags(CLI::App& app) : given_(std::make_unique<Given>()) {
  given_->file_option = app.add_option("--config", given_->file, "TOML file with settings")->group("Node");
  for (const Setting& setting : node::settings()) {
    auto& flag = given_->flags.emplace_back(&setting, std::string(), nullptr);
    std::string names = "--" + setting.key;
    if (std::string dashed = setting.key; dashed.find('_') != std::string::npos) {
      std::ranges::replace(dashed, '_', '-');
      names += ",--" + dashed;
    }
    flag.option = app.add_option(names, flag.text, setting.meaning + " Allowed: " + setting.allowed + ".")
                      ->group(setting.group)
                      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

ConfigFlags::~ConfigFlags() = default;

Result<NodeConfig> ConfigFlags::load(const NodeConfig& defaults) const {
  ConfigSources sources;
  sources.environment = process_environment();
  return node::combine(given_->given(), sources, defaults, {});
}

namespace {

/// Arguments that no flag took.
void report_extras(const std::vector<std::string>& extras, node::Problems& problems) {
  for (const std::string& extra : extras) {
    if (!extra.starts_with("--")) {
      problems.add(extra + " (command line): not a flag");
      continue;
    }
    std::string key = extra.substr(2, extra.find('=') - 2);
    std::ranges::replace(key, '-', '_');
    if (const auto reason = node::unsupported_key(key); !reason.empty()) {
      problems.add(extra + " (command line): " + std::string(reason));
      continue;
    }
    const auto nearest = node::nearest_key(key);
    problems.unknown_key(extra, "command line", nearest.empty() ? "" : "--" + std::string(nearest));
  }
}

}  // namespace

Result<NodeConfig> load_config(const ConfigSources& sources, const NodeConfig& defaults) {
  CLI::App app{"Barrel"};
  app.allow_extras();
  const ConfigFlags flags(app);
  node::Problems problems;
  try {
    // CLI11 takes them from the back.
    std::vector<std::string> reversed(sources.arguments.rbegin(), sources.arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return Error{Errc::exited, Term(Atom("help"))};
  } catch (const CLI::Error& error) {
    problems.unreadable(std::string("command line: ") + error.what());
    return node::combine({}, sources, defaults, std::move(problems));  // no flag has got its value
  }
  report_extras(app.remaining(), problems);
  return node::combine(flags.given_->given(), sources, defaults, std::move(problems));
}

Result<NodeConfig> load_config(int argc, const char* const* argv, const NodeConfig& defaults) {
  ConfigSources sources;
  for (int i = 1; i < argc; ++i) sources.arguments.emplace_back(argv[i]);
  sources.environment = process_environment();
  return load_config(sources, defaults);
}

}  // namespace barrel
