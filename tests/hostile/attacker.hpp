#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/handshake.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/term/etf.hpp"
#include "dist/control.hpp"
#include "dist/frame_reader.hpp"
#include "dist/handshake.hpp"
#include "loop/epoll_loop.hpp"
#include "quic/endpoint.hpp"

namespace barrel::hostile {

using namespace std::chrono_literals;

/// Whom to attack.
struct Target {
  NodeName name;
  SocketAddress address;
};

struct AttackerOptions {
  NodeName name{"mallory@127.0.0.1"};
  std::uint8_t key = 77;  ///< Number of the key pair; the same name with another one is refused.
  std::string cookie = "barrel_p2p";
  std::uint32_t creation = 5;
  /// What it speaks: as an Erlang node, it negotiates fragments.
  dist::Dialect dialect = dist::Dialect::barrel;
  /// Takes what the victim sends. Otherwise flow control stalls the victim's streams.
  bool reads = true;
  /// Sees, and may change, the bytes of the authentication before they are sent.
  std::function<void(Bytes&)> on_auth_bytes{};
  /// The same for the distribution handshake, framing included.
  std::function<void(Bytes&)> on_handshake_bytes{};
  /// What to serve with, in PEM; they need not match. Without them nobody can dial it.
  std::string certificate{};
  std::string key_pem{};
};

/// A peer that is no node: on a real socket it speaks QUIC, authentication and the distribution handshake as
/// far as a test wants it to, with a key of its own, and then whatever the test says. One connection at a
/// time. Everything happens inside until(), on the calling thread: between two calls it is silent.
class Attacker final : public loop::UdpEvents, public quic::EndpointEvents, public quic::ConnectionEvents {
 public:
  explicit Attacker(const Target& target, AttackerOptions options = {});
  ~Attacker() override;
  Attacker(const Attacker&) = delete;
  Attacker& operator=(const Attacker&) = delete;

  // Steps to a connection; false when it did not come about in time.
  [[nodiscard]] bool connect();
  [[nodiscard]] bool authenticate(Duration limit = 10s);
  [[nodiscard]] bool shake_hands(NodeName claimed, Duration limit = 10s);
  void introduce();
  /// All of them: from then on messages can be sent.
  [[nodiscard]] bool come_up();
  /// Ends the connection, if any, and forgets it.
  void hang_up();

  /// Runs the loop until `done` says true; false after `limit`.
  [[nodiscard]] bool until(const std::function<bool()>& done, Duration limit = 10s);
  void run(Duration time) {
    (void)until([] { return false; }, time);
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool closed_within(Duration limit) {
    return until([this] { return closed_; }, limit);
  }
  /// Everything sent so far has been acknowledged, or the connection is closed.
  [[nodiscard]] bool delivered(Duration limit = 10s) {
    return until([this] { return connection_ == nullptr || connection_->buffered() == 0; }, limit);
  }

  /// Bytes on a stream of ours, which is opened, with those before it, if it is not; false when the victim
  /// allows no more streams.
  bool write(quic::StreamId stream, Bytes bytes, bool fin = false);
  /// Bytes with a length before them on the stream of messages.
  void frame(const Bytes& payload);
  /// A control tuple as a term, and a payload.
  void control(const Term& tuple, const Term* payload = nullptr);
  void send(const Pid& to, const Term& message);
  void send_name(std::string_view name, const Term& message);

  /// Asks the victim where a service is: `{found, Node, Pid}` or `{error, Reason}`. Empty when no answer
  /// came. What was sent before on the same stream has been dealt with by then.
  [[nodiscard]] std::optional<Term> look_up(const Term& name);
  /// Whether the victim has dealt with what was sent, and the connection lives.
  [[nodiscard]] bool settled() { return look_up(Atom("nothing")).has_value(); }

  /// The reason that the victim has given for refusing the authentication; empty when it gave none.
  [[nodiscard]] std::string refusal() const;
  /// How many messages have said so far that something is refused: is_refusal().
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

  /// What authentication has sent, for a replay.
  [[nodiscard]] const Bytes& auth_sent() const { return auth_sent_; }
  /// What came on the victim's streams of messages, in bytes.
  [[nodiscard]] std::size_t received() const { return received_; }
  /// A process of ours.
  [[nodiscard]] Pid own_pid(std::uint32_t id = 1) const {
    return {options_.name.atom(), id, 0, options_.creation};
  }
  [[nodiscard]] NodeName name() const { return options_.name; }
  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] quic::Connection* connection() { return connection_; }
  [[nodiscard]] quic::Endpoint& endpoint() { return *endpoint_; }
  /// Starts one more handshake without an end to it: its answers go unheard.
  [[nodiscard]] bool knock();
  /// Starts so many connections at once, and waits until each is there or has failed; they stay, and say
  /// nothing. False when they do not in time.
  [[nodiscard]] bool crowd_in(std::size_t count, Duration limit = 60s);
  /// Sends one datagram that QUIC has not made.
  void raw(const Bytes& datagram);
  /// While `lost`, what is sent does not leave, as if the network had lost it.
  void lose(bool lost) {
    flush();
    sink_.lost = lost;
  }
  /// Forgets whatever arrives.
  void set_deaf(bool deaf) { deaf_ = deaf; }

  /// Where it can be dialed.
  [[nodiscard]] std::uint16_t port() const { return socket_->local_address().port(); }
  /// Somebody's handshake with it has succeeded.
  [[nodiscard]] bool accepted() const { return accepted_; }

  // loop::UdpEvents
  void on_datagrams(const DatagramTrain& train) override;
  void on_writable() override { endpoint_->writable(loop_->now()); }
  void on_refused(const SocketAddress&) override {}
  // quic::EndpointEvents
  quic::ConnectionEvents* on_accept(quic::Connection&) override {
    accepted_ = true;
    return nullptr;
  }
  // quic::ConnectionEvents
  void on_connected(quic::Connection& connection) override;
  void on_stream_data(quic::Connection& connection, quic::StreamId stream, BytesView bytes,
                      bool fin) override;
  void on_stream_reset(quic::Connection&, quic::StreamId, std::uint64_t) override { ++resets; }
  void on_closed(quic::Connection& connection, const quic::CloseReason& reason) override;

  std::uint64_t resets = 0;

 private:
  [[nodiscard]] Result<std::unique_ptr<quic::Endpoint>> make_endpoint();
  /// To the victim, with all protocols.
  [[nodiscard]] quic::Dial anonymous() const;
  void flush();
  auth::Moment moment() { return {loop_->now(), loop_->system_now()}; }
  void read_messages(quic::StreamId stream, BytesView bytes);
  void carry_out(const auth::Effects& effects);
  void carry_out(const dist::HandshakeEffects& effects);

  const Target target_;
  const AttackerOptions options_;
  Metrics metrics_;
  std::unique_ptr<loop::EpollLoop> loop_;
  std::unique_ptr<loop::UdpSocket> socket_;
  struct Sink final : DatagramSink {
    explicit Sink(Attacker& owner) : attacker(owner) {}
    Status send(const DatagramTrain& train) override {
      return lost ? Status::accepted : attacker.socket_->send(train);
    }
    Attacker& attacker;
    bool lost = false;
  };
  Sink sink_{*this};
  /// Those who come in crowds, until they are there.
  struct Guests final : quic::ConnectionEvents {
    void on_connected(quic::Connection& connection) override {
      --coming;
      connection.detach();
    }
    void on_stream_data(quic::Connection&, quic::StreamId, BytesView, bool) override {}
    void on_stream_reset(quic::Connection&, quic::StreamId, std::uint64_t) override {}
    void on_closed(quic::Connection&, const quic::CloseReason&) override { --coming; }
    std::size_t coming = 0;
  };
  Guests guests_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  loop::Timer timer_;
  std::function<bool()> done_;

  quic::Connection* connection_ = nullptr;
  bool connected_ = false;
  bool closed_ = false;
  bool accepted_ = false;
  bool deaf_ = false;
  std::optional<auth::Handshake> auth_;
  bool authenticated_ = false;
  Bytes auth_sent_;
  Bytes auth_received_;
  std::optional<dist::Handshake> handshake_;
  bool complete_ = false;
  std::size_t introduced_ = 0;
  quic::StreamId opened_ = 0;
  std::size_t received_ = 0;
  std::uint64_t refused_ = 0;
  std::map<quic::StreamId, dist::FrameReader> readers_;
  std::int64_t questions_ = 1'000'000;
  std::optional<Term> answer_;
};

}  // namespace barrel::hostile
