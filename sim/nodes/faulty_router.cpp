#include "sim/nodes/faulty_router.hpp"

#include <utility>

namespace barrel::sim {

namespace {

/// One message in so many is held back.
constexpr std::uint64_t held_of = 10;

class Encoded final : public EncodablePayload {
 public:
  explicit Encoded(const Bytes& bytes) : bytes_(bytes) {}
  void encode(ByteWriter& out) const override { out.bytes(bytes_); }

 private:
  const Bytes& bytes_;
};

}  // namespace

SendOutcome FaultyRouter::send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                               SendMode mode) {
  if (fault_ != Fault::swaps_messages) return real_.send(from, to, payload, mode);
  if (held_ && held_->from == from && held_->to == to) {
    const SendOutcome outcome = real_.send(from, to, payload, mode);
    const Held late = *std::exchange(held_, std::nullopt);
    (void)real_.send(late.from, late.to, Encoded(late.payload), SendMode::park);
    return outcome;
  }
  if (held_ || ++sent_ % held_of != 0) return real_.send(from, to, payload, mode);
  Held held{from, to, {}};
  ByteWriter out(held.payload);
  payload.encode(out);
  held_ = std::move(held);
  return SendOutcome::sent;
}

void FaultyRouter::signal(const RemoteSignal& signal) {
  if (fault_ == Fault::loses_downs && signal.op == RemoteSignal::Op::down) return;
  real_.signal(signal);
}

}  // namespace barrel::sim
