#include "quic/connection_impl.hpp"

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::quic {
namespace {

/// Reason phrases are for logs; a longer one would not fit beside what else a closing packet carries.
constexpr std::size_t reason_bytes_max = 128;
/// A refusal may be the answer to the probe for the last one: no faster than this. A guess, far below every
/// time after which silence counts.
constexpr Duration refusal_probe_interval = std::chrono::milliseconds(100);
/// RFC 9000 §7.2: at least 8, unpredictable.
constexpr std::size_t first_destination_bytes = 16;

std::string printable(BytesView bytes) {
  std::string text(as_text(bytes.first(std::min(bytes.size(), reason_bytes_max))));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

std::string_view to_string(CloseKind kind) noexcept {
  switch (kind) {
    case CloseKind::application: return "application";
    case CloseKind::transport: return "transport";
    case CloseKind::idle_timeout: return "idle_timeout";
    case CloseKind::handshake_timeout: return "handshake_timeout";
    case CloseKind::refused: return "refused";
    case CloseKind::stateless_reset: return "stateless_reset";
    case CloseKind::version: return "version";
  }
  return "unknown";
}

ConnectionImpl::ConnectionImpl(ConnectionHost& host, ConnectionId id, bool client, const SocketAddress& local,
                               const SocketAddress& remote, Instant now)
    : host_(&host),
      id_(id),
      client_(client),
      local_(local),
      remote_(remote),
      last_received_(now),
      keep_alive_(host.config().keep_alive),
      window_bytes_(std::min(host.config().setup_window_bytes, host.config().connection_window_bytes)) {
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<ConnectionImpl*>(reference->user_data)->conn_;
  };
  reference_.user_data = this;
}

ConnectionImpl::~ConnectionImpl() {
  for (const auto id : issued_) host_->remove_route(id);
  // Before the TLS session, which it still calls.
  if (conn_ != nullptr) ngtcp2_conn_del(conn_);
}

ngtcp2_settings ConnectionImpl::make_settings(Instant now, Duration handshake_timeout) const {
  const auto& config = host_->config();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = ng::timestamp(now);
  settings.cc_algo =
      config.congestion_control == CongestionControl::bbr ? NGTCP2_CC_ALGO_BBR : NGTCP2_CC_ALGO_CUBIC;
  settings.max_tx_udp_payload_size = config.udp_payload_bytes_max;
  // Windows are as large as they get from the start, or from admit() on: they do not adapt.
  settings.handshake_timeout = static_cast<ngtcp2_duration>(handshake_timeout.count());
  settings.no_pmtud = config.discover_path_mtu ? 0 : 1;
  settings.no_tx_udp_payload_size_shaping = config.discover_path_mtu ? 0 : 1;
  return settings;
}

ngtcp2_transport_params ConnectionImpl::make_params() const {
  const auto& config = host_->config();
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = config.stream_window_bytes;
  params.initial_max_stream_data_bidi_remote = config.stream_window_bytes;
  params.initial_max_stream_data_uni = std::min(config.one_way_window_bytes, config.stream_window_bytes);
  params.initial_max_data = window_bytes_;
  params.initial_max_streams_bidi = config.streams_bidirectional_max;
  params.initial_max_streams_uni = config.streams_unidirectional_max;
  params.max_idle_timeout = static_cast<ngtcp2_duration>(config.idle_timeout.count());
  params.max_udp_payload_size = config.udp_payload_bytes_max;
  params.active_connection_id_limit = config.active_connection_ids_max;
  return params;
}

ngtcp2_cid ConnectionImpl::issue_connection_id() {
  ngtcp2_cid cid{};
  cid.datalen = connection_id_bytes;
  random_secret({cid.data, connection_id_bytes});
  issued_.push_back(*wire_id(cid));
  host_->add_route(issued_.back(), *this);
  return cid;
}

void ConnectionImpl::token_for(const ngtcp2_cid& cid, std::uint8_t* token) const {
  const auto key = host_->token_key();
  BARREL_ASSERT(ngtcp2_crypto_generate_stateless_reset_token(token, key.data(), key.size(), &cid) == 0);
}

Result<std::unique_ptr<ConnectionImpl>> ConnectionImpl::dial(ConnectionHost& host, ConnectionId id,
                                                             const Dial& dial, ConnectionEvents& events,
                                                             Instant now) {
  const auto& config = host.config();
  std::unique_ptr<ConnectionImpl> self(new ConnectionImpl(host, id, true, dial.local, dial.remote, now));
  self->events_ = &events;
  const TlsSession::Options options{.server = false,
                                    .alpn = dial.alpn.empty() ? &config.alpn : &dial.alpn,
                                    .server_name = dial.server_name};
  auto tls = TlsSession::make(host.tls(), options, self->reference_);
  if (!tls) return std::move(tls).error();
  self->tls_ = std::move(*tls);

  const auto callbacks = self->make_callbacks();
  const auto settings = self->make_settings(now, dial.deadline.value_or(config.handshake_timeout));
  const auto params = self->make_params();
  const ngtcp2_cid source = self->issue_connection_id();
  ngtcp2_cid destination{};
  destination.datalen = first_destination_bytes;
  random_secret({destination.data, destination.datalen});
  Path path(dial.local, dial.remote);
  const int made =
      ngtcp2_conn_client_new(&self->conn_, &destination, &source, path.get(), NGTCP2_PROTO_VER_V1, &callbacks,
                             &settings, &params, nullptr, self.get());
  if (made != 0) return Error{Errc::invalid_argument, Term::binary(as_bytes(ngtcp2_strerror(made)))};
  ngtcp2_conn_set_tls_native_handle(self->conn_, self->tls_->native());
  self->apply_keep_alive();
  return self;
}

Result<std::unique_ptr<ConnectionImpl>> ConnectionImpl::accept(ConnectionHost& host, ConnectionId id,
                                                               const Accept& accept, Instant now) {
  const auto& config = host.config();
  const auto& header = *accept.header;
  std::unique_ptr<ConnectionImpl> self(new ConnectionImpl(host, id, false, accept.local, accept.remote, now));
  self->address_proven_ = accept.before_retry.has_value();
  const TlsSession::Options options{.server = true, .alpn = &config.alpn, .server_name = {}};
  auto tls = TlsSession::make(host.tls(), options, self->reference_);
  if (!tls) return std::move(tls).error();
  self->tls_ = std::move(*tls);

  const auto callbacks = self->make_callbacks();
  auto settings = self->make_settings(now, config.handshake_timeout);
  auto params = self->make_params();
  const ngtcp2_cid source = self->issue_connection_id();
  params.stateless_reset_token_present = 1;
  self->token_for(source, params.stateless_reset_token);
  ng::set_original_dcid(params, accept.before_retry.value_or(header.dcid));
  if (accept.before_retry) {
    params.retry_scid = header.dcid;
    params.retry_scid_present = 1;
    ng::set_token(settings, ng::token_of(header));
  }
  Path path(accept.local, accept.remote);
  const int made = ngtcp2_conn_server_new(&self->conn_, &header.scid, &source, path.get(), header.version,
                                          &callbacks, &settings, &params, nullptr, self.get());
  if (made != 0) return Error{Errc::io, Term::binary(as_bytes(ngtcp2_strerror(made)))};
  ngtcp2_conn_set_tls_native_handle(self->conn_, self->tls_->native());
  self->apply_keep_alive();
  return self;
}

ConnectionStats ConnectionImpl::stats() const {
  ng::ConnStat stat{};
  ng::conn_stat(conn_, stat);
  return {.smoothed_rtt = Duration(static_cast<Duration::rep>(stat.smoothed_rtt)),
          .congestion_window = stat.cwnd,
          .bytes_in_flight = stat.bytes_in_flight,
          .udp_payload_bytes = ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_)};
}

/// For ngtcp2, which asserts that time never runs backwards, whatever the caller says.
ngtcp2_tstamp ConnectionImpl::stamp(Instant now) {
  latest_ = std::max(latest_, ng::timestamp(now));
  return latest_;
}

void ConnectionImpl::set_keep_alive(Duration interval) {
  keep_alive_ = interval;
  apply_keep_alive();
  host_->mark_dirty(*this);
}

void ConnectionImpl::apply_keep_alive() {
  const bool never = keep_alive_ <= Duration::zero();
  ngtcp2_conn_set_keep_alive_timeout(
      conn_, never ? ng::keep_alive_never : static_cast<ngtcp2_duration>(keep_alive_.count()));
}

void ConnectionImpl::admit() {
  const auto whole = host_->config().connection_window_bytes;
  if (end_ || window_bytes_ == whole) return;
  ngtcp2_conn_extend_max_offset(conn_, whole - window_bytes_);
  window_bytes_ = whole;
  host_->mark_dirty(*this);
}

void ConnectionImpl::probe() {
  if (state_ != State::connected || end_) return;
  probe_wanted_ = true;
  host_->mark_dirty(*this);
}

void ConnectionImpl::close(std::uint64_t code, std::string_view text) {
  if (end_ || state_ == State::closing) return;
  const bool established = state_ == State::connected;
  close_wanted_ = CloseReason{.kind = established ? CloseKind::application : CloseKind::transport,
                              .code = established ? code : NGTCP2_APPLICATION_ERROR,
                              .by_peer = false,
                              .text = std::string(text.substr(0, reason_bytes_max))};
  state_ = State::closing;
  host_->mark_dirty(*this);
}

void ConnectionImpl::on_refused(Instant now) {
  if (end_ || state_ == State::closing) return;
  // Before the first answer nothing is lost by believing it; later it may be anybody's forgery.
  if (client_ && !heard_)
    return end({.kind = CloseKind::refused, .code = 0, .by_peer = true, .text = "ICMP"});
  if (now < next_refusal_probe_) return;
  next_refusal_probe_ = now + refusal_probe_interval;
  probe();
}

ConnectionImpl::ReadResult ConnectionImpl::read(BytesView packet, const SocketAddress& local,
                                                const SocketAddress& remote, Instant now) {
  if (end_) return ReadResult::ok;
  // A client's own address is what it dialled from; which interface the system chose is not its concern.
  Path path(client_ ? local_ : local, remote);
  const auto opened = packets_opened();
  const ngtcp2_pkt_info info{};
  const int result = ngtcp2_conn_read_pkt(conn_, path.get(), &info, packet.data(), packet.size(), stamp(now));
  if (packets_opened() != opened) {
    last_received_ = now;
    heard_ = true;
  }
  host_->mark_dirty(*this);
  switch (result) {
    case 0:
      if (!client_ && remote != remote_) follow_path();
      return ReadResult::ok;
    case NGTCP2_ERR_RETRY: return ReadResult::retry;
    case NGTCP2_ERR_DROP_CONN: return ReadResult::drop;
    case NGTCP2_ERR_DRAINING: on_peer_closed(); return ReadResult::ok;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      end({.kind = CloseKind::version, .code = 0, .by_peer = true, .text = "no common QUIC version"});
      return ReadResult::ok;
    default: fail(result); return ReadResult::ok;
  }
}

/// A client that comes from elsewhere has moved once the library has validated the new path.
void ConnectionImpl::follow_path() {
  Path current;
  current.assign(*ngtcp2_conn_get_path(conn_));
  if (current.remote() == remote_) return;
  remote_ = current.remote();
  host_->counters().migrated.add();
}

void ConnectionImpl::on_peer_closed() {
  if (reset_received_) {
    return end(
        {.kind = CloseKind::stateless_reset, .code = 0, .by_peer = true, .text = "the peer lost its state"});
  }
  const auto error = ng::received_close(conn_);
  CloseReason reason{.kind = CloseKind::application,
                     .code = error.error_code,
                     .by_peer = true,
                     .text = printable({error.reason, error.reasonlen})};
  if (!ng::is_application(error)) {
    reason.kind = error.error_code == NGTCP2_CONNECTION_REFUSED ? CloseKind::refused : CloseKind::transport;
  }
  end(std::move(reason));
}

void ConnectionImpl::handle_expiry(Instant now) {
  if (end_) return;
  const int result = ngtcp2_conn_handle_expiry(conn_, stamp(now));
  host_->mark_dirty(*this);
  switch (result) {
    case 0: return;
    case NGTCP2_ERR_IDLE_CLOSE:
      return end(
          {.kind = state_ == State::handshaking ? CloseKind::handshake_timeout : CloseKind::idle_timeout,
           .code = 0,
           .by_peer = false,
           .text = {}});
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return end({.kind = CloseKind::handshake_timeout, .code = 0, .by_peer = false, .text = {}});
    default: return fail(result);
  }
}

std::optional<Instant> ConnectionImpl::expiry() const {
  if (end_) return {};
  const auto expiry = ngtcp2_conn_get_expiry(conn_);
  if (expiry == UINT64_MAX) return {};
  return ng::instant(expiry);
}

void ConnectionImpl::fail(int library_error) {
  if (end_) return;
  ng::CloseError error{};
  CloseReason reason{.kind = CloseKind::transport, .code = 0, .by_peer = false, .text = {}};
  const auto alert = ngtcp2_conn_get_tls_alert(conn_);
  if (library_error == NGTCP2_ERR_CRYPTO && alert != 0) {
    reason.code = NGTCP2_CRYPTO_ERROR | alert;
    const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
    reason.text = std::string("TLS: ") + (name != nullptr ? name : "unknown alert");
    ng::close_with_transport(error, reason.code, {});
  } else {
    ng::close_with_liberr(error, library_error);
    reason.code = error.error_code;
    reason.text = ngtcp2_strerror(library_error);
  }
  end_with(std::move(reason), error);
}

void ConnectionImpl::count_end(const CloseReason& reason) {
  Counters& counters = host_->counters();
  if (reason.kind == CloseKind::handshake_timeout) counters.handshake_timeouts.add();
  if (reason.kind == CloseKind::transport && reason.code == no_common_protocol) counters.alpn_refused.add();
}

void ConnectionImpl::end(CloseReason reason) {
  if (end_) return;
  count_end(reason);
  end_ = End{.reason = std::move(reason), .tell_peer = false};
  host_->mark_dirty(*this);
}

void ConnectionImpl::end_with(CloseReason reason, const ng::CloseError& error) {
  if (end_) return;
  count_end(reason);
  end_ = End{.reason = std::move(reason), .tell_peer = true, .error = error};
  host_->mark_dirty(*this);
}

ConnectionImpl::Farewell ConnectionImpl::finish(Instant now) {
  BARREL_ASSERT(end_);
  Farewell farewell;
  farewell.routes = std::move(issued_);
  farewell.linger = 3 * Duration(static_cast<Duration::rep>(ngtcp2_conn_get_pto(conn_)));
  if (!end_->tell_peer) return farewell;
  Bytes packet(host_->config().udp_payload_bytes_max);
  Path path;
  ngtcp2_pkt_info info{};
  const auto written = ngtcp2_conn_write_connection_close(conn_, path.get(), &info, packet.data(),
                                                          packet.size(), &end_->error, stamp(now));
  if (written <= 0) return farewell;
  packet.resize(static_cast<std::size_t>(written));
  farewell.packet = std::move(packet);
  farewell.local = path.local();
  farewell.remote = path.remote();
  return farewell;
}

void ConnectionImpl::deliver_closed() {
  BARREL_ASSERT(end_);
  auto* events = std::exchange(events_, nullptr);
  if (events != nullptr) events->on_closed(*this, end_->reason);
}

}  // namespace barrel::quic
