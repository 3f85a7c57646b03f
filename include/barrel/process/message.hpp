#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "barrel/process/pool.hpp"
#include "barrel/process/process_fwd.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/mapping.hpp"
#include "barrel/term/shared_bytes.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {
struct DecodeContext;  // remote_router.hpp
}

namespace barrel::detail {

struct MessageType;

/// What every message and signal in a mailbox begins with. One pool block holds it and its payload.
struct Envelope {
  explicit Envelope(const MessageType& message_type) noexcept : type(&message_type) {}
  Envelope(const Envelope&) = delete;
  Envelope& operator=(const Envelope&) = delete;

  Envelope* next = nullptr;
  const MessageType* type;
  /// The incarnation of the slot it is meant for; another one drops it.
  std::uint32_t serial = 0;
};

/// The identity of a payload's type, and what can be done with it. One object per type.
struct MessageType {
  enum class Kind : std::uint8_t {
    plain,    ///< A payload of a C++ type; Term is one of them.
    encoded,  ///< Undecoded bytes from another node.
    call,     ///< A CallHeader.
    down,     ///< A Down, whose monitor ends when it is taken.
    reply,    ///< A ReplyHeader; never stands in the queue.
    signal,   ///< A Signal; never stands in the queue.
  };
  Kind kind = Kind::plain;
  /// A plain payload that is a Term.
  bool is_term = false;
  /// See quick_tag.
  std::string_view tag;
  /// Destroys the payload and gives the block back.
  void (*dispose)(Envelope* envelope) noexcept = nullptr;
  /// The payload as the term it would be on the wire; null for kinds that have none.
  Term (*to_term)(const Envelope& envelope) = nullptr;
};

inline void dispose(Envelope* envelope) noexcept {
  envelope->type->dispose(envelope);
}

struct DisposeEnvelope {
  void operator()(Envelope* envelope) const noexcept { dispose(envelope); }
};
using EnvelopePtr = std::unique_ptr<Envelope, DisposeEnvelope>;

/// Builds an envelope type in a pool block.
template <class E, class... Args>
[[nodiscard]] E* new_envelope(Args&&... args) {
  static_assert(alignof(E) <= 16, "messages with alignment over 16 bytes are not supported");
  void* block = pool_allocate(sizeof(E));
  try {
    return ::new (block) E(std::forward<Args>(args)...);
  } catch (...) {
    pool_release(block, sizeof(E));
    throw;
  }
}
template <class E>
void delete_envelope(E* envelope) noexcept {
  envelope->~E();
  pool_release(envelope, sizeof(E));
}
template <class E>
void dispose_as(Envelope* envelope) noexcept {
  delete_envelope(static_cast<E*>(envelope));
}

/// How a payload type is said as a term; specialised for the wrappers of calls and casts.
template <class T>
struct MessageCodec {
  static Term to_term(const T& value) { return barrel::to_term(value); }
  static void encode(ByteWriter& out, const T& value) { encode_etf(out, value); }
  static Result<T> from_term(const Term& term) { return barrel::from_term<T>(term); }
  static Result<T> decode(ByteReader& reader, const EtfLimits& limits) {
    return decode_etf_as<T>(reader, limits);
  }
  /// All of a message; large binaries in it share its bytes.
  static Result<T> decode(const SharedBytes& bytes, const EtfLimits& limits) {
    return decode_etf_as<T>(bytes, limits);
  }
};
template <>
struct MessageCodec<Term> {
  static Term to_term(const Term& value) { return value; }
  static void encode(ByteWriter& out, const Term& value) { encode_etf(out, value); }
  static Result<Term> from_term(const Term& term) { return term; }
  static Result<Term> decode(ByteReader& reader, const EtfLimits& limits) {
    return decode_etf(reader, limits);
  }
};

/// Payloads of our own between processes of this node, which never become terms that mean anything; they name
/// themselves: T::internal_name.
template <class T>
concept InternalPayload = requires { std::string_view(T::internal_name); };
template <InternalPayload T>
struct MessageCodec<T> {
  static Term to_term(const T&) { return Atom(std::string_view(T::internal_name)); }
  static void encode(ByteWriter& out, const T& value) { encode_etf(out, to_term(value)); }
  static Result<T> from_term(const Term&) { return Error(Errc::malformed); }
  static Result<T> decode(ByteReader&, const EtfLimits&) { return Error(Errc::malformed); }
};

template <class T>
inline constexpr MessageType::Kind kind_of = MessageType::Kind::plain;

/// The tag that tells a tuple type from others at a glance: the text of its first element. Empty: not known.
template <class T>
[[nodiscard]] constexpr std::string_view quick_tag() {
  if constexpr (requires { std::string_view(T::tag); }) return T::tag;
  else if constexpr (PlainStruct<T> && !Keyed<T>) return tag_of<T>();
  else return {};
}

/// Holds the one MessageType of payload type T.
template <class T>
struct TypeInfo {
  static const MessageType type;
};

/// What a message from another node counts for in DecodeContext::unread_bytes, once it waits decoded.
class UnreadCharge {
 public:
  UnreadCharge() = default;
  UnreadCharge(const UnreadCharge&) = delete;
  UnreadCharge& operator=(const UnreadCharge&) = delete;
  ~UnreadCharge() {
    if (context_ != nullptr) give_back();
  }
  void take(std::shared_ptr<const DecodeContext> context, std::size_t bytes);

 private:
  void give_back();
  std::shared_ptr<const DecodeContext> context_;
  std::size_t bytes_ = 0;
};
struct NoCharge {};

/// A payload moved in as it is; nothing is encoded.
template <class T>
struct TypedMessage final : Envelope {
  template <class U>
  explicit TypedMessage(std::in_place_t, U&& payload)
      : Envelope(TypeInfo<T>::type), value(std::forward<U>(payload)) {}
  T value;
  [[no_unique_address]] std::conditional_t<std::is_same_v<T, Term>, UnreadCharge, NoCharge> charge;
};

template <class T>
constinit const MessageType TypeInfo<T>::type{
    kind_of<T>, std::is_same_v<T, Term>, quick_tag<T>(), &dispose_as<TypedMessage<T>>,
    [](const Envelope& envelope) {
      return MessageCodec<T>::to_term(static_cast<const TypedMessage<T>&>(envelope).value);
    }};

/// The type a message is kept as: literals become strings.
template <class M>
using MessageOf =
    std::conditional_t<std::is_convertible_v<M, const char*> && !std::is_class_v<std::decay_t<M>>,
                       std::string, std::decay_t<M>>;

template <class M>
[[nodiscard]] Envelope* make_message(M&& message) {
  using T = MessageOf<M>;
  return new_envelope<TypedMessage<T>>(std::in_place, std::forward<M>(message));
}

/// The compile-time conditions on what may be sent, each as a sentence.
template <class M>
constexpr void check_sendable() {
  static_assert(!std::is_pointer_v<std::decay_t<M>> || std::is_convertible_v<M, const char*>,
                "a message must not be a pointer: processes share no memory; send a value");
  static_assert(
      std::is_same_v<MessageOf<M>, Term> || InternalPayload<MessageOf<M>> || Mapped<MessageOf<M>>,
      "this type cannot be a message: it does not map to a term. Make it an aggregate of mapped members "
      "(see mapping.hpp), or give it to_term and from_term");
  static_assert(std::is_move_constructible_v<MessageOf<M>>, "a message must be movable");
}

}  // namespace barrel::detail
#pragma GCC visibility pop
