#include "gossip/message_ids.hpp"

#include <sodium/crypto_stream_chacha20.h>

#include "barrel/base/bytes.hpp"

namespace barrel {

plumtree::MessageId MessageIds::next() {
  static_assert(crypto_stream_chacha20_KEYBYTES == std::tuple_size_v<decltype(key_)>);
  std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  std::uint64_t number = count_++;
  for (auto& byte : nonce) {
    byte = static_cast<std::uint8_t>(number);
    number >>= 8;
  }
  std::array<std::uint8_t, plumtree::id_bytes> id{};
  crypto_stream_chacha20(id.data(), id.size(), nonce.data(), key_.data());
  return plumtree::MessageId(as_text(id));
}

}  // namespace barrel
