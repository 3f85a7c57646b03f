// The bytes are what a peer sends in the distribution handshake: the first one chooses our role, the framing
// and how the rest is cut.
#include <algorithm>
#include <cstdlib>

#include "dist/handshake.hpp"

namespace {

using namespace barrel;
using namespace barrel::dist;

HandshakeSetup setup_of(std::uint8_t choice) {
  HandshakeSetup setup;
  setup.role = (choice & 1) != 0 ? Role::initiator : Role::acceptor;
  setup.framing = (choice & 2) != 0   ? Framing::length16
                  : (choice & 4) != 0 ? Framing::length32
                                      : Framing::none;
  setup.self = NodeName("alice@127.0.0.1");
  // An acceptor over TCP takes every name.
  if ((choice & 9) != 8) setup.peer = "bob@127.0.0.1";
  setup.cookie = "a cookie that no input knows";
  return setup;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Handshake handshake(setup_of(data[0]), Random(data[0]));
  const auto verdict = static_cast<Verdict>(data[1] % 6);
  const std::size_t piece = 1 + (data[0] >> 2);
  BytesView bytes(data + 2, size - 2);
  HandshakeEffects effects;
  handshake.start(effects);
  while (!bytes.empty()) {
    const BytesView part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    handshake.receive(part, effects);
    handshake.answer(verdict, effects);
    handshake.delivered(effects);
  }
  for (const HandshakeEffect& effect : effects) {
    if (std::holds_alternative<HandshakeComplete>(effect)) std::abort();
  }
  return 0;
}
