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

  [[nodiscard]] static EncodedMessage* make(const SharedBytes& payload,
                                            std::shared_ptr<const DecodeContext> context);

  static const MessageType type;
  std::shared_ptr<const DecodeContext> context;
  SharedBytes shared;
  std::uint32_t inline_size = 0;

  [[nodiscard]] BytesView bytes() const noexcept {
    if (inline_size > 0) return {reinterpret_cast<const std::uint8_t*>(this + 1), inline_size};
    return shared.view();
  }

 private:
  EncodedMessage() : Envelope(type) {}
  static void dispose(Envelope* envelope) noexcept;
};

/// The reference of {Ref, _} or {[alias | Ref], _} with the tag of a reply; empty for anything else.
[[nodiscard]] std::optional<Ref> reply_ref(const Envelope& message);
/// Of a reply's tag: Ref, [alias | Ref] or [[alias | Ref] | _].
[[nodiscard]] std::optional<Ref> ref_of_tag(const Term& tag);

}  // namespace barrel::detail
