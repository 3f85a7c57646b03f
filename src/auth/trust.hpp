#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/auth/keys.hpp"

namespace barrel::auth {

/// The outcome for one claimed node name and the key presented with it.
enum class TrustDecision : std::uint8_t {
  accept_known,   ///< The key is the pinned one.
  accept_new,     ///< No pin for the name; to be pinned once everything else has succeeded (tofu).
  key_mismatch,   ///< Another key is pinned for the name. Refused in both modes.
  untrusted_key,  ///< No pin for the name, and strict mode wants one.
};

[[nodiscard]] constexpr bool accepted(TrustDecision decision) {
  return decision == TrustDecision::accept_known || decision == TrustDecision::accept_new;
}

/// Asked by the handshake right after the peer's HELLO. The name has passed NodeName::valid but is unproven,
/// and must not become an atom yet.
using TrustCheck = std::function<TrustDecision(std::string_view claimed_name, const PublicKey& key)>;

/// Which key belongs to which node name. A value: files are the node layer's business. Not thread-safe.
class TrustStore {
 public:
  explicit TrustStore(TrustMode mode = TrustMode::tofu) : mode_(mode) {}

  [[nodiscard]] TrustMode mode() const { return mode_; }
  [[nodiscard]] TrustDecision decide(std::string_view name, const PublicKey& key) const;
  [[nodiscard]] std::optional<PublicKey> find(std::string_view name) const;

  /// Pins the key unless the name has one. Two connections of one new node may finish side by side: the
  /// second finds the pin of the first, and gets key_mismatch (nothing changes, refuse the connection) when
  /// its key differs. Works in both modes: in strict mode it is the operator who provisions.
  [[nodiscard]] TrustDecision store_if_new(std::string_view name, const PublicKey& key);
  /// Pins the key whatever was pinned before. For operators and for loading files.
  void put(std::string_view name, const PublicKey& key);
  /// False when there was no pin.
  bool erase(std::string_view name);

  [[nodiscard]] const std::map<std::string, PublicKey, std::less<>>& entries() const { return keys_; }

 private:
  TrustMode mode_;
  std::map<std::string, PublicKey, std::less<>> keys_;
};

}  // namespace barrel::auth
