// Any text as a configuration file: it is refused with a message, or gives a configuration that validates.
#include <cstdlib>

#include "node/config_loading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barrel;
  if (size > node::config_file_bytes_max) return 0;
  node::Problems problems;
  NodeConfig config;
  config.name = "fuzz@127.0.0.1";
  const auto values = node::read_toml(as_text({data, size}), "fuzz.toml", problems);
  node::assign_all(values, config, problems);
  node::check_all(config, problems);
  if (problems.empty() != validate(config).has_value() && problems.empty()) std::abort();
  if (!problems.empty()) (void)problems.error();
  return 0;
}
