#pragma once

#include <optional>
#include <string_view>

#include "barrel/process/message.hpp"
#include "barrel/process/wait.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// Undecoded bytes of a message from another node, including the leading 131. Valid as long as the envelope.
[[nodiscard]] BytesView encoded_bytes(const Envelope& envelope);
[[nodiscard]] const EtfLimits& encoded_limits(const Envelope& envelope);
/// The same bytes, to share; null when they lie in the envelope itself.
[[nodiscard]] const SharedBytes* encoded_shared(const Envelope& envelope);

/// Replaces undecoded bytes by a TypedMessage<Term>. False: they are malformed or over a limit, which was
/// reported; the envelope is to be dropped.
[[nodiscard]] bool decode_in_place(Process& process, Envelope*& envelope);
/// Replaces `envelope` by `other`, which was made from it. A converted call stays open for its caller.
void replace_converted(Process& process, Envelope*& envelope, Envelope* other);

/// The tag of undecoded bytes, if they are an atom or a tuple that begins with one.
[[nodiscard]] std::optional<std::string_view> encoded_tag(BytesView bytes);

template <class T>
[[nodiscard]] Result<T> decode_encoded(const Envelope& envelope) {
  const EtfLimits& limits = encoded_limits(envelope);
  if constexpr (requires(const SharedBytes& bytes) { MessageCodec<T>::decode(bytes, limits); }) {
    if (const SharedBytes* shared = encoded_shared(envelope)) return MessageCodec<T>::decode(*shared, limits);
  }
  ByteReader reader(encoded_bytes(envelope).subspan(1));
  auto value = MessageCodec<T>::decode(reader, limits);
  if (value && !reader.at_end()) return Error(Errc::malformed);
  return value;
}

/// Converts through a term, or straight from the bytes, when the envelope's own type is not T.
template <class T>
[[nodiscard]] Match convert_to(Process& process, Envelope*& envelope) {
  if (const std::string_view tag = envelope->type->tag; !tag.empty() && !quick_tag<T>().empty()) {
    if (tag != quick_tag<T>()) return Match::no;
  }
  if (envelope->type->kind == MessageType::Kind::encoded) {
    if constexpr (!std::is_same_v<T, Term>) {
      const auto tag = encoded_tag(encoded_bytes(*envelope));
      if (tag && !quick_tag<T>().empty() && *tag != quick_tag<T>()) return Match::no;
      if (auto value = decode_encoded<T>(*envelope)) {
        replace_converted(process, envelope, new_envelope<TypedMessage<T>>(std::in_place, std::move(*value)));
        return Match::yes;
      }
    }
    // It has another shape, or is malformed; as a Term it is looked at only once.
    if (!decode_in_place(process, envelope)) return Match::drop;
  }
  if constexpr (std::is_same_v<T, Term>) {
    if (envelope->type != &TypeInfo<Term>::type) {
      Term term = envelope->type->to_term(*envelope);
      replace_converted(process, envelope, new_envelope<TypedMessage<Term>>(std::in_place, std::move(term)));
    }
    return Match::yes;
  } else {
    const bool is_term = envelope->type == &TypeInfo<Term>::type;
    auto value = is_term ? MessageCodec<T>::from_term(static_cast<const TypedMessage<Term>&>(*envelope).value)
                         : MessageCodec<T>::from_term(envelope->type->to_term(*envelope));
    if (!value) return Match::no;
    replace_converted(process, envelope, new_envelope<TypedMessage<T>>(std::in_place, std::move(*value)));
    return Match::yes;
  }
}

/// Whether the message is, or can be read as, a T; if so `envelope` is a TypedMessage<T> afterwards.
template <class T>
[[nodiscard]] Match match_as(Process& process, Envelope*& envelope) {
  if (envelope->type == &TypeInfo<T>::type) return Match::yes;
  return convert_to<T>(process, envelope);
}

}  // namespace barrel::detail
#pragma GCC visibility pop
