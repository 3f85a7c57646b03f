#pragma once

#include <filesystem>

#include "auth/certificate.hpp"
#include "auth/identity.hpp"
#include "barrel/base/bytes.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// A node's key pair on disk: `node.key` (the 32-byte seed) and `node.pub` (32 bytes), both mode 0600, below
/// auth_key_dir. Blocks on the disk.
///
///   node.key  node.pub
///   no        no        a new pair is made
///   yes       yes       used when they belong together; otherwise an error: a replacement was interrupted
///   yes       no        node.pub is written again: it follows from node.key, nothing is lost
///   no        yes       an error: the private key was lost, and with it the identity that peers have pinned
///
/// (The original makes a new pair in the last two cases, and every peer that has pinned the old key refuses
/// the node from then on.) Errors say what to do. Errc::not_trusted: node.key is readable by others;
/// malformed: wrong size or not a pair; not_found: node.key is missing; io.
struct LoadedIdentity {
  auth::Identity identity;
  /// The pair was made now.
  bool is_new = false;
};
[[nodiscard]] Result<LoadedIdentity> load_or_make_identity(const std::filesystem::path& key_dir);

/// Reads an existing pair and changes nothing on disk. Call it for each handshake: a replaced identity then
/// takes effect without a restart. Errors as above; a lone node.key is enough.
[[nodiscard]] Result<auth::Identity> load_identity(const std::filesystem::path& key_dir);

/// The TLS certificate on disk: `node.crt` (mode 0644) and `node.key` (PEM, 0600) below quic_cert_dir.
struct LoadedCertificate {
  auth::CertificatePem pem;
  /// Of the certificate: what the channel binding is made from.
  Bytes der;
  bool is_new = false;
};
/// Both files missing: a self-signed certificate for `common_name` is made with a new key; node.crt missing:
/// with the key that is there. A key is never replaced. Otherwise both must be there, hold exactly one
/// certificate and its key, and the key be private (errors as above). Expiry is not looked at: nobody
/// validates it.
[[nodiscard]] Result<LoadedCertificate> load_or_make_certificate(const std::filesystem::path& certificate_dir,
                                                                 std::string_view common_name,
                                                                 SystemTime now);

}  // namespace barrel::node
