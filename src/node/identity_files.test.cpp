#include "node/identity_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

using ::testing::HasSubstr;

const SystemTime now{std::chrono::seconds(1'700'000'000)};

class IdentityFiles : public ::testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path keys = dir.path() / "data" / "keys";
  std::filesystem::path private_key = keys / "node.key";
  std::filesystem::path public_key = keys / "node.pub";

  static std::string content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
  }
  static unsigned mode(const std::filesystem::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777U;
  }
};

TEST_F(IdentityFiles, FirstStartMakesAPairThatStays) {
  const auto made = load_or_make_identity(keys);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(mode(keys), 0700U);
  EXPECT_EQ(mode(private_key), 0600U);
  EXPECT_EQ(mode(public_key), 0600U);
  const auto seed = made->identity.seed();
  EXPECT_EQ(content(private_key), as_text(seed));
  EXPECT_EQ(content(public_key), as_text(made->identity.public_key().bytes));

  const auto loaded = load_or_make_identity(keys);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->is_new);
  EXPECT_EQ(loaded->identity.public_key(), made->identity.public_key());
  EXPECT_EQ(load_identity(keys)->public_key(), made->identity.public_key());
}

TEST_F(IdentityFiles, LoadAloneMakesNothing) {
  EXPECT_EQ(load_identity(keys).error().code, Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(keys));
}

TEST_F(IdentityFiles, ReplacedPairIsSeenByTheNextLoad) {
  ASSERT_TRUE(load_or_make_identity(keys));
  const auto other = load_or_make_identity(dir.path() / "other");
  std::filesystem::remove_all(keys);
  std::filesystem::rename(dir.path() / "other", keys);
  EXPECT_EQ(load_identity(keys)->public_key(), other->identity.public_key());
}

TEST_F(IdentityFiles, LostPublicKeyIsMadeAgain) {
  const auto made = load_or_make_identity(keys);
  std::filesystem::remove(public_key);
  EXPECT_EQ(load_identity(keys)->public_key(), made->identity.public_key());
  EXPECT_FALSE(std::filesystem::exists(public_key)) << "a plain load writes nothing";
  const auto loaded = load_or_make_identity(keys);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->is_new);
  EXPECT_EQ(loaded->identity.public_key(), made->identity.public_key());
  EXPECT_EQ(content(public_key), as_text(made->identity.public_key().bytes));
}

TEST_F(IdentityFiles, LostPrivateKeyIsNeverReplacedSilently) {
  ASSERT_TRUE(load_or_make_identity(keys));
  const std::string pinned = content(public_key);
  std::filesystem::remove(private_key);
  const auto loaded = load_or_make_identity(keys);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::not_found);
  EXPECT_THAT(loaded.error().message(), HasSubstr("Restore " + private_key.string()));
  EXPECT_THAT(loaded.error().message(), HasSubstr("delete " + public_key.string()));
  EXPECT_FALSE(std::filesystem::exists(private_key));
  EXPECT_EQ(content(public_key), pinned);
  EXPECT_FALSE(load_identity(keys));
}

TEST_F(IdentityFiles, TornPairIsRefused) {
  ASSERT_TRUE(load_or_make_identity(keys));
  write(public_key, std::string(32, 'x'));
  for (const auto& error : {load_or_make_identity(keys).error(), load_identity(keys).error()}) {
    EXPECT_EQ(error.code, Errc::malformed);
    EXPECT_THAT(error.message(), HasSubstr("do not belong together"));
    EXPECT_THAT(error.message(), HasSubstr("Restore both from one backup"));
  }
}

TEST_F(IdentityFiles, WrongSizesAreRefused) {
  ASSERT_TRUE(load_or_make_identity(keys));
  const std::string good = content(private_key);
  for (const std::string& bad : {std::string(), good.substr(1), good + "x", std::string(100'000, 'x')}) {
    write(private_key, bad);
    const auto loaded = load_or_make_identity(keys);
    ASSERT_FALSE(loaded) << bad.size();
    EXPECT_EQ(loaded.error().code, Errc::malformed);
    EXPECT_THAT(loaded.error().message(), HasSubstr(private_key.string()));
  }
  write(private_key, good);
  write(public_key, "short");
  EXPECT_THAT(load_or_make_identity(keys).error().message(), HasSubstr(public_key.string()));
}

TEST_F(IdentityFiles, PrivateKeyThatOthersMayReadIsRefused) {
  ASSERT_TRUE(load_or_make_identity(keys));
  ::chmod(private_key.c_str(), 0640);
  for (const auto& error : {load_or_make_identity(keys).error(), load_identity(keys).error()}) {
    EXPECT_EQ(error.code, Errc::not_trusted);
    EXPECT_THAT(error.message(), HasSubstr("chmod 600 " + private_key.string()));
  }
  ::chmod(private_key.c_str(), 0600);
  ::chmod(public_key.c_str(), 0644);  // the public one may be public
  EXPECT_TRUE(load_or_make_identity(keys));
}

TEST_F(IdentityFiles, UnusableKeyDirectoryIsNamed) {
  write(dir.path() / "file", "in the way");
  const auto loaded = load_or_make_identity(dir.path() / "file");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::io);
  EXPECT_THAT(loaded.error().message(), HasSubstr((dir.path() / "file").string()));
  EXPECT_THAT(loaded.error().message(), HasSubstr("auth_key_dir"));
}

class CertificateFiles : public IdentityFiles {
 protected:
  std::filesystem::path quic = dir.path() / "data" / "quic";
  std::filesystem::path certificate = quic / "node.crt";
  std::filesystem::path key = quic / "node.key";
};

TEST_F(CertificateFiles, FirstStartMakesOneThatStays) {
  const auto made = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(mode(certificate), 0644U);
  EXPECT_EQ(mode(key), 0600U);
  EXPECT_EQ(content(certificate), made->pem.certificate);
  const auto loaded = load_or_make_certificate(quic, "bob@127.0.0.1", now + std::chrono::years(3));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->is_new);
  EXPECT_EQ(loaded->der, made->der);
  EXPECT_EQ(loaded->pem.private_key, made->pem.private_key);
}

// The key is written first, and a crash may come between the two; or the key is the operator's own.
TEST_F(CertificateFiles, KeyAloneIsKeptAndGetsACertificate) {
  const auto first = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_TRUE(first);
  std::filesystem::remove(certificate);
  ::chmod(key.c_str(), 0644);
  EXPECT_THAT(load_or_make_certificate(quic, "bob@127.0.0.1", now).error().message(), HasSubstr("chmod 600"));
  ::chmod(key.c_str(), 0600);
  const auto made = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(content(certificate), made->pem.certificate);
  EXPECT_EQ(content(key), first->pem.private_key);
  const auto loaded = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->der, made->der);
}

TEST_F(CertificateFiles, KeyAloneThatIsNoneIsNamedAndKept) {
  std::filesystem::create_directories(quic);
  for (const std::string& other : {std::string("not a key"), std::string()}) {
    write(key, other);
    const auto loaded = load_or_make_certificate(quic, "bob@127.0.0.1", now);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::malformed);
    EXPECT_THAT(loaded.error().message(), HasSubstr("Restore " + certificate.string()));
    EXPECT_THAT(loaded.error().message(), HasSubstr("move " + key.string() + " away"));
    EXPECT_EQ(content(key), other);
    EXPECT_FALSE(std::filesystem::exists(certificate));
  }
}

TEST_F(CertificateFiles, IdentityInTheSameDirectoryIsNeverReplaced) {
  const auto identity = load_or_make_identity(keys);
  ASSERT_TRUE(identity);
  const auto loaded = load_or_make_certificate(keys, "bob@127.0.0.1", now);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message(), HasSubstr("quic_cert_dir and auth_key_dir must not be the same"));
  const auto again = load_identity(keys);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->public_key(), identity->identity.public_key());
}

TEST_F(CertificateFiles, CertificateAloneIsAnErrorThatSaysWhatToDo) {
  ASSERT_TRUE(load_or_make_certificate(quic, "bob@127.0.0.1", now));
  const std::string saved = content(certificate);
  std::filesystem::remove(key);
  const auto loaded = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message(), HasSubstr("Restore " + key.string()));
  EXPECT_EQ(content(certificate), saved);
}

TEST_F(CertificateFiles, PairThatDoesNotBelongTogetherIsRefused) {
  ASSERT_TRUE(load_or_make_certificate(quic, "bob@127.0.0.1", now));
  const auto other = load_or_make_certificate(dir.path() / "other", "bob@127.0.0.1", now);
  write(key, other->pem.private_key);
  const auto loaded = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message(), HasSubstr("does not belong to the certificate"));
  EXPECT_THAT(loaded.error().message(), HasSubstr(key.string()));
}

TEST_F(CertificateFiles, SecondCertificateOrReadableKeyIsRefused) {
  const auto made = load_or_make_certificate(quic, "bob@127.0.0.1", now);
  write(certificate, made->pem.certificate + made->pem.certificate);
  EXPECT_THAT(load_or_make_certificate(quic, "b@h", now).error().message(),
              HasSubstr("exactly one PEM certificate"));
  write(certificate, made->pem.certificate);
  ::chmod(key.c_str(), 0644);
  EXPECT_THAT(load_or_make_certificate(quic, "b@h", now).error().message(),
              HasSubstr("chmod 600 " + key.string()));
}

}  // namespace
}  // namespace barrel::node
