#include "sim/nodes/identity_pool.hpp"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include <array>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "auth/identity.hpp"

namespace barrel::sim {

namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t port = 4433;
constexpr fs::perms secret = fs::perms::owner_read | fs::perms::owner_write;

void write(const fs::path& path, BytesView content) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
  fs::permissions(path, secret);
}

template <class T, void (*deinit)(T)>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, decltype([](T object) { deinit(object); })>;
using Key = Owned<gnutls_x509_privkey_t, gnutls_x509_privkey_deinit>;
using Certificate = Owned<gnutls_x509_crt_t, gnutls_x509_crt_deinit>;

void check(int code) {
  if (code < 0) throw std::runtime_error(gnutls_strerror(code));
}

/// What GnuTLS has allocated, as text.
std::string taken(gnutls_datum_t& pem) {
  std::string text(reinterpret_cast<const char*>(pem.data), pem.size);
  gnutls_free(pem.data);
  return text;
}

void write_certificate(const fs::path& directory, std::string_view name) {
  gnutls_x509_privkey_t raw_key = nullptr;
  check(gnutls_x509_privkey_init(&raw_key));
  const Key key(raw_key);
  check(gnutls_x509_privkey_generate(raw_key, GNUTLS_PK_EDDSA_ED25519, 0, 0));
  gnutls_x509_crt_t raw = nullptr;
  check(gnutls_x509_crt_init(&raw));
  const Certificate certificate(raw);
  constexpr std::array<std::uint8_t, 8> serial{1, 2, 3, 4, 5, 6, 7, 8};
  check(gnutls_x509_crt_set_version(raw, 3));
  check(gnutls_x509_crt_set_serial(raw, serial.data(), serial.size()));
  check(gnutls_x509_crt_set_activation_time(raw, 1'600'000'000));
  check(gnutls_x509_crt_set_expiration_time(raw, 2'500'000'000));
  check(gnutls_x509_crt_set_dn_by_oid(raw, GNUTLS_OID_X520_COMMON_NAME, 0, name.data(),
                                      static_cast<unsigned>(name.size())));
  check(gnutls_x509_crt_set_key(raw, raw_key));
  check(gnutls_x509_crt_sign2(raw, raw, raw_key, GNUTLS_DIG_SHA512, 0));
  gnutls_datum_t pem{};
  check(gnutls_x509_crt_export2(raw, GNUTLS_X509_FMT_PEM, &pem));
  write(directory / "node.crt", as_bytes(taken(pem)));
  check(gnutls_x509_privkey_export2_pkcs8(raw_key, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &pem));
  write(directory / "node.key", as_bytes(taken(pem)));
}

fs::path memory_directory() {
  const fs::path in_memory = "/dev/shm";
  std::error_code failure;
  return fs::is_directory(in_memory, failure) ? in_memory : fs::temp_directory_path();
}

}  // namespace

IdentityPool::IdentityPool() {
  std::string pattern = memory_directory() / "barrel-sim-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
  root_ = pattern;
  fs::create_directories(root_ / "trusted");
  fs::create_directories(root_ / "discovery");
  for (std::size_t node = 0; node < nodes_max; ++node) make(node);
}

IdentityPool::~IdentityPool() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

NodeName IdentityPool::name(std::size_t node) {
  return NodeName(Atom("n" + std::to_string(node) + "@" + address(node).ip_string()));
}

SocketAddress IdentityPool::address(std::size_t node) {
  return SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(node + 1)}, port);
}

fs::path IdentityPool::directory(std::size_t node) const {
  return root_ / std::to_string(node);
}

void IdentityPool::make(std::size_t node) const {
  const fs::path keys = directory(node) / "keys";
  const fs::path certificates = directory(node) / "quic";
  fs::create_directories(keys);
  fs::create_directories(certificates);
  auth::Seed seed{};
  seed.fill(static_cast<std::uint8_t>(node + 1));
  const PublicKey key = auth::Identity::from_seed(seed).public_key();
  write(keys / "node.key", seed);
  write(keys / "node.pub", key.bytes);
  fs::create_directory_symlink(root_ / "trusted", keys / "trusted");
  write(root_ / "trusted" / (std::string(name(node).text()) + ".pub"), key.bytes);
  write_certificate(certificates, name(node).text());
}

}  // namespace barrel::sim
