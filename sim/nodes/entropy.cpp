#include "sim/nodes/entropy.hpp"

#include <gnutls/crypto.h>

#include "barrel/base/random.hpp"

namespace barrel::sim {

namespace {
thread_local Random entropy(1);
}

void seed_entropy(std::uint64_t seed) {
  entropy = Random(seed);
}

}  // namespace barrel::sim

/// Stands before the library's function of that name, for this program and for ngtcp2.
int gnutls_rnd(gnutls_rnd_level_t, void* data, std::size_t size) {
  barrel::sim::entropy.fill({static_cast<std::uint8_t*>(data), size});
  return 0;
}
