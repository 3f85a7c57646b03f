#include <algorithm>
#include <array>
#include <cstring>

#include "barrel/base/assert.hpp"
#include "dist/control.hpp"

namespace barrel::dist {
namespace {

/// Longest atom: 255 characters of 4 bytes, its tag and length.
constexpr std::size_t atom_bytes_max = 3 + 4 * Atom::characters_max;
constexpr std::size_t pid_bytes_max = 1 + atom_bytes_max + 12;
constexpr std::size_t ref_bytes_max = 3 + atom_bytes_max + 4 + 4 * Ref::words_max;

/// Where a head without terms is put together, so that it costs one append. Large enough for the longest.
class Head {
 public:
  Head(Envelope envelope, std::uint8_t arity, std::uint8_t operation) : envelope_(envelope) {
    if (envelope == Envelope::pass_through) u8(pass_through).u8(version_byte);
    else u8(version_byte).u8(header_whole).u8(0);  // no atom cache
    u8(104);
    u8(arity);
    u8(97);
    u8(operation);
  }

  Head& u8(std::uint8_t value) {
    bytes_[size_++] = value;
    return *this;
  }
  Head& u16(std::uint16_t value) {
    return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value));
  }
  Head& u32(std::uint32_t value) {
    const std::array<std::uint8_t, 4> big = {
        static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
        static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    std::memcpy(bytes_.data() + size_, big.data(), big.size());
    size_ += big.size();
    return *this;
  }
  /// An integer from 0 to 2^64 - 1.
  Head& integer(std::uint64_t value) {
    if (value < 256) return u8(97).u8(static_cast<std::uint8_t>(value));
    if (value <= INT32_MAX) return u8(98).u32(static_cast<std::uint32_t>(value));
    std::uint8_t digits = 0;
    for (std::uint64_t rest = value; rest != 0; rest >>= 8) ++digits;
    u8(110).u8(digits).u8(0);
    for (; value != 0; value >>= 8) u8(static_cast<std::uint8_t>(value));
    return *this;
  }
  Head& atom(Atom atom) {
    const std::string_view text = atom.text();
    if (text.size() < 256) {
      u8(119).u8(static_cast<std::uint8_t>(text.size()));
    } else {
      u8(118).u16(static_cast<std::uint16_t>(text.size()));
    }
    std::copy(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
    return *this;
  }
  Head& pid(const Pid& pid) {
    return u8(88).atom(pid.node_atom).u32(pid.id).u32(pid.serial).u32(pid.creation);
  }
  Head& ref(const Ref& ref) {
    u8(90).u16(static_cast<std::uint16_t>(ref.word_count)).atom(ref.node_atom).u32(ref.creation);
    for (std::uint32_t i = 0; i < ref.word_count; ++i) u32(ref.words[i]);
    return *this;
  }
  Head& target(const Target& target) {
    const Pid* process = std::get_if<Pid>(&target);
    return process != nullptr ? pid(*process) : atom(std::get<Atom>(target));
  }
  /// What separates a payload from the control tuple.
  Head& payload() { return envelope_ == Envelope::pass_through ? u8(version_byte) : *this; }

  void append_to(ByteWriter& out) const { out.bytes({bytes_.data(), size_}); }

 private:
  const Envelope envelope_;
  std::size_t size_ = 0;
  std::array<std::uint8_t, 16 + 2 * pid_bytes_max + ref_bytes_max> bytes_;  // written before it is read
};

struct Encoder {
  ByteWriter& out;
  Envelope envelope;

  void operator()(const Send& c) const { encode_head(out, c, envelope); }
  void operator()(const SendName& c) const { encode_head(out, c, envelope); }
  void operator()(const SendAlias& c) const {
    Head(envelope, 3, 33).pid(c.from).ref(c.to).payload().append_to(out);
  }
  void operator()(const Link& c) const { Head(envelope, 3, 1).pid(c.from).pid(c.to).append_to(out); }
  void operator()(const Unlink& c) const {
    Head(envelope, 4, 35).integer(c.id).pid(c.from).pid(c.to).append_to(out);
  }
  void operator()(const UnlinkAck& c) const {
    Head(envelope, 4, 36).integer(c.id).pid(c.from).pid(c.to).append_to(out);
  }
  void operator()(const ExitLinked& c) const {
    Head(envelope, 3, 24).pid(c.from).pid(c.to).payload().append_to(out);
  }
  void operator()(const Exit& c) const {
    Head(envelope, 3, 26).pid(c.from).pid(c.to).payload().append_to(out);
  }
  void operator()(const Monitor& c) const {
    Head(envelope, 4, 19).pid(c.from).target(c.to).ref(c.ref).append_to(out);
  }
  void operator()(const MonitorNobody& c) const {
    Head(envelope, 4, 19).pid(c.from).append_to(out);
    encode_etf(out, c.name);
    encode_etf(out, Term(c.ref));
  }
  void operator()(const Demonitor& c) const {
    Head(envelope, 4, 20).pid(c.from).target(c.to).ref(c.ref).append_to(out);
  }
  void operator()(const MonitorDown& c) const {
    Head(envelope, 4, 28).target(c.from).pid(c.to).ref(c.ref).payload().append_to(out);
  }
  void operator()(const GroupLeader& c) const { Head(envelope, 3, 7).pid(c.leader).pid(c.to).append_to(out); }
  void operator()(const SpawnRequest& c) const {
    Head(envelope, 6, 29).ref(c.id).pid(c.from).pid(c.group_leader).append_to(out);
    encode_etf(out, c.function);
    encode_etf(out, c.options);
    if (envelope == Envelope::pass_through) out.u8(version_byte);
  }
  void operator()(const SpawnReply& c) const {
    Head(envelope, 5, 31).ref(c.id).pid(c.to).integer(c.flags).append_to(out);
    encode_etf(out, c.result);
  }
  void operator()(const SpawnUnread&) const { BARREL_ASSERT(!"SpawnUnread is never sent"); }
  void operator()(const Ignored&) const { BARREL_ASSERT(!"Ignored is never sent"); }
};

}  // namespace

void encode_head(ByteWriter& out, const Control& control, Envelope envelope) {
  std::visit(Encoder{out, envelope}, control);
}

void encode_head(ByteWriter& out, const Send& control, Envelope envelope) {
  Head(envelope, 3, 22).pid(control.from).pid(control.to).payload().append_to(out);
}

void encode_head(ByteWriter& out, const SendName& control, Envelope envelope) {
  Head(envelope, 4, 6).pid(control.from).atom(Atom()).atom(control.to).payload().append_to(out);
}

void encode_head(ByteWriter& out, const NobodyDown& control, Envelope envelope) {
  Head(envelope, 4, 28).append_to(out);
  encode_etf(out, control.name);
  encode_etf(out, Term(control.to));
  encode_etf(out, Term(control.ref));
  if (envelope == Envelope::pass_through) out.u8(version_byte);
}

bool has_payload(const Control& control) {
  return std::holds_alternative<Send>(control) || std::holds_alternative<SendName>(control) ||
         std::holds_alternative<SendAlias>(control) || std::holds_alternative<ExitLinked>(control) ||
         std::holds_alternative<Exit>(control) || std::holds_alternative<MonitorDown>(control) ||
         std::holds_alternative<SpawnRequest>(control);
}

SharedBytes Payload::share() const {
  if (owner) return {owner, bytes};
  return SharedBytes(Bytes(bytes.begin(), bytes.end()));
}

}  // namespace barrel::dist
