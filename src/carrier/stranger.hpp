#pragma once

// A QUIC peer that is no node: it speaks the protocol by hand, as far as a test wants it to, and then breaks
// it.

#include <memory>
#include <optional>

#include "auth/handshake.hpp"
#include "carrier/test_nodes.hpp"
#include "dist/handshake.hpp"

namespace barrel::carrier::test {

class Stranger {
 public:
  /// Joins the world and dials `node`.
  Stranger(World& world, TestNode& node, NodeName name, std::string alpn)
      : world_(world),
        node_(node),
        name_(name),
        key_(identity_of(77)),
        endpoint_(world.network, "10.0.0.9:4433", {}),
        barrel_(alpn == "barrel/1") {
    world.strangers.push_back(&endpoint_);
    quic::Dial where;
    where.remote = node.address;
    where.local = endpoint_.address;
    where.alpn = {std::move(alpn)};
    recorder_.on_data = [this](quic::Connection&, quic::StreamId stream, BytesView bytes, bool) {
      if (stream == 0) deliveries.emplace_back(bytes.begin(), bytes.end());
      if (stream == 3 && auth_) receive_auth(bytes);
      if (stream == 0 && handshake_ && !handshake_->done()) receive_handshake(bytes);
    };
    auto made = endpoint_.endpoint->connect(where, recorder_, world.network.now);
    if (!made) throw std::runtime_error(made.error().message());
    recorder_.connection = *made;
  }
  ~Stranger() { std::erase(world_.strangers, &endpoint_); }

  bool connect() {
    return world_.until([this] { return recorder_.connected; }, 5s);
  }

  /// One more connection, of which nothing but TLS becomes.
  void dial_again(quic::test::Recorder& owner) {
    quic::Dial where;
    where.remote = node_.address;
    where.local = endpoint_.address;
    auto made = endpoint_.endpoint->connect(where, owner, world_.network.now);
    if (!made) throw std::runtime_error(made.error().message());
  }

  bool authenticate() {
    auth::HandshakeSetup setup{
        .role = auth::Role::client,
        .self = name_,
        .identity = key_,
        .dialed = node_.name,
        .binding = *auth::channel_binding(recorder_.connection->peer_certificate()),
        .nonce = {},
        .trust = [](std::string_view, const PublicKey&) { return auth::TrustDecision::accept_known; }};
    auth_.emplace(std::move(setup));
    (void)recorder_.connection->open_unidirectional();
    auth::Effects effects;
    auth_->start(moment(), effects);
    carry_out(effects);
    return world_.until([this] { return authenticated_; }, 5s);
  }

  /// Through the distribution handshake; up on the other side unless the capability term is still missing.
  bool shake_hands(NodeName claimed) {
    dist::HandshakeSetup setup;
    setup.framing = barrel_ ? dist::Framing::length16 : dist::Framing::none;
    setup.self = claimed;
    setup.peer = node_.name.text();
    setup.cookie = "barrel_p2p";
    handshake_.emplace(std::move(setup), Random(5));
    (void)recorder_.connection->open_bidirectional();
    dist::HandshakeEffects effects;
    handshake_->start(effects);
    carry_out(effects);
    return world_.until([this] { return complete_ || recorder_.closed.has_value(); }, 5s) && complete_;
  }
  bool shake_hands() { return shake_hands(name_); }

  void introduce() {
    const Bytes term = dist::encode_capabilities({});
    Bytes framed;
    ByteWriter(framed).u16(static_cast<std::uint16_t>(term.size()));
    ByteWriter(framed).bytes(term);
    write(0, framed);
  }
  bool come_up() {
    if (!connect() || !authenticate() || !shake_hands()) return false;
    if (barrel_) introduce();
    return world_.until([this] { return node_.peers[name_].live != nullptr; }, 5s);
  }

  /// Opens bidirectional streams until `stream`, then writes there.
  void write(quic::StreamId stream, const Bytes& bytes, bool fin = false) {
    while (opened_ < stream) {
      const auto next = recorder_.connection->open_bidirectional();
      if (!next) return;
      opened_ = *next;
    }
    (void)recorder_.connection->send(stream, SharedBytes(bytes), fin);
  }
  /// A frame on the first data stream.
  void send_frame(const Bytes& payload) {
    Bytes framed;
    ByteWriter(framed).u32(static_cast<std::uint32_t>(payload.size()));
    ByteWriter(framed).bytes(payload);
    write(4, framed);
  }
  [[nodiscard]] bool closed() const { return recorder_.closed.has_value(); }
  bool closed_within(Duration limit) {
    return world_.until([this] { return closed(); }, limit);
  }
  [[nodiscard]] quic::Connection& connection() { return *recorder_.connection; }
  [[nodiscard]] const quic::test::Recorder& recorder() const { return recorder_; }

  /// What arrived on stream 0, delivery by delivery.
  std::vector<Bytes> deliveries;

 private:
  auth::Moment moment() { return {world_.network.now, node_.system_now()}; }

  void receive_auth(BytesView bytes) {
    auth::Effects effects;
    auth_->receive(bytes, moment(), effects);
    carry_out(effects);
  }
  void carry_out(const auth::Effects& effects) {
    for (const auth::Effect& effect : effects) {
      if (const auto* send = std::get_if<auth::Send>(&effect)) {
        (void)recorder_.connection->send(2, SharedBytes(send->bytes));
      } else if (std::holds_alternative<auth::Finish>(effect)) {
        (void)recorder_.connection->send(2, {}, true);
      } else if (std::holds_alternative<auth::Authenticated>(effect)) {
        authenticated_ = true;
      }
    }
  }
  void receive_handshake(BytesView bytes) {
    dist::HandshakeEffects effects;
    handshake_->receive(bytes, effects);
    carry_out(effects);
  }
  void carry_out(const dist::HandshakeEffects& effects) {
    for (const dist::HandshakeEffect& effect : effects) {
      if (const auto* send = std::get_if<dist::SendBytes>(&effect)) {
        (void)recorder_.connection->send(0, SharedBytes(send->bytes));
      } else if (std::holds_alternative<dist::HandshakeComplete>(effect)) {
        complete_ = true;
      }
    }
  }

  World& world_;
  TestNode& node_;
  NodeName name_;
  auth::Identity key_;
  quic::test::Peer endpoint_;
  quic::test::Recorder recorder_;
  bool barrel_;
  std::optional<auth::Handshake> auth_;
  std::optional<dist::Handshake> handshake_;
  bool authenticated_ = false;
  bool complete_ = false;
  quic::StreamId opened_ = 0;
};

}  // namespace barrel::carrier::test
