// The bytes are messages of an authenticated peer to the names of Erlang's kernel, one after the other:
// `name:8 length:16 term`. Whatever they say, those processes live on, and answer nobody but the peer.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "barrel/term/etf.hpp"
#include "node/io_server.hpp"
#include "node/rpc_server.hpp"
#include "process/fuzz_runtime.hpp"

namespace {

using namespace barrel;

const NodeName self{"me@h"};
const NodeName peer{"you@h"};

/// The node that asks is the one that is answered, whatever the message says.
void check_receiver(const RemoteTarget& to) {
  if (node_of(to) != peer) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::FuzzRuntime runtime(self, &check_receiver);
  const std::array<Pid, 2> kernel{runtime->spawn(&node::rex), runtime->spawn(&node::net_kernel)};
  const auto context = std::make_shared<DecodeContext>();
  ByteReader in({data, size});
  while (in.remaining() >= 3) {
    const std::uint8_t name = in.u8();
    const BytesView bytes = in.take(std::min<std::size_t>(in.u16(), in.remaining()));
    if (name % 3 == 2) {
      if (const auto message = decode_etf(bytes)) (void)node::answer_io(*message, self);
    } else {
      node::KernelMessage message;
      message.peer = peer;
      message.payload = SharedBytes(Bytes(bytes.begin(), bytes.end()));
      message.context = context;
      message.bytes = bytes.size();
      (void)runtime->send(kernel.at(name % 3), std::move(message));
    }
    runtime->run_until_idle();
  }
  for (const Pid& pid : kernel) {
    if (!runtime->is_alive(pid)) std::abort();
  }
  return 0;
}
