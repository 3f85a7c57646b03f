#pragma once

#include <memory>
#include <optional>

#include "barrel/process/matching.hpp"
#include "barrel/process/remote_router.hpp"

namespace barrel::detail {

/// A message from another node, as it came: {131, term}. Small ones lie behind the header in the same block,
/// so that they do not pin the block they came in; large ones share it.
struct EncodedMessage final : Envelope {
  static constexpr std::size_t inline_bytes_max = 512;

  /// `carrier_bytes`: what else is kept for it, and counts as unread with it.
  [[nodiscard]] static EncodedMessage* make(const SharedBytes& payload,
                                            std::shared_ptr<const DecodeContext> context,
                                            std::size_t carrier_bytes = 0);

  static const MessageType type;
  std::shared_ptr<const DecodeContext> context;
  SharedBytes shared;
  std::uint32_t inline_size = 0;
  std::uint32_t carrier_size = 0;

  [[nodiscard]] BytesView bytes() const noexcept {
    if (inline_size > 0) return {reinterpret_cast<const std::uint8_t*>(this + 1), inline_size};
    return shared.view();
  }
  /// What it counts for in DecodeContext::unread_bytes.
  [[nodiscard]] std::size_t charge() const noexcept {
    return sizeof(EncodedMessage) + bytes().size() + carrier_size;
  }

 private:
  EncodedMessage() : Envelope(type) {}
  static void dispose(Envelope* envelope) noexcept;
};

/// The term. Why there is none (Errc::malformed, or Errc::limit_exceeded with the limit's name) has been told
/// to the connection that it came from.
[[nodiscard]] Result<Term> decode_message(Process& process, const EncodedMessage& message);
/// The reference of {Ref, _} or {[alias | Ref], _} with the tag of a reply; empty for anything else.
[[nodiscard]] std::optional<Ref> reply_ref(const Envelope& message);
/// Of a reply's tag: Ref, [alias | Ref] or [[alias | Ref] | _].
[[nodiscard]] std::optional<Ref> ref_of_tag(const Term& tag);

}  // namespace barrel::detail
