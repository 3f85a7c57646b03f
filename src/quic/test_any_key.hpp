#pragma once

// GnuTLS refuses to load a certificate with a key that does not match. An attacker's TLS does not, so a
// function of this file stands before GnuTLS's. For one file of a test program.
#include <dlfcn.h>
#include <gnutls/gnutls.h>

namespace barrel::quic::test {

/// While one lives, endpoints may be made with a key that is not the certificate's.
struct AnyKey {
  AnyKey() { allowed = true; }
  ~AnyKey() { allowed = false; }
  AnyKey(const AnyKey&) = delete;
  AnyKey& operator=(const AnyKey&) = delete;
  static inline bool allowed = false;
};

}  // namespace barrel::quic::test

extern "C" int gnutls_certificate_set_x509_key_mem(gnutls_certificate_credentials_t credentials,
                                                   const gnutls_datum_t* certificate,
                                                   const gnutls_datum_t* key, gnutls_x509_crt_fmt_t type) {
  static const auto real = reinterpret_cast<decltype(&gnutls_certificate_set_x509_key_mem)>(
      ::dlsym(RTLD_NEXT, "gnutls_certificate_set_x509_key_mem"));
  if (barrel::quic::test::AnyKey::allowed)
    gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
  return real(credentials, certificate, key, type);
}
