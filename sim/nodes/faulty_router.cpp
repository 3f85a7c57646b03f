#include "sim/nodes/faulty_router.hpp"

#include <utility>

namespace barrel::sim {

namespace {

/// One message in so many is held back.
constexpr std::uint64_t held_of = 10;
/// One in so many is altered.
constexpr std::uint64_t altered_of = 10;
/// What is longer ends with its text.
constexpr std::size_t frame_bytes_most = 24;
/// So many messages to names leave the node.
constexpr std::uint64_t names_kept = 5;

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
  if (fault_ == Fault::alters_texts) return send_altered(from, to, payload, mode);
  const bool is_lost = fault_ == Fault::loses_names && std::holds_alternative<NodeLocalName>(to);
  if (is_lost && ++sent_ > names_kept) return SendOutcome::sent;
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

SendOutcome FaultyRouter::send_altered(const Pid& from, const RemoteTarget& to,
                                       const EncodablePayload& payload, SendMode mode) {
  Bytes bytes;
  ByteWriter out(bytes);
  payload.encode(out);
  if (bytes.size() > frame_bytes_most && ++sent_ % altered_of == 0) bytes.back() ^= 1U;
  return real_.send(from, to, Encoded(bytes), mode);
}

void FaultyRouter::signal(const RemoteSignal& signal) {
  using Op = RemoteSignal::Op;
  if (fault_ == Fault::loses_downs && signal.op == Op::down) return;
  if (fault_ == Fault::loses_exits && signal.op == Op::exit) return;
  if (fault_ == Fault::loses_links && signal.op == Op::link) return;
  real_.signal(signal);
}

}  // namespace barrel::sim
