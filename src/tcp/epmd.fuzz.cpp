// Any bytes as each of EPMD's answers: refused, incomplete, or something that keeps its limits.
#include <cstdlib>

#include "tcp/epmd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barrel;
  const BytesView bytes{data, size};
  (void)tcp::parse_registered(bytes);
  const auto found = tcp::parse_found(bytes);
  if (found && *found && (*found)->node) {
    const tcp::EpmdNode& node = *(*found)->node;
    if (node.port == 0 || node.name.size() > tcp::epmd_name_bytes_max) std::abort();
  }
  if (found && !*found && size > tcp::epmd_found_bytes_max) std::abort();
  const auto names = tcp::parse_names(bytes);
  if (names && names->size() > size) std::abort();
  return 0;
}
