#include "auth/certificate.hpp"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace barrel::auth {

namespace {

// The original's figures (barrel_p2p_quic_cert.erl): tolerate clocks five minutes behind; a year.
constexpr std::int64_t valid_before_now_s = 300;
constexpr std::int64_t valid_after_now_s = 365LL * 24 * 3600;
// ub-common-name of RFC 5280; GnuTLS refuses longer ones.
constexpr std::size_t common_name_max = 64;
constexpr std::string_view organization = "Barrel P2P";

using Certificate = std::unique_ptr<gnutls_x509_crt_int, decltype(&gnutls_x509_crt_deinit)>;
using PrivateKey = std::unique_ptr<gnutls_x509_privkey_int, decltype(&gnutls_x509_privkey_deinit)>;

/// A datum that GnuTLS allocated.
struct OwnedDatum {
  gnutls_datum_t datum{};
  OwnedDatum() = default;
  OwnedDatum(const OwnedDatum&) = delete;
  OwnedDatum& operator=(const OwnedDatum&) = delete;
  ~OwnedDatum() { gnutls_free(datum.data); }
  [[nodiscard]] BytesView bytes() const { return {datum.data, datum.size}; }
};

/// GnuTLS does not change what it is given to read.
gnutls_datum_t datum_of(std::string_view text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

Error failed(std::string_view what, int code) {
  return Error{Errc::malformed, Term(std::string(what) + ": " + gnutls_strerror(code))};
}

Certificate new_certificate() {
  gnutls_x509_crt_t raw = nullptr;
  (void)gnutls_x509_crt_init(&raw);
  return {raw, &gnutls_x509_crt_deinit};
}

PrivateKey new_private_key() {
  gnutls_x509_privkey_t raw = nullptr;
  (void)gnutls_x509_privkey_init(&raw);
  return {raw, &gnutls_x509_privkey_deinit};
}

/// Remembers the first error of a row of calls.
class Steps {
 public:
  Steps& operator<<(int code) {
    if (code_ >= 0 && code < 0) code_ = code;
    return *this;
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_ = 0;
};

/// A positive number of 127 random bits, big-endian.
std::array<std::uint8_t, 16> random_serial() {
  std::array<std::uint8_t, 16> serial{};
  (void)gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size());
  serial[0] &= 0x7f;
  // DER integers have no leading zero octets; a zero here would shorten the number.
  if (serial[0] == 0) serial[0] = 1;
  return serial;
}

/// The DER of a UTF8String of less than 128 bytes. GnuTLS would choose PrintableString where it can.
Bytes utf8_string(std::string_view text) {
  Bytes der;
  ByteWriter out(der);
  out.u8(0x0c);
  out.u8(static_cast<std::uint8_t>(text.size()));
  out.text(text);
  return der;
}

int fill_in(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, std::string_view common_name,
            SystemTime now) {
  const std::int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const auto serial = random_serial();
  const Bytes name = utf8_string(common_name.substr(0, common_name_max));
  const Bytes owner = utf8_string(organization);
  constexpr unsigned is_der = 1;
  Steps steps;
  steps << gnutls_x509_crt_set_version(certificate, 3)
        << gnutls_x509_crt_set_serial(certificate, serial.data(), serial.size())
        << gnutls_x509_crt_set_activation_time(certificate, now_s - valid_before_now_s)
        << gnutls_x509_crt_set_expiration_time(certificate, now_s + valid_after_now_s)
        << gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, is_der, name.data(),
                                         static_cast<unsigned>(name.size()))
        << gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, is_der, owner.data(),
                                         static_cast<unsigned>(owner.size()))
        << gnutls_x509_crt_set_key(certificate, key)
        << gnutls_x509_crt_set_basic_constraints(certificate, 0, -1)
        << gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE)
        << gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0)
        << gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0)
        << gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
  return steps.code();
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
    ++count;
  return count;
}

Result<Certificate> import_certificate(std::string_view pem) {
  const std::size_t count = count_of(pem, "-----BEGIN CERTIFICATE-----");
  if (count != 1) {
    return Error{Errc::malformed,
                 Term("must hold exactly one PEM certificate, has " + std::to_string(count))};
  }
  Certificate certificate = new_certificate();
  const gnutls_datum_t datum = datum_of(pem);
  const int code = gnutls_x509_crt_import(certificate.get(), &datum, GNUTLS_X509_FMT_PEM);
  if (code < 0) return failed("not a readable certificate", code);
  return certificate;
}

Result<PrivateKey> import_private_key(std::string_view pem) {
  const std::size_t count = count_of(pem, "PRIVATE KEY-----") / 2;
  if (count != 1) {
    return Error{Errc::malformed,
                 Term("must hold exactly one PEM private key, has " + std::to_string(count))};
  }
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return Error{Errc::malformed,
                 Term("the private key is encrypted; store it without a passphrase, mode 0600")};
  }
  PrivateKey key = new_private_key();
  const gnutls_datum_t datum = datum_of(pem);
  const int code = gnutls_x509_privkey_import(key.get(), &datum, GNUTLS_X509_FMT_PEM);
  if (code < 0) return failed("not a readable private key", code);
  return key;
}

Result<Bytes> der_of(gnutls_x509_crt_t certificate) {
  OwnedDatum der;
  const int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der.datum);
  if (code < 0) return failed("cannot read the certificate's DER", code);
  return Bytes(der.bytes().begin(), der.bytes().end());
}

/// SHA-256 over the public key, the same for a certificate and its private key.
using KeyId = std::array<std::uint8_t, 32>;

}  // namespace

Result<CertificatePem> make_self_signed(std::string_view common_name, SystemTime now) {
  const PrivateKey key = new_private_key();
  int code = gnutls_x509_privkey_generate(key.get(), GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  OwnedDatum pem;
  if (code >= 0) code = gnutls_x509_privkey_export2(key.get(), GNUTLS_X509_FMT_PEM, &pem.datum);
  if (code < 0) return failed("cannot make a private key", code);
  return make_self_signed_with(std::string(as_text(pem.bytes())), common_name, now);
}

Result<CertificatePem> make_self_signed_with(std::string private_key, std::string_view common_name,
                                             SystemTime now) {
  auto key = import_private_key(private_key);
  if (!key) return std::move(key).error();
  const Certificate certificate = new_certificate();
  OwnedDatum pem;
  int code = fill_in(certificate.get(), key->get(), common_name, now);
  if (code >= 0) code = gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_PEM, &pem.datum);
  if (code < 0) return failed("cannot make a certificate", code);
  return CertificatePem{std::string(as_text(pem.bytes())), std::move(private_key)};
}

Result<Bytes> certificate_der(std::string_view pem) {
  auto certificate = import_certificate(pem);
  if (!certificate) return std::move(certificate).error();
  return der_of(certificate->get());
}

Result<Bytes> check_pair(const CertificatePem& pem) {
  auto certificate = import_certificate(pem.certificate);
  if (!certificate) return std::move(certificate).error();
  auto key = import_private_key(pem.private_key);
  if (!key) return std::move(key).error();
  KeyId of_certificate{};
  KeyId of_key{};
  std::size_t size = of_certificate.size();
  int code =
      gnutls_x509_crt_get_key_id(certificate->get(), GNUTLS_KEYID_USE_SHA256, of_certificate.data(), &size);
  size = of_key.size();
  if (code >= 0) {
    code = gnutls_x509_privkey_get_key_id(key->get(), GNUTLS_KEYID_USE_SHA256, of_key.data(), &size);
  }
  if (code < 0) return failed("cannot compare certificate and private key", code);
  if (of_certificate != of_key) {
    return Error{Errc::malformed, Term("the private key does not belong to the certificate")};
  }
  return der_of(certificate->get());
}

}  // namespace barrel::auth
