#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/rate_limit.hpp"
#include "quic/connection_impl.hpp"
#include "quic/endpoint.hpp"
#include "quic/half_open.hpp"
#include "quic/packet_train.hpp"

namespace barrel::quic {

class EndpointImpl final : public Endpoint, private ConnectionHost {
 public:
  EndpointImpl(EndpointConfig config, std::unique_ptr<TlsContext> tls, DatagramSink& sink,
               EndpointEvents& events, Metrics& metrics, Log log);
  ~EndpointImpl() override;

  [[nodiscard]] Result<Connection*> connect(const Dial& dial, ConnectionEvents& events, Instant now) override;
  void receive(const DatagramTrain& train, Instant now) override;
  void refused(const SocketAddress& remote, Instant now) override;
  void handle_timeout(Instant now) override;
  void flush(Instant now) override;
  void writable(Instant now) override;
  [[nodiscard]] std::optional<Instant> next_timeout() const override;
  void set_accepting(bool accepting) override { accepting_ = accepting; }
  [[nodiscard]] Connection* find(ConnectionId id) override;
  [[nodiscard]] std::size_t connection_count() const override { return connections_.size(); }
  [[nodiscard]] std::size_t half_open_count() const override { return half_open_.total(); }
  [[nodiscard]] BytesView certificate() const override { return tls_->certificate(); }
  void close_all(std::uint64_t code, std::string_view text) override;

 private:
  /// What is left of a closed connection: it answers late packets for a while (RFC 9000 §10.2).
  struct Closing {
    ConnectionImpl::Farewell farewell;
    Instant until;
    std::uint64_t received = 0;
  };
  struct Route {
    ConnectionImpl* connection = nullptr;
    std::shared_ptr<Closing> closing;
  };
  struct WireIdHash {
    // The ids are random bits already.
    std::size_t operator()(WireId id) const noexcept { return static_cast<std::size_t>(id); }
  };
  /// By time, then in the order of the connections' making: where they lie in memory must decide nothing.
  struct TimerOrder {
    using Timer = std::pair<Instant, ConnectionImpl*>;
    bool operator()(const Timer& a, const Timer& b) const {
      return a.first != b.first ? a.first < b.first : a.second->id() < b.second->id();
    }
  };
  struct TokenHash {
    std::size_t operator()(const ResetToken& token) const noexcept;
  };

  // ConnectionHost.
  [[nodiscard]] const EndpointConfig& config() const override { return config_; }
  [[nodiscard]] const TlsContext& tls() const override { return *tls_; }
  [[nodiscard]] BytesView token_key() const override { return config_.token_key; }
  [[nodiscard]] Counters& counters() override { return counters_; }
  void add_route(WireId id, ConnectionImpl& connection) override { routes_[id] = {&connection, nullptr}; }
  void remove_route(WireId id) override { routes_.erase(id); }
  void add_reset_token(const ResetToken& token, ConnectionImpl& connection) override;
  void remove_reset_token(const ResetToken& token, ConnectionImpl& connection) override;
  void mark_dirty(ConnectionImpl& connection) override;
  ConnectionEvents* handshake_done(ConnectionImpl& connection) override;

  // Routing (endpoint_receive.cpp).
  struct Incoming {
    BytesView packet;
    const SocketAddress& local;
    const SocketAddress& remote;
    Instant now;
  };
  void route(const Incoming& in);
  [[nodiscard]] const Route* find_route(BytesView destination, bool long_header,
                                        const SocketAddress& remote) const;
  void deliver(ConnectionImpl& connection, const Incoming& in);
  void deliver_late(Closing& closing, const Incoming& in);
  void on_unknown_short(const Incoming& in);
  void negotiate_version(const Incoming& in, BytesView destination, BytesView source);
  void reset(const Incoming& in);
  void accept(const Incoming& in);
  [[nodiscard]] bool may_accept(const ngtcp2_pkt_hd& header, bool proven, const Incoming& in);
  void make_connection(const ConnectionImpl::Accept& accept, const Incoming& in);
  void drop_unborn(ConnectionImpl& connection);
  void send_retry(const ngtcp2_pkt_hd& header, const Incoming& in);
  void refuse(const ngtcp2_pkt_hd& header, std::uint64_t code, const Incoming& in);
  [[nodiscard]] bool allow_stateless(Instant now);
  void send_stateless(BytesView packet, const Incoming& in);

  // Lifetime (endpoint_impl.cpp).
  void adopt(std::unique_ptr<ConnectionImpl> connection);
  void leave_half_open(ConnectionImpl& connection);
  void schedule(ConnectionImpl& connection);
  void unschedule(ConnectionImpl& connection);
  void forget(ConnectionImpl& connection);
  void bury(ConnectionImpl& connection, Instant now);
  void forget_closing(Instant now);
  void count_sent();

  EndpointConfig config_;
  std::unique_ptr<TlsContext> tls_;
  EndpointEvents* events_;
  Counters counters_;
  Log log_;
  PacketTrain train_;
  RateLimit stateless_;
  /// Strangers cannot fill the disk with log lines. A guess: the next one would say the same.
  static constexpr std::uint64_t accept_lines_per_second = 1;
  RateLimit accept_lines_{accept_lines_per_second};
  HalfOpen half_open_;
  ConnectionId next_id_ = 1;
  Instant last_now_{};
  bool accepting_ = true;
  std::unordered_map<ConnectionId, std::unique_ptr<ConnectionImpl>> connections_;
  std::unordered_map<WireId, Route, WireIdHash> routes_;
  std::map<InitialRoute, Route> initial_routes_;
  std::unordered_map<ResetToken, ConnectionImpl*, TokenHash> reset_tokens_;
  std::set<std::pair<Instant, ConnectionImpl*>, TimerOrder> timers_;
  std::vector<ConnectionImpl*> dirty_;
  std::deque<std::shared_ptr<Closing>> closing_;  ///< In the order of their closing.
};

}  // namespace barrel::quic
