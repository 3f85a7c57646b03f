#include "node/trust_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "barrel/term/node_name.hpp"
#include "node/files.hpp"

namespace barrel::node {

namespace {

namespace fs = std::filesystem;
using auth::TrustDecision;

constexpr std::string_view setting = "auth_key_dir";
constexpr std::string_view extension = ".pub";

Error bad_name(std::string_view name) {
  return Error{Errc::invalid_argument, Term(fmt::format("{} is not a node name (name@host)", name))};
}

Result<std::optional<PublicKey>> read_pin(const fs::path& path) {
  auto content = read_file(path, PublicKey::size, setting);
  if (!content && content.error().code == Errc::not_found) return std::optional<PublicKey>();
  if (!content && content.error().code != Errc::limit_exceeded) return std::move(content).error();
  if (!content || content->size() != PublicKey::size) {
    return Error{Errc::malformed,
                 Term(fmt::format(
                     "{} does not have the {} bytes of a raw Ed25519 key; put the node's node.pub there, or "
                     "delete the file to forget the node",
                     path.string(), PublicKey::size))};
  }
  PublicKey key;
  std::ranges::copy(*content, key.bytes.begin());
  return std::optional(key);
}

}  // namespace

TrustFiles::TrustFiles(fs::path directory, TrustMode mode) : directory_(std::move(directory)), mode_(mode) {}

Result<std::unique_ptr<TrustFiles>> TrustFiles::open(const fs::path& key_dir, TrustMode mode) {
  auto made = make_directory(key_dir, private_directory_mode, setting);
  fs::path directory = key_dir / "trusted";
  if (made) made = make_directory(directory, private_directory_mode, setting);
  if (!made) return std::move(made).error();
  return std::unique_ptr<TrustFiles>(new TrustFiles(std::move(directory), mode));
}

fs::path TrustFiles::path_of(std::string_view name) const {
  return directory_ / (std::string(name) + std::string(extension));
}

Result<TrustDecision> TrustFiles::decide(std::string_view name, const PublicKey& key) const {
  auto pinned = find(name);
  if (!pinned) return std::move(pinned).error();
  if (*pinned) return **pinned == key ? TrustDecision::accept_known : TrustDecision::key_mismatch;
  return mode_ == TrustMode::tofu ? TrustDecision::accept_new : TrustDecision::untrusted_key;
}

Result<TrustDecision> TrustFiles::store_if_new(std::string_view name, const PublicKey& key) {
  if (!NodeName::valid(name)) return bad_name(name);
  const std::lock_guard lock(writing_);
  auto pinned = find(name);
  if (!pinned) return std::move(pinned).error();
  if (!*pinned) {
    auto stored = write_new_file(path_of(name), key.bytes, private_file_mode, setting);
    if (!stored) return std::move(stored).error();
    if (*stored) return TrustDecision::accept_new;
    // An operator or another process was faster: its pin counts.
    pinned = find(name);
    if (!pinned) return std::move(pinned).error();
  }
  return *pinned == key ? TrustDecision::accept_known : TrustDecision::key_mismatch;
}

Result<> TrustFiles::put(std::string_view name, const PublicKey& key) {
  if (!NodeName::valid(name)) return bad_name(name);
  const std::lock_guard lock(writing_);
  return write_file(path_of(name), key.bytes, private_file_mode, setting);
}

Result<bool> TrustFiles::erase(std::string_view name) {
  if (!NodeName::valid(name)) return bad_name(name);
  const std::lock_guard lock(writing_);
  return remove_file(path_of(name), setting);
}

Result<std::optional<PublicKey>> TrustFiles::find(std::string_view name) const {
  // Also what keeps a name from leaving the directory.
  if (!NodeName::valid(name)) return bad_name(name);
  return read_pin(path_of(name));
}

Result<std::map<std::string, PublicKey, std::less<>>> TrustFiles::list() const {
  std::map<std::string, PublicKey, std::less<>> pins;
  std::error_code failure;
  for (fs::directory_iterator entry(directory_, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    std::string name = entry->path().filename().string();
    if (!name.ends_with(extension)) continue;
    name.resize(name.size() - extension.size());
    if (!NodeName::valid(name)) continue;
    if (const auto key = read_pin(entry->path()); key && *key) pins.emplace(std::move(name), **key);
  }
  if (failure) {
    return Error{Errc::io, Term(fmt::format("cannot list {}: {}", directory_.string(), failure.message()))};
  }
  return pins;
}

}  // namespace barrel::node
