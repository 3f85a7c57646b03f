#include "sim/nodes/faulty_router.hpp"

#include <utility>

#include "sim/nodes/note.hpp"

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

Bytes encoded(const EncodablePayload& payload) {
  Bytes bytes;
  ByteWriter out(bytes);
  payload.encode(out);
  return bytes;
}

/// Of a Note.
std::optional<std::int64_t> stream_of(const Bytes& payload) {
  ByteReader reader(payload);
  const auto message = decode_etf(reader);
  if (!message || !message->is_tagged(Note::tag, 4)) return std::nullopt;
  return message->elements()[1].as_int64();
}

}  // namespace

SendOutcome FaultyRouter::send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                               SendMode mode) {
  if (fault_ == Fault::alters_texts) return send_altered(from, to, payload, mode);
  const bool is_lost = fault_ == Fault::loses_names && std::holds_alternative<NodeLocalName>(to);
  if (is_lost && ++sent_ > names_kept) return SendOutcome::sent;
  if (fault_ == Fault::swaps_messages) return send_swapped(from, to, payload, mode);
  if (fault_ == Fault::swaps_streams) return send_after_other_stream(from, to, payload, mode);
  return real_.send(from, to, payload, mode);
}

SendOutcome FaultyRouter::send_swapped(const Pid& from, const RemoteTarget& to,
                                       const EncodablePayload& payload, SendMode mode) {
  if (held_ && held_->from == from && held_->to == to) {
    const SendOutcome outcome = real_.send(from, to, payload, mode);
    release();
    return outcome;
  }
  if (held_ || ++sent_ % held_of != 0) return real_.send(from, to, payload, mode);
  held_ = Held{from, to, encoded(payload)};
  return SendOutcome::sent;
}

SendOutcome FaultyRouter::send_after_other_stream(const Pid& from, const RemoteTarget& to,
                                                  const EncodablePayload& payload, SendMode mode) {
  Held next{from, to, encoded(payload)};
  const bool swaps =
      held_ && held_->from == from && held_->to == to && stream_of(held_->payload) != stream_of(next.payload);
  if (swaps) {
    const SendOutcome outcome = real_.send(from, to, payload, mode);
    release();
    return outcome;
  }
  if (held_) release();
  held_ = std::move(next);
  return SendOutcome::sent;
}

void FaultyRouter::release() {
  const Held late = *std::exchange(held_, std::nullopt);
  (void)real_.send(late.from, late.to, Encoded(late.payload), SendMode::park);
}

SendOutcome FaultyRouter::send_altered(const Pid& from, const RemoteTarget& to,
                                       const EncodablePayload& payload, SendMode mode) {
  Bytes bytes = encoded(payload);
  if (bytes.size() > frame_bytes_most && ++sent_ % altered_of == 0) bytes.back() ^= 1U;
  return real_.send(from, to, Encoded(bytes), mode);
}

void FaultyRouter::signal(const RemoteSignal& signal) {
  using Op = RemoteSignal::Op;
  // Of the order of messages and signals nothing is taken away.
  if (fault_ == Fault::swaps_streams && held_) release();
  if (fault_ == Fault::loses_downs && signal.op == Op::down) return;
  if (fault_ == Fault::loses_name_downs && signal.op == Op::down && signal.name) return;
  if (fault_ == Fault::misleads_monitors && signal.op == Op::monitor && signal.name) {
    RemoteSignal misled = signal;
    misled.name = Atom("nobody");
    return real_.signal(misled);
  }
  if (fault_ == Fault::loses_exits && signal.op == Op::exit) return;
  if (fault_ == Fault::loses_unlinks && signal.op == Op::unlink) return;
  if (fault_ == Fault::loses_links && signal.op == Op::link) return;
  real_.signal(signal);
}

}  // namespace barrel::sim
