#pragma once

// Certificates for tests: an authority, and what it signs.

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>

namespace barrel::tcp::test {

struct Pem {
  std::string certificate;
  std::string private_key;
};

/// Makes certificates that it signs. Throws std::runtime_error when GnuTLS refuses.
class Authority {
 public:
  Authority() {
    make_key(key_);
    make_certificate(certificate_, key_, "authority");
    check(gnutls_x509_crt_set_ca_status(certificate_, 1));
    check(gnutls_x509_crt_set_key_usage(certificate_, GNUTLS_KEY_KEY_CERT_SIGN));
    check(gnutls_x509_crt_sign2(certificate_, certificate_, key_, GNUTLS_DIG_SHA256, 0));
  }
  ~Authority() {
    gnutls_x509_crt_deinit(certificate_);
    gnutls_x509_privkey_deinit(key_);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] std::string certificate() const { return text_of(certificate_); }
  /// For a server and a client of that host name.
  [[nodiscard]] Pem issue(const char* host) const {
    gnutls_x509_privkey_t key = nullptr;
    gnutls_x509_crt_t certificate = nullptr;
    make_key(key);
    make_certificate(certificate, key, host);
    check(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host,
                                               static_cast<unsigned>(std::string_view(host).size()), 0));
    check(gnutls_x509_crt_sign2(certificate, certificate_, key_, GNUTLS_DIG_SHA256, 0));
    Pem pem{text_of(certificate), {}};
    gnutls_datum_t text{};
    check(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &text));
    pem.private_key.assign(reinterpret_cast<const char*>(text.data), text.size);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return pem;
  }

 private:
  static void check(int result) {
    if (result < 0) throw std::runtime_error(gnutls_strerror(result));
  }
  static void make_key(gnutls_x509_privkey_t& key) {
    check(gnutls_x509_privkey_init(&key));
    check(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                       0));
  }
  static void make_certificate(gnutls_x509_crt_t& certificate, gnutls_x509_privkey_t key,
                               std::string_view name) {
    check(gnutls_x509_crt_init(&certificate));
    check(gnutls_x509_crt_set_version(certificate, 3));
    const unsigned char serial[] = {1, static_cast<unsigned char>(name.size())};
    check(gnutls_x509_crt_set_serial(certificate, serial, sizeof serial));
    // 2000 to 2100.
    check(gnutls_x509_crt_set_activation_time(certificate, time_t{946'684'800}));
    check(gnutls_x509_crt_set_expiration_time(certificate, time_t{4'102'444'800}));
    check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name.data(),
                                        static_cast<unsigned>(name.size())));
    check(gnutls_x509_crt_set_key(certificate, key));
  }
  static std::string text_of(gnutls_x509_crt_t certificate) {
    gnutls_datum_t text{};
    check(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text));
    std::string pem(reinterpret_cast<const char*>(text.data), text.size);
    gnutls_free(text.data);
    return pem;
  }

  gnutls_x509_privkey_t key_ = nullptr;
  gnutls_x509_crt_t certificate_ = nullptr;
};

}  // namespace barrel::tcp::test
