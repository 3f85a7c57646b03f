// Any bytes as an endpoint file: refused, or an address that is written and read back as the same.
#include <cstdlib>

#include "node/discovery_endpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barrel;
  const auto address = node::parse_endpoint({data, size});
  if (!address) return 0;
  const auto again = node::parse_endpoint(as_bytes(node::format_endpoint(*address)));
  if (again != address) std::abort();
  return 0;
}
