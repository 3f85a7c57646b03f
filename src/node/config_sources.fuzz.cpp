// Each line is an argument of the command line, or behind a `$` a variable of the environment, `NAME=value`:
// they are refused with a message, or give a configuration that validates.
#include <cstdlib>

#include "barrel/base/bytes.hpp"
#include "barrel/node/config.hpp"

namespace {

using namespace barrel;

/// What reads a file, or prints the help to standard output.
bool is_left_out(std::string_view line) {
  return line.starts_with("--config") || line.starts_with("-h") || line.starts_with("--help") ||
         line.starts_with("$BARREL_CONFIG=");
}

ConfigSources sources_of(std::string_view text) {
  ConfigSources sources;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (is_left_out(line)) continue;
    const std::size_t equals = line.find('=');
    if (!line.starts_with('$')) sources.arguments.emplace_back(line);
    else if (equals != std::string_view::npos)
      sources.environment.insert_or_assign(std::string(line.substr(1, equals - 1)), line.substr(equals + 1));
  }
  return sources;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t input_bytes_max = 4096;  // each argument is compared with every key
  if (size > input_bytes_max) return 0;
  NodeConfig defaults;
  defaults.name = "fuzz@127.0.0.1";
  const auto config = load_config(sources_of(as_text({data, size})), defaults);
  if (config && !validate(*config)) std::abort();
  if (!config && config.error().message().empty()) std::abort();
  return 0;
}
