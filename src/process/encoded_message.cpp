#include "process/encoded_message.hpp"

#include <cstring>
#include <new>

#include "barrel/term/term_size.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::detail {

namespace {
// Tags of the external term format.
constexpr std::uint8_t version = 131;
constexpr std::uint8_t small_tuple = 104;
constexpr std::uint8_t list = 108;
constexpr std::uint8_t newer_reference = 90;
constexpr std::uint8_t atom_utf8 = 118;
constexpr std::uint8_t small_atom_utf8 = 119;
}  // namespace

const MessageType EncodedMessage::type{
    MessageType::Kind::encoded, false, {}, &EncodedMessage::dispose, [](const Envelope& envelope) {
      const auto& message = static_cast<const EncodedMessage&>(envelope);
      auto term = decode_etf(message.bytes(), message.context->limits);
      return term ? *std::move(term) : Term();
    }};

EncodedMessage* EncodedMessage::make(const SharedBytes& payload, std::shared_ptr<const DecodeContext> context,
                                     std::size_t carrier_bytes) {
  const bool is_small = payload.size() <= inline_bytes_max;
  const std::size_t size = sizeof(EncodedMessage) + (is_small ? payload.size() : 0);
  auto* message = ::new (pool_allocate(size)) EncodedMessage;
  message->context = std::move(context);
  message->carrier_size = static_cast<std::uint32_t>(carrier_bytes);
  if (is_small) {
    message->inline_size = static_cast<std::uint32_t>(payload.size());
    if (!payload.view().empty())
      std::memcpy(static_cast<void*>(message + 1), payload.view().data(), payload.size());
  } else {
    message->shared = payload;
  }
  message->context->unread_bytes.fetch_add(message->charge(), std::memory_order_relaxed);
  return message;
}

void EncodedMessage::dispose(Envelope* envelope) noexcept {
  auto* message = static_cast<EncodedMessage*>(envelope);
  const std::size_t size = sizeof(EncodedMessage) + message->inline_size;
  message->context->unread_bytes.fetch_sub(message->charge(), std::memory_order_relaxed);
  message->~EncodedMessage();
  pool_release(message, size);
}

BytesView encoded_bytes(const Envelope& envelope) {
  return static_cast<const EncodedMessage&>(envelope).bytes();
}

const SharedBytes* encoded_shared(const Envelope& envelope) {
  const auto& message = static_cast<const EncodedMessage&>(envelope);
  return message.inline_size > 0 ? nullptr : &message.shared;
}

const EtfLimits& encoded_limits(const Envelope& envelope) {
  return static_cast<const EncodedMessage&>(envelope).context->limits;
}

void UnreadCharge::take(std::shared_ptr<const DecodeContext> context, std::size_t bytes) {
  context->unread_bytes.fetch_add(bytes, std::memory_order_relaxed);
  context_ = std::move(context);
  bytes_ = bytes;
}

void UnreadCharge::give_back() {
  context_->unread_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
}

Result<Term> decode_message(Process& process, const EncodedMessage& message) {
  const DecodeContext& context = *message.context;
  auto term = message.inline_size > 0 ? decode_etf(message.bytes(), context.limits)
                                      : decode_etf(message.shared, context.limits);
  if (term) return term;
  if (term.error().code != Errc::limit_exceeded) {
    process.runtime->counters.malformed.add();
    process.runtime->log.warning("a message from another node does not decode",
                                 {{"error", term.error().message()}});
  }
  if (context.on_malformed) context.on_malformed(term.error());
  return term;
}

bool decode_in_place(Process& process, Envelope*& envelope) {
  const auto& message = static_cast<const EncodedMessage&>(*envelope);
  auto term = decode_message(process, message);
  if (!term) {
    if (term.error().code == Errc::limit_exceeded) process.refuse_unread(message, term.error());
    return false;
  }
  const std::size_t bytes = message.charge() + memory_of(*term);
  auto* decoded = new_envelope<TypedMessage<Term>>(std::in_place, *std::move(term));
  // A receive for something else only looked at it: it waits on.
  decoded->charge.take(message.context, bytes);
  replace_converted(process, envelope, decoded);
  return true;
}

void replace_converted(Process& process, Envelope*& envelope, Envelope* other) {
  Envelope* old = envelope;
  other->next = old->next;
  other->serial = old->serial;
  if (process.queue_end == &old->next) process.queue_end = &other->next;
  envelope = other;
  if (old->type->kind == MessageType::Kind::call) process.open_call(static_cast<CallHeader*>(old));
  else if (old->type->kind == MessageType::Kind::down) process.taken(*old), dispose(old);
  else dispose(old);
}

std::optional<std::string_view> encoded_tag(BytesView bytes) {
  ByteReader reader(bytes);
  reader.skip(1);
  std::uint8_t tag = reader.u8();
  if (tag == small_tuple) {
    if (reader.u8() == 0) return std::nullopt;
    tag = reader.u8();
  }
  if (tag != atom_utf8 && tag != small_atom_utf8) return std::nullopt;
  const std::size_t size = tag == atom_utf8 ? reader.u16() : reader.u8();
  const BytesView text = reader.take(size);
  if (!reader.ok()) return std::nullopt;
  return as_text(text);
}

std::optional<Ref> ref_of_tag(const Term& tag) {
  if (const auto ref = tag.as_ref()) return ref;
  if (!tag.is_list() || tag.elements().size() != 1) return std::nullopt;
  if (tag.elements()[0].is_atom("alias")) return tag.tail().as_ref();
  const Term& inner = tag.elements()[0];
  if (!inner.is_list() || inner.elements().size() != 1 || !inner.elements()[0].is_atom("alias"))
    return std::nullopt;
  return inner.tail().as_ref();
}

std::optional<Ref> reply_ref(const Envelope& message) {
  if (message.type == &TypeInfo<Term>::type) {
    const Term& term = static_cast<const TypedMessage<Term>&>(message).value;
    if (!term.is_tuple(2)) return std::nullopt;
    return ref_of_tag(term.elements()[0]);
  }
  if (message.type->kind != MessageType::Kind::encoded) return std::nullopt;
  const auto& encoded = static_cast<const EncodedMessage&>(message);
  const BytesView bytes = encoded.bytes();
  if (bytes.size() < 5 || bytes[0] != version || bytes[1] != small_tuple || bytes[2] != 2)
    return std::nullopt;
  if (bytes[3] != newer_reference && bytes[3] != list) return std::nullopt;
  ByteReader reader(bytes.subspan(3));
  const auto tag = decode_etf(reader, encoded.context->limits);
  return tag ? ref_of_tag(*tag) : std::nullopt;
}

}  // namespace barrel::detail
