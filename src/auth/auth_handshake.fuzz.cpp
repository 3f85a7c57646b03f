// The bytes are what a peer sends on its authentication stream: the first one chooses our role and how the
// rest is cut.
#include <cstdlib>

#include "auth/handshake.hpp"
#include "auth/test_pair.hpp"

namespace {

using namespace barrel;
using namespace barrel::auth;

void drive(HandshakeSetup setup, BytesView bytes, std::size_t piece) {
  auth::testing::Side side(std::move(setup));
  const Moment now = auth::testing::moment_at(1'700'000'000'000);
  side.start(now);
  while (!bytes.empty()) {
    const BytesView part = bytes.first(std::min(piece, bytes.size()));
    side.receive(part, now);
    bytes = bytes.subspan(part.size());
  }
  // Nobody but the holder of a key can answer a challenge, and the recorded handshakes of the corpus answer
  // another one than ours.
  if (side.authenticated() != nullptr) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auth::testing::Nodes nodes;
  if (size < 1) return 0;
  const BytesView bytes(data + 1, size - 1);
  const std::size_t piece = 1 + (data[0] >> 1);
  HandshakeSetup setup = (data[0] & 1) != 0 ? nodes.client() : nodes.server();
  setup.nonce = auth::testing::nonce_of(0xc3);
  drive(std::move(setup), bytes, piece);
  return 0;
}
