#include "node/tcp_gate.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "node/cluster_settings.hpp"
#include "node/discovery.hpp"
#include "node/files.hpp"
#include "node/listen_error.hpp"

namespace barrel::node {

namespace {

/// Files, dials and others need some, too; so no more than half of them for those who come.
std::size_t sockets_for_accepted() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return carrier::TcpConfig().accepted_max;
  return std::min<std::size_t>(limit.rlim_cur / 2, carrier::TcpConfig().accepted_max);
}

/// Far above any chain of certificates.
constexpr std::size_t pem_bytes_max = std::size_t{1} << 20;

Result<std::string> read_pem(const std::filesystem::path& path, std::string_view setting) {
  auto content = read_file(path, pem_bytes_max, setting);
  if (!content) {
    return Error{Errc::io, Term(std::string(setting) + ": " + content.error().message())};
  }
  return std::string(as_text(*content));
}

Result<std::shared_ptr<const tcp::TlsContext>> load_tls(const NodeConfig::Tcp& config) {
  tcp::TlsSettings settings;
  settings.verify = config.tls_verify;
  auto certificate = read_pem(config.tls_certificate, "tcp_tls_certificate");
  if (!certificate) return std::move(certificate).error();
  settings.certificate = *std::move(certificate);
  if (auto safe = check_private(config.tls_key, "tcp_tls_key"); !safe) return std::move(safe).error();
  auto key = read_pem(config.tls_key, "tcp_tls_key");
  if (!key) return std::move(key).error();
  settings.private_key = *std::move(key);
  if (config.tls_verify) {
    auto authorities = read_pem(config.tls_authorities, "tcp_tls_authorities");
    if (!authorities) return std::move(authorities).error();
    settings.authorities = *std::move(authorities);
  }
  auto context = tcp::TlsContext::make(settings);
  if (!context) return std::move(context).error();
  return std::shared_ptr<const tcp::TlsContext>(*std::move(context));
}

}  // namespace

Result<std::unique_ptr<TcpGate>> TcpGate::open(const NodeConfig& config, std::uint32_t creation,
                                               loop::Loop& loop, carrier::LinkOwner& owner, Random random,
                                               Metrics& metrics, Log log) {
  const auto bind = SocketAddress::from_ip(config.tcp.address, config.tcp.port);
  if (!bind) {
    return Error(Errc::invalid_argument,
                 "tcp_listen_address " + config.tcp.address + " is not an IP address");
  }
  std::unique_ptr<TcpGate> gate(new TcpGate(loop));
  carrier::TcpConfig settings;
  settings.ticktime = config.tcp.ticktime;
  settings.accepted_max = sockets_for_accepted();
  if (config.tcp.tls) {
    auto tls = load_tls(config.tcp);
    if (!tls) return std::move(tls).error();
    settings.tls = *std::move(tls);
  }
  auto carrier = carrier::TcpCarrier::make(link_settings(config, creation), std::move(settings),
                                           loop.tcp_dialer(), loop, owner, random, metrics, log);
  if (!carrier) return std::move(carrier).error();
  gate->carrier_ = *std::move(carrier);
  auto listener = loop.listen_tcp({.bind = *bind}, *gate);
  if (!listener) return listen_error(listener.error(), "tcp_listen_address", "tcp_listen_port");
  gate->listener_ = *std::move(listener);
  if (!config.tcp.tls) {
    log.warning(
        "TCP is enabled without TLS: whoever sees the network reads and changes what passes, and the "
        "cookie is all that keeps strangers out; set tcp_tls, or use it in trusted networks only",
        {{"address", gate->listener_->local_address().to_string()}});
  }
  if (config.tcp.epmd_register) {
    gate->registration_ = std::make_unique<EpmdRegistration>(
        loop, *SocketAddress::from_ip("127.0.0.1", epmd_port(config)),
        tcp::EpmdNode{.name = std::string(config.name.name()), .port = gate->port()}, metrics, log);
  }
  return gate;
}

TcpGate::~TcpGate() = default;

void TcpGate::start() {
  if (registration_) registration_->start();
}

void TcpGate::stop_connecting() {
  carrier_->set_accepting(false);
  registration_.reset();
}

}  // namespace barrel::node
