// The bytes are what a Barrel node says of itself behind the handshake: whatever is understood keeps the
// limits that this side promises to keep, and is read again as the same when this side says it.
#include <algorithm>
#include <cstdlib>

#include "dist/capabilities.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using barrel::dist::Capabilities;
  auto told = barrel::dist::decode_capabilities({data, size});
  if (!told) return 0;
  if (told->version == 0 || told->features.size() > Capabilities::features_max) std::abort();
  if (!std::ranges::is_sorted(told->features)) std::abort();
  for (const std::string& feature : told->features) {
    if (feature.size() > Capabilities::feature_bytes_max || !told->has(feature)) std::abort();
  }
  // Written anew it has every key, so that what is nearly too long would not fit.
  if (size > Capabilities::bytes_max / 2) return 0;
  told->features_left_out = 0;  // is not said
  const auto again = barrel::dist::decode_capabilities(barrel::dist::encode_capabilities(*told));
  if (!again || *again != *told) std::abort();
  return 0;
}
