#pragma once

#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/result.hpp"

namespace barrel::auth {

/// What a QUIC listener is configured with: one certificate and its private key, as PEM text.
struct CertificatePem {
  std::string certificate;
  std::string private_key;
};

/// A fresh self-signed certificate as the original makes them: v3, ECDSA P-256 with SHA-256, random 127-bit
/// serial, valid from 300 s before `now` for 365 days after it, subject = issuer = CN=`common_name`, O=Barrel
/// P2P, no SAN; the key as SEC1 `EC PRIVATE KEY`. Nobody validates chain, name or dates: peers trust Ed25519
/// keys, and the certificate only anchors the channel binding. `common_name` has at most 64 characters on the
/// wire; a longer one is cut.
[[nodiscard]] Result<CertificatePem> make_self_signed(std::string_view common_name, SystemTime now);

/// The same for a private key that is there already, which stays as it is. Errc::malformed when it is not
/// exactly one unencrypted PEM key.
[[nodiscard]] Result<CertificatePem> make_self_signed_with(std::string private_key,
                                                           std::string_view common_name, SystemTime now);

/// The DER of the one certificate in `pem`. Errc::malformed when there is none, or more than one.
[[nodiscard]] Result<Bytes> certificate_der(std::string_view pem);

/// Checks that there is exactly one certificate and exactly one unencrypted private key, and that they belong
/// together; gives the certificate's DER.
[[nodiscard]] Result<Bytes> check_pair(const CertificatePem& pem);

}  // namespace barrel::auth
