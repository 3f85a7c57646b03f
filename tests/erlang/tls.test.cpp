// Erlang's distribution over TLS (-proto_dist inet_tls), both ways.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "erlang/echo.hpp"
#include "erlang/erlang_test.hpp"
#include "erlang/puppet.hpp"
#include "tcp/test_certificates.hpp"

namespace barrel::test {
namespace {

using tcp::test::Authority;

class ErlangTls : public ErlangTest {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = directory_.path() / name;
    std::ofstream(path) << text;
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }

  /// Writes WHO.cert and WHO.key for that host, signed by `signer`.
  void issue(const std::string& who, const Authority& signer, const char* host = "127.0.0.1") {
    const auto pem = signer.issue(host);
    write(who + ".cert", pem.certificate);
    write(who + ".key", pem.private_key);
    write("authority", authority_.certificate());
  }
  [[nodiscard]] NodeConfig tls_config(std::string_view name, const Authority& signer) {
    issue(std::string(name), signer);
    NodeConfig made = tcp_config(name);
    made.tcp.tls = true;
    made.tcp.tls_certificate = path(std::string(name) + ".cert");
    made.tcp.tls_key = path(std::string(name) + ".key");
    made.tcp.tls_authorities = path("authority");
    return made;
  }
  /// An Erlang node that demands certificates of the authority, as a server and as a client; `checks_host`:
  /// as a client also the host's name in them.
  [[nodiscard]] std::unique_ptr<Beam> start_beam(const std::string& name, const Authority& signer,
                                                 bool checks_host = false, const char* host = "127.0.0.1") {
    issue(name, signer, host);
    const std::string files = "{certfile, \"" + path(name + ".cert") + "\"}, {keyfile, \"" +
                              path(name + ".key") + "\"}, {cacertfile, \"" + path("authority") + "\"}";
    write(name + ".opts", "[{server, [" + files +
                              ", {verify, verify_peer}, {fail_if_no_peer_cert, true}]},\n {client, [" +
                              files + ", {verify, verify_peer}" +
                              (checks_host ? "" : ", {server_name_indication, disable}") + "]}].\n");
    return std::make_unique<Beam>(
        epmd_, name,
        BeamOptions{.arguments = {"-proto_dist", "inet_tls", "-ssl_dist_optfile", path(name + ".opts")}});
  }

  Authority authority_;
  Authority stranger_;
  TempDir directory_;
};

TEST_F(ErlangTls, ErlangConnectsToABarrelNode) {
  Puppet puppet;
  const auto b = start_tcp(tls_config("b", authority_));
  ASSERT_TRUE(b);
  puppet.start(*b, "puppet");
  const auto beam = start_beam("e", authority_);
  ASSERT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pong") << beam->transcript();
  ASSERT_TRUE(connected(*b, *beam));
  EXPECT_EQ(b->peers()[0].protocol, "erlang-tls");
  EXPECT_FALSE(b->peers()[0].dialed);
  // More than a record, and more than the socket buffers.
  (void)beam->eval("register(sink, self()), {puppet, 'b@127.0.0.1'} ! {big, binary:copy(<<7>>, 300000)}");
  EXPECT_TRUE(puppet.hears("{big,"));
  puppet.perform([to = NodeLocalName{"sink", name_of(*beam)}](Puppet&, Self self) {
    self.send(to, Term::tuple_of(Atom("back"), Term::binary(Bytes(5'000'000, 9))));
  });
  EXPECT_EQ(beam->text("receive {back, Bytes} -> byte_size(Bytes) after 5000 -> timeout end"), "5000000");
}

TEST_F(ErlangTls, ABarrelNodeConnectsToErlang) {
  const auto b = start_tcp(tls_config("b", authority_));
  ASSERT_TRUE(b);
  const auto beam = start_beam("e", authority_);
  (void)b->send(NodeLocalName{"nobody", name_of(*beam)}, Atom("hello"));
  ASSERT_TRUE(connected(*b, *beam)) << beam->transcript();
  EXPECT_TRUE(b->peers()[0].dialed);
  EXPECT_TRUE(beam->becomes("nodes()", "['b@127.0.0.1']"));
  b->functions().expose("test", "echo", echo_numbered);
  beam->load("sizes.erl");
  EXPECT_EQ(beam->text("sizes:echo('b@127.0.0.1', 4, 50)", 30s), "[normal]");
}

TEST_F(ErlangTls, OnlyANodeWithoutTlsWarnsOfIt) {
  const auto log_of = [&](NodeConfig settings) {
    settings.log.level = LogLevel::info;
    settings.log.file = path("log_of_" + std::string(settings.name.name()));
    const auto node = start(settings);
    EXPECT_TRUE(node);
    std::ifstream file(settings.log.file);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  constexpr const char* warning = "TCP is enabled without";
  EXPECT_THAT(log_of(tcp_config("plain")), testing::HasSubstr(warning));
  const std::string encrypted = log_of(tls_config("encrypted", authority_));
  EXPECT_FALSE(encrypted.empty());
  EXPECT_THAT(encrypted, testing::Not(testing::HasSubstr(warning)));
}

TEST_F(ErlangTls, CertificatesOfAnotherAuthorityAreRefused) {
  const auto b = start_tcp(tls_config("b", authority_));
  ASSERT_TRUE(b);
  const auto beam = start_beam("e", stranger_);
  EXPECT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pang");
  EXPECT_GE(b->metrics()["tcp.tls_failed"], 1U);
  EXPECT_TRUE(b->nodes().empty());
}

// Whom a Barrel node dials, and what its log says then.
TEST_F(ErlangTls, DialingANodeOfAnotherAuthorityOrProtocolFailsAndItsLogSaysWhy) {
  struct Case {
    const char* what;
    bool dials_with_tls;
    bool has_tls;
    const char* log;
  };
  const Case cases[] = {
      {"another authority", true, true, "TLS: The certificate is NOT trusted"},
      {"TLS to plain", true, false, "gave no answer in TLS (does it run with -proto_dist inet_tls?)"},
      {"plain to TLS", false, true, "if it speaks TLS, set tcp_tls"}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    NodeConfig settings = each.dials_with_tls ? tls_config("b", authority_) : tcp_config("b");
    settings.log.level = LogLevel::info;
    settings.log.file = path("log");
    const auto b = start_tcp(settings);
    ASSERT_TRUE(b);
    const auto beam = each.has_tls ? start_beam("e", stranger_) : std::make_unique<Beam>(epmd_, "e");
    const auto answer = b->call<Term>(NodeLocalName{"nobody", name_of(*beam)}, Atom("hello"), 20s);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::no_connection) << answer.error().message();
    EXPECT_TRUE(b->nodes().empty());
    EXPECT_EQ(beam->text("nodes()"), "[]");
    std::ifstream file(settings.log.file);
    const std::string log(std::istreambuf_iterator<char>(file), {});
    EXPECT_THAT(log, testing::HasSubstr(each.log));
    std::filesystem::remove(settings.log.file);
  }
}

// Erlang's own check, which the other tests switch off.
TEST_F(ErlangTls, ErlangComparesTheHostsNameWithTheCertificateAndBarrelDoesNot) {
  const auto b = start_tcp(tls_config("b", authority_));
  ASSERT_TRUE(b);
  NodeConfig settings = tls_config("c", authority_);
  issue("c", authority_, "elsewhere.example");
  const auto c = start_tcp(settings);
  ASSERT_TRUE(c);
  const auto beam = start_beam("e", authority_, true);
  EXPECT_EQ(beam->text("net_adm:ping('b@127.0.0.1')"), "pong") << beam->transcript();
  EXPECT_TRUE(connected(*b, *beam));
  EXPECT_EQ(beam->text("net_adm:ping('c@127.0.0.1')"), "pang");
  const auto elsewhere = start_beam("f", authority_, true, "elsewhere.example");
  const auto answer = b->call<Term>(NodeLocalName{"nobody", name_of(*elsewhere)}, Atom("hello"), 20s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::no_process) << answer.error().message();
}

TEST_F(ErlangTls, PlainErlangIsNotLetIn) {
  const auto b = start_tcp(tls_config("b", authority_));
  ASSERT_TRUE(b);
  Beam plain(epmd_, "p");
  EXPECT_EQ(plain.text("net_adm:ping('b@127.0.0.1')"), "pang");
  EXPECT_TRUE(b->nodes().empty());
}

TEST_F(ErlangTls, MissingFilesAreNamedAtTheStart) {
  NodeConfig settings = tls_config("b", authority_);
  settings.tcp.tls_authorities = path("nowhere");
  const auto failed = Node::start(settings);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("tcp_tls_authorities"), std::string::npos)
      << failed.error().message();
  settings.tcp.tls_authorities.clear();
  const auto incomplete = Node::start(settings);
  ASSERT_FALSE(incomplete);
  EXPECT_NE(incomplete.error().message().find("tcp_tls_authorities is not set"), std::string::npos);
}

}  // namespace
}  // namespace barrel::test
