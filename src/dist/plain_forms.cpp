#include "dist/plain_forms.hpp"

#include "barrel/base/assert.hpp"
#include "dist/envelope.hpp"

namespace barrel::dist {
namespace {

constexpr std::uint8_t send_plain = 2;
constexpr std::uint8_t monitor = 19;
constexpr std::uint8_t demonitor = 20;
constexpr std::uint8_t send_sender = 22;
constexpr std::uint8_t spawn_request = 29;

/// The operation with its reason in the tuple, of one whose reason stands behind it; 0 for all others.
constexpr std::uint8_t with_reason_inside(std::uint8_t operation) {
  switch (operation) {
    case 24: return 3;
    case 26: return 8;
    case 28: return 21;
    default: return 0;
  }
}

/// `112 131 Control [131 Payload]` taken apart.
struct Parts {
  std::uint8_t arity = 0;
  std::uint8_t operation = 0;
  BytesView elements;  // without the operation
  BytesView payload;   // with its 131
};

Parts take_apart(BytesView frame) {
  const BytesView control = frame.subspan(2);
  const auto size = leading_term_bytes(control);
  constexpr std::size_t head = 4;  // tuple, arity, small integer, operation
  BARREL_ASSERT(size && *size >= head);
  return {control[1], control[3], control.subspan(head, *size - head), control.subspan(*size)};
}

bool names_a_process(BytesView elements) {
  const auto watcher = leading_term_bytes(elements);
  constexpr std::uint8_t new_pid = 88;
  return watcher && elements[*watcher] != new_pid;
}

Bytes begin(std::uint8_t arity, std::uint8_t operation, std::size_t room) {
  Bytes out;
  out.reserve(room + 16);
  out.insert(out.end(), {pass_through, version_byte, 104, arity, 97, operation});
  return out;
}

void append(Bytes& out, BytesView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

SpawnReply refusal(BytesView frame) {
  ByteReader in(frame.subspan(2));
  const auto control = decode_etf(in);
  BARREL_ASSERT(control);
  const auto parts = control->elements();
  return {parts[1].as_ref().value_or(Ref{}), parts[2].as_pid().value_or(Pid{}), 0, Atom("notsup")};
}

}  // namespace

bool PlainForms::needed(Flags negotiated) {
  constexpr Flags wanted = required_flags | flag::spawn;
  return envelope_of(negotiated) == Envelope::pass_through && (negotiated & wanted) != wanted;
}

Bytes PlainForms::converted(BytesView frame) const {
  const Parts parts = take_apart(frame);
  const auto inside = with_reason_inside(parts.operation);
  if (parts.operation == send_sender && !has(flag::send_sender)) {
    Bytes out = begin(3, send_plain, frame.size());
    append(out, Bytes{119, 0});  // in the sender's place
    append(out, parts.elements.subspan(leading_term_bytes(parts.elements).value_or(0)));
    append(out, parts.payload);
    return out;
  }
  if (inside != 0 && !has(flag::exit_payload)) {
    Bytes out = begin(static_cast<std::uint8_t>(parts.arity + 1), inside, frame.size());
    append(out, parts.elements);
    append(out, parts.payload.subspan(1));
    return out;
  }
  if (parts.operation == monitor || parts.operation == demonitor) {
    const bool by_name = names_a_process(parts.elements);
    if (!has(by_name ? flag::dist_monitor | flag::dist_monitor_name : flag::dist_monitor)) return {};
  }
  if (parts.operation == spawn_request && !has(flag::spawn)) return {};
  return {frame.begin(), frame.end()};
}

PlainForms::Written PlainForms::write(BytesView frame, Bytes& out) const {
  const Bytes plain = converted(frame);
  if (plain.empty()) {
    Written nothing;
    if (frame[5] == spawn_request) nothing.answer = refusal(frame);
    return nothing;
  }
  ByteWriter writer(out);
  writer.u32(static_cast<std::uint32_t>(plain.size()));
  writer.bytes(plain);
  return {true, {}};
}

}  // namespace barrel::dist
