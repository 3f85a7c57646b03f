#include "hostile/attacker.hpp"

#include <stdexcept>
#include <utility>

#include "carrier/stream_map.hpp"
#include "dist/capabilities.hpp"
#include "hostile/messages.hpp"
#include "quic/test_any_key.hpp"
#include "support/sanitized.hpp"

namespace barrel::hostile {

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return *std::move(result);
}

auth::Identity identity_of(std::uint8_t number) {
  auth::Seed seed;
  seed.fill(number);
  return auth::Identity::from_seed(seed);
}

}  // namespace

Attacker::Attacker(const Target& target, AttackerOptions options)
    : target_(target),
      options_(std::move(options)),
      loop_(must(loop::make_epoll_loop(metrics_))),
      socket_(must(loop_->open_udp({.bind = *SocketAddress::parse("127.0.0.1:0")}, *this))),
      endpoint_(must(make_endpoint())),
      timer_(*loop_, [this] { endpoint_->handle_timeout(loop_->now()); }) {
  loop_->set_turn_hook([this] {
    flush();
    if (done_ && done_()) loop_->stop();
  });
}

Result<std::unique_ptr<quic::Endpoint>> Attacker::make_endpoint() {
  const quic::test::AnyKey any_key;
  quic::EndpointConfig config;
  config.certificate_pem = options_.certificate;
  config.private_key_pem = options_.key_pem;
  return quic::Endpoint::make(std::move(config), sink_, *this, metrics_);
}

Attacker::~Attacker() {
  hang_up();
  endpoint_->close_all(0, {});
  flush();
  loop_->set_turn_hook({});
}

void Attacker::flush() {
  endpoint_->flush(loop_->now());
  if (const auto next = endpoint_->next_timeout()) timer_.arm(*next);
  else timer_.cancel();
}

bool Attacker::until(const std::function<bool()>& done, Duration limit) {
  flush();
  if (done()) return true;
  bool late = false;
  const auto alarm = loop_->add_timer(loop_->now() + limit, [&] {
    late = true;
    loop_->stop();
  });
  bool reached = false;
  done_ = [&] { return reached = done(); };
  loop_->run();
  done_ = {};
  loop_->cancel(alarm);
  return reached || (late && done());
}

bool Attacker::connect() {
  hang_up();
  quic::Dial where;
  where.remote = target_.address;
  where.local = socket_->local_address();
  where.alpn = {options_.dialect == dist::Dialect::barrel ? "barrel/1" : "erlang-dist"};
  connection_ = must(endpoint_->connect(where, *this, loop_->now()));
  return until([this] { return connected_ || closed_; }) && connected_;
}

bool Attacker::crowd_in(std::size_t count, Duration limit) {
  for (; count > 0; --count) {
    if (!endpoint_->connect(anonymous(), guests_, loop_->now())) return false;
    ++guests_.coming;
  }
  return until([this] { return guests_.coming == 0; }, limit);
}

quic::Dial Attacker::anonymous() const {
  quic::Dial where;
  where.remote = target_.address;
  where.local = socket_->local_address();
  return where;
}

bool Attacker::knock() {
  auto started = endpoint_->connect(anonymous(), *this, loop_->now());
  if (started) (*started)->detach();
  flush();
  return bool(started);
}

void Attacker::raw(const Bytes& datagram) {
  (void)socket_->send({socket_->local_address(), target_.address, datagram, 0});
}

bool Attacker::authenticate(Duration limit) {
  auth_.emplace(auth::HandshakeSetup{
      .role = auth::Role::client,
      .self = options_.name,
      .identity = identity_of(options_.key),
      .dialed = target_.name,
      .binding = must(auth::channel_binding(connection_->peer_certificate())),
      .nonce = auth::fresh_nonce(),
      .trust = [](std::string_view, const PublicKey&) { return auth::TrustDecision::accept_known; }});
  (void)connection_->open_unidirectional();
  auth::Effects effects;
  auth_->start(moment(), effects);
  carry_out(effects);
  return until([this] { return authenticated_ || closed_; }, limit) && authenticated_;
}

void Attacker::carry_out(const auth::Effects& effects) {
  for (const auth::Effect& effect : effects) {
    if (connection_ == nullptr) return;
    if (const auto* send = std::get_if<auth::Send>(&effect)) {
      Bytes bytes = send->bytes;
      if (options_.on_auth_bytes) options_.on_auth_bytes(bytes);
      auth_sent_.insert(auth_sent_.end(), bytes.begin(), bytes.end());
      (void)connection_->send(carrier::auth_stream(true), SharedBytes(std::move(bytes)));
    } else if (std::holds_alternative<auth::Finish>(effect)) {
      (void)connection_->send(carrier::auth_stream(true), {}, true);
    } else if (std::holds_alternative<auth::Authenticated>(effect)) {
      authenticated_ = true;
    }
  }
}

bool Attacker::shake_hands(NodeName claimed, Duration limit) {
  dist::HandshakeSetup setup;
  const bool barrel = options_.dialect == dist::Dialect::barrel;
  setup.framing = barrel ? dist::Framing::length16 : dist::Framing::none;
  setup.flags = barrel ? dist::offered_flags : dist::offered_to_erlang;
  setup.self = claimed;
  setup.peer = target_.name.text();
  setup.creation = options_.creation;
  setup.cookie = options_.cookie;
  handshake_.emplace(std::move(setup), Random(5));
  (void)connection_->open_bidirectional();
  dist::HandshakeEffects effects;
  handshake_->start(effects);
  carry_out(effects);
  return until([this] { return complete_ || closed_; }, limit) && complete_;
}

void Attacker::carry_out(const dist::HandshakeEffects& effects) {
  for (const dist::HandshakeEffect& effect : effects) {
    if (const auto* send = std::get_if<dist::SendBytes>(&effect)) {
      Bytes bytes = send->bytes;
      if (options_.on_handshake_bytes) options_.on_handshake_bytes(bytes);
      (void)connection_->send(carrier::control_stream, SharedBytes(std::move(bytes)));
    } else if (std::holds_alternative<dist::HandshakeComplete>(effect)) {
      complete_ = true;
    }
  }
}

void Attacker::introduce() {
  const Bytes term = dist::encode_capabilities({});
  Bytes framed;
  ByteWriter(framed).u16(static_cast<std::uint16_t>(term.size()));
  ByteWriter(framed).bytes(term);
  write(carrier::control_stream, std::move(framed));
}

bool Attacker::come_up() {
  if (!connect() || !authenticate() || !shake_hands(options_.name)) return false;
  if (options_.dialect == dist::Dialect::erlang) return true;
  introduce();
  // Whoever is up opens its streams and says who is alive.
  return until([this] { return introduced_ > 0 || closed_; }) && !closed_;
}

void Attacker::hang_up() {
  if (connection_ != nullptr) {
    connection_->close(0);
    connection_->detach();
    flush();
  }
  connection_ = nullptr;
  connected_ = closed_ = authenticated_ = complete_ = false;
  auth_.reset();
  handshake_.reset();
  auth_sent_.clear();
  auth_received_.clear();
  readers_.clear();
  introduced_ = received_ = 0;
  opened_ = 0;
}

bool Attacker::write(quic::StreamId stream, Bytes bytes, bool fin) {
  if (connection_ == nullptr) return false;
  while (opened_ < stream) {
    const auto next = connection_->open_bidirectional();
    if (!next) return false;
    opened_ = *next;
  }
  return bool(connection_->send(stream, SharedBytes(std::move(bytes)), fin));
}

void Attacker::frame(const Bytes& payload) {
  Bytes framed;
  ByteWriter writer(framed);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.bytes(payload);
  write(carrier::messages_stream(true), std::move(framed));
}

void Attacker::control(const Term& tuple, const Term* payload) {
  frame(pass_through_message(tuple, payload));
}

void Attacker::send(const Pid& to, const Term& message) {
  control(Term::tuple_of(22, own_pid(), to), &message);
}

void Attacker::send_name(std::string_view name, const Term& message) {
  control(Term::tuple_of(6, own_pid(), Atom(""), Atom(std::string(name))), &message);
}

void Attacker::on_datagrams(const DatagramTrain& train) {
  if (!deaf_) endpoint_->receive(train, loop_->now());
}

void Attacker::on_connected(quic::Connection& connection) {
  connection_ = &connection;
  connected_ = true;
  connection.admit();  // who attacks has room
}

void Attacker::on_stream_data(quic::Connection& connection, quic::StreamId stream, BytesView bytes, bool) {
  const bool is_message = !quic::is_unidirectional(stream) && stream != carrier::control_stream;
  if (options_.reads || !is_message) connection.consume(stream, bytes.size());
  if (stream == carrier::auth_stream(false)) {
    auth_received_.insert(auth_received_.end(), bytes.begin(), bytes.end());
    if (!auth_) return;
    auth::Effects effects;
    auth_->receive(bytes, moment(), effects);
    carry_out(effects);
  } else if (stream == carrier::control_stream && handshake_ && !handshake_->done()) {
    dist::HandshakeEffects effects;
    handshake_->receive(bytes, effects);
    carry_out(effects);
  } else if (is_message) {
    introduced_ += bytes.size();
    received_ += bytes.size();
    read_messages(stream, bytes);
  }
}

void Attacker::read_messages(quic::StreamId stream, BytesView bytes) {
  dist::FrameReader& reader = readers_.try_emplace(stream, std::size_t{64} << 20).first->second;
  const dist::MessageParser parser(options_.name, target_.name);
  reader.feed(bytes);
  while (reader.next() == dist::FrameReader::Step::frame) {
    const auto message = parser.parse(reader.frame());
    if (!message) continue;
    if (is_refusal(*message)) ++refused_;
    if (message->payload.bytes.empty()) continue;
    const auto payload = decode_etf(message->payload.bytes);
    if (payload && payload->is_tuple(2) && payload->elements()[0] == Term(questions_))
      answer_ = payload->elements()[1];
  }
}

std::string Attacker::refusal() const {
  auth::FrameReader frames;
  BytesView rest(auth_received_);
  while (frames.feed(rest) == auth::FrameReader::Step::frame) {
    const auto decoded = auth::decode_message(frames.message());
    const auto* fail = decoded.message() != nullptr ? std::get_if<auth::Fail>(decoded.message()) : nullptr;
    if (fail != nullptr) return fail->reason;
  }
  return {};
}

std::optional<Term> Attacker::look_up(const Term& name) {
  answer_.reset();
  // An answer is dropped where too much waits for us already.
  for (int attempt = 0; attempt < 10 * test::slowdown && !answer_ && !closed_; ++attempt) {
    const Term query = Term::tuple_of(Atom("route_req"), name, 3, options_.name, Term());
    const Term caller = Term::tuple_of(own_pid(), ++questions_);
    send_name("barrel_p2p_router", Term::tuple_of(Atom("$barrel_p2p_route"),
                                                  Term::tuple_of(Atom("route_request"), query, caller)));
    (void)until([this] { return answer_ || closed_; }, 1s);
  }
  return answer_;
}

void Attacker::on_closed(quic::Connection& connection, const quic::CloseReason&) {
  if (&connection != connection_) return;
  connection_ = nullptr;
  closed_ = true;
}

}  // namespace barrel::hostile
