#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "auth/trust.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// The pinned keys of a node, one file `trusted/<node>.pub` of 32 raw bytes each below auth_key_dir. The
/// files are the truth and are read at every decision, so that what an operator adds or deletes counts for
/// the next handshake without a restart. Thread-safe; blocks on the disk (reading 32 bytes, or writing them).
class TrustFiles {
 public:
  /// Makes the directory unless it is there. Errc::io.
  [[nodiscard]] static Result<std::unique_ptr<TrustFiles>> open(const std::filesystem::path& key_dir,
                                                                TrustMode mode);

  TrustFiles(const TrustFiles&) = delete;
  TrustFiles& operator=(const TrustFiles&) = delete;

  /// As auth::TrustStore::decide. An error, that of find(): refuse the node, as the file may have been a pin.
  [[nodiscard]] Result<auth::TrustDecision> decide(std::string_view name, const PublicKey& key) const;

  /// As auth::TrustStore::store_if_new: for the owner of a connection whose whole handshake has succeeded
  /// with is_new_key. key_mismatch: refuse the connection. Errc::io: the pin was not stored; refuse it too,
  /// or the next key of that name would be taken as the first again.
  [[nodiscard]] Result<auth::TrustDecision> store_if_new(std::string_view name, const PublicKey& key);

  /// For operators: pins the key whatever was pinned. Errc::invalid_argument when `name` is no node name.
  [[nodiscard]] Result<> put(std::string_view name, const PublicKey& key);
  /// For operators: false when there was no pin. Errc::invalid_argument, io.
  [[nodiscard]] Result<bool> erase(std::string_view name);
  /// Nothing when there is no pin. Errc::malformed for a file of another size, invalid_argument, io.
  [[nodiscard]] Result<std::optional<PublicKey>> find(std::string_view name) const;
  /// Every pin. Files that are not 32 bytes long, or whose name is no node name with `.pub`, are left out.
  [[nodiscard]] Result<std::map<std::string, PublicKey, std::less<>>> list() const;

  [[nodiscard]] TrustMode mode() const { return mode_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  TrustFiles(std::filesystem::path directory, TrustMode mode);
  [[nodiscard]] std::filesystem::path path_of(std::string_view name) const;

  std::filesystem::path directory_;
  TrustMode mode_;
  std::mutex writing_;
};

}  // namespace barrel::node
