#include "auth/trust.hpp"

namespace barrel::auth {

TrustDecision TrustStore::decide(std::string_view name, const PublicKey& key) const {
  const auto pinned = keys_.find(name);
  if (pinned != keys_.end()) {
    return pinned->second == key ? TrustDecision::accept_known : TrustDecision::key_mismatch;
  }
  return mode_ == TrustMode::tofu ? TrustDecision::accept_new : TrustDecision::untrusted_key;
}

std::optional<PublicKey> TrustStore::find(std::string_view name) const {
  const auto pinned = keys_.find(name);
  if (pinned == keys_.end()) return std::nullopt;
  return pinned->second;
}

TrustDecision TrustStore::store_if_new(std::string_view name, const PublicKey& key) {
  const auto [pinned, is_new] = keys_.try_emplace(std::string(name), key);
  if (is_new) return TrustDecision::accept_new;
  return pinned->second == key ? TrustDecision::accept_known : TrustDecision::key_mismatch;
}

void TrustStore::put(std::string_view name, const PublicKey& key) {
  keys_.insert_or_assign(std::string(name), key);
}

bool TrustStore::erase(std::string_view name) {
  const auto pinned = keys_.find(name);
  if (pinned == keys_.end()) return false;
  keys_.erase(pinned);
  return true;
}

}  // namespace barrel::auth
