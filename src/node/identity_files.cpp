#include "node/identity_files.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "node/files.hpp"

namespace barrel::node {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view key_setting = "auth_key_dir";
constexpr std::string_view certificate_setting = "quic_cert_dir";
// A PEM certificate with its key has about 1 KiB; a chain that somebody puts there by mistake still gets its
// own message.
constexpr std::size_t pem_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t key_bytes = 32;

/// The content, or nothing when there is no such file.
Result<std::optional<Bytes>> read_if_there(const fs::path& path, std::size_t bytes_max,
                                           std::string_view setting) {
  auto content = read_file(path, bytes_max, setting);
  if (content) return std::optional<Bytes>(std::move(*content));
  if (content.error().code == Errc::not_found) return std::optional<Bytes>();
  if (content.error().code == Errc::limit_exceeded) {
    return Error{Errc::malformed, std::move(content).error().reason};
  }
  return std::move(content).error();
}

Result<std::optional<std::array<std::uint8_t, key_bytes>>> read_key(const fs::path& path) {
  auto content = read_if_there(path, key_bytes, key_setting);
  if (!content) return std::move(content).error();
  if (!content->has_value()) return std::optional<std::array<std::uint8_t, key_bytes>>();
  Bytes& bytes = **content;
  std::optional<std::array<std::uint8_t, key_bytes>> key;
  const std::size_t size = bytes.size();
  if (size == key_bytes) std::copy_n(bytes.begin(), key_bytes, key.emplace().begin());
  sodium_memzero(bytes.data(), bytes.size());
  if (key) return key;
  return Error{Errc::malformed,
               Term(fmt::format("{} has {} bytes, not the {} of a raw Ed25519 key; restore it from a backup",
                                path.string(), size, key_bytes))};
}

struct KeyFiles {
  fs::path private_path;
  fs::path public_path;
  std::optional<auth::Seed> seed;
  std::optional<std::array<std::uint8_t, key_bytes>> public_key;
};

Result<KeyFiles> read_pair(const fs::path& key_dir) {
  KeyFiles files{key_dir / "node.key", key_dir / "node.pub", {}, {}};
  auto seed = read_key(files.private_path);
  if (!seed) return std::move(seed).error();
  files.seed = *seed;
  auto public_key = read_key(files.public_path);
  if (!public_key) return std::move(public_key).error();
  files.public_key = *public_key;
  if (files.seed) {
    if (auto checked = check_private(files.private_path, key_setting); !checked) {
      return std::move(checked).error();
    }
  }
  return files;
}

Error lost_private_key(const KeyFiles& files) {
  return Error{
      Errc::not_found,
      Term(fmt::format("{0} is missing, but {1} is there: the private key of this node was lost. Restore {0} "
                       "from a backup. Or, to give the node a new identity, delete {1}; then every peer that "
                       "has pinned the old key refuses this node until its operator deletes that pin",
                       files.private_path.string(), files.public_path.string()))};
}

Result<auth::Identity> identity_of(const KeyFiles& files) {
  const auth::Identity identity = auth::Identity::from_seed(*files.seed);
  if (!files.public_key || identity.public_key().bytes == *files.public_key) return auth::Identity(identity);
  return Error{Errc::malformed,
               Term(fmt::format(
                   "{0} and {1} do not belong together: their replacement was interrupted, or only one of "
                   "them was restored. Restore both from one backup; or, if {0} is the right one, delete "
                   "{1}, which is made again from it",
                   files.private_path.string(), files.public_path.string()))};
}

Result<> write_public_key(const KeyFiles& files, const auth::Identity& identity) {
  return write_file(files.public_path, identity.public_key().bytes, private_file_mode, key_setting);
}

Result<LoadedIdentity> make_identity(const fs::path& key_dir, const KeyFiles& files) {
  if (auto made = make_directory(key_dir, private_directory_mode, key_setting); !made) {
    return std::move(made).error();
  }
  LoadedIdentity loaded{auth::Identity::generate(), true};
  auth::Seed seed = loaded.identity.seed();
  // The private key first: a crash between the two leaves what the next start completes.
  auto written = write_file(files.private_path, seed, private_file_mode, key_setting);
  sodium_memzero(seed.data(), seed.size());
  if (written) written = write_public_key(files, loaded.identity);
  if (!written) return std::move(written).error();
  return loaded;
}

}  // namespace

Result<LoadedIdentity> load_or_make_identity(const fs::path& key_dir) {
  auto files = read_pair(key_dir);
  if (!files) return std::move(files).error();
  if (!files->seed && !files->public_key) return make_identity(key_dir, *files);
  if (!files->seed) return lost_private_key(*files);
  auto identity = identity_of(*files);
  if (!identity) return std::move(identity).error();
  if (!files->public_key) {
    if (auto written = write_public_key(*files, *identity); !written) return std::move(written).error();
  }
  return LoadedIdentity{*identity, false};
}

Result<auth::Identity> load_identity(const fs::path& key_dir) {
  auto files = read_pair(key_dir);
  if (!files) return std::move(files).error();
  if (files->seed) return identity_of(*files);
  if (files->public_key) return lost_private_key(*files);
  return Error{Errc::not_found,
               Term(fmt::format("{} is missing; restart the node to make a new identity, or restore it "
                                "from a backup",
                                files->private_path.string()))};
}

namespace {

Error lost_key_of(const fs::path& present, const fs::path& missing) {
  return Error{Errc::not_found,
               Term(fmt::format(
                   "{0} is missing, but {1} is there. Restore {0}; or delete {1}, and a new certificate is "
                   "made at the next start (peers do not remember certificates)",
                   missing.string(), present.string()))};
}

Error unusable_key(const fs::path& key_path, const fs::path& certificate_path, const Error& why) {
  return Error{why.code,
               Term(fmt::format(
                   "{0} is there without {1}, and no certificate can be made from it: {2}. Restore {1}; or "
                   "move {0} away, and a new pair is made at the next start (peers do not remember "
                   "certificates). If {0} is a node's identity, it is in the wrong directory: quic_cert_dir "
                   "and auth_key_dir must not be the same",
                   key_path.string(), certificate_path.string(), why.message()))};
}

/// With `key`, the one that is there, or a new one.
Result<LoadedCertificate> make_certificate(const fs::path& certificate_path, const fs::path& key_path,
                                           const std::optional<Bytes>& key, std::string_view common_name,
                                           SystemTime now) {
  auto pem = key ? auth::make_self_signed_with(std::string(as_text(*key)), common_name, now)
                 : auth::make_self_signed(common_name, now);
  if (!pem) return key ? unusable_key(key_path, certificate_path, pem.error()) : std::move(pem).error();
  auto der = auth::certificate_der(pem->certificate);
  if (!der) return std::move(der).error();
  auto written = make_directory(certificate_path.parent_path(), private_directory_mode, certificate_setting);
  if (written && !key) {
    written = write_file(key_path, as_bytes(pem->private_key), private_file_mode, certificate_setting);
  }
  if (written) {
    written = write_file(certificate_path, as_bytes(pem->certificate), public_file_mode, certificate_setting);
  }
  if (!written) return std::move(written).error();
  return LoadedCertificate{std::move(*pem), std::move(*der), true};
}

}  // namespace

Result<LoadedCertificate> load_or_make_certificate(const fs::path& certificate_dir,
                                                   std::string_view common_name, SystemTime now) {
  const fs::path certificate_path = certificate_dir / "node.crt";
  const fs::path key_path = certificate_dir / "node.key";
  auto certificate = read_if_there(certificate_path, pem_bytes_max, certificate_setting);
  if (!certificate) return std::move(certificate).error();
  auto key = read_if_there(key_path, pem_bytes_max, certificate_setting);
  if (!key) return std::move(key).error();
  if (*certificate && !*key) return lost_key_of(certificate_path, key_path);
  if (*key) {
    if (auto checked = check_private(key_path, certificate_setting); !checked)
      return std::move(checked).error();
  }
  // A key alone is what a crash between the two leaves, or somebody's own.
  if (!*certificate) return make_certificate(certificate_path, key_path, *key, common_name, now);

  LoadedCertificate loaded;
  loaded.pem = {std::string(as_text(**certificate)), std::string(as_text(**key))};
  auto der = auth::check_pair(loaded.pem);
  if (!der) {
    return Error{
        der.error().code,
        Term(fmt::format("{} and {}: {}; restore both, or delete both, and a new certificate is made at the "
                         "next start",
                         certificate_path.string(), key_path.string(), der.error().message()))};
  }
  loaded.der = std::move(*der);
  return loaded;
}

}  // namespace barrel::node
