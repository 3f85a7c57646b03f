#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "barrel/base/log.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/node/node.hpp"
#include "barrel/process/runtime.hpp"
#include "base/rate_limit.hpp"
#include "carrier/link.hpp"
#include "carrier/link_owner.hpp"
#include "carrier/quic_carrier.hpp"
#include "loop/loop.hpp"
#include "loop/udp_socket.hpp"
#include "node/channel_table.hpp"
#include "node/dialer.hpp"
#include "node/dispatcher.hpp"
#include "node/identity_files.hpp"
#include "node/membership_service.hpp"
#include "node/new_names.hpp"
#include "node/overlay.hpp"
#include "node/registry_service.hpp"
#include "node/router.hpp"
#include "node/tcp_gate.hpp"
#include "node/trust_files.hpp"

namespace barrel::node {

/// What the cluster thread does: drives links and overlay, and is where they meet. Everything here runs on
/// the loop's thread, except the constructor and what says otherwise.
class Cluster final : public carrier::LinkOwner, public Overlay::Port, public loop::UdpEvents {
 public:
  struct Parts {
    const NodeConfig& config;
    std::uint32_t creation;
    loop::Loop& loop;
    Runtime& runtime;
    ChannelTable& channels;
    DirtyChannels& dirty;
    Router& router;
    RegistryService& registry;
    MembershipService& membership;
    TrustFiles& trust;
    auth::Identity identity;
    /// Finds addresses; called where blocking is allowed.
    std::function<Result<std::vector<NodeAddress>>(NodeName)> locate;
    Metrics& metrics;
    Log log;
    Random random;
  };

  explicit Cluster(Parts parts);
  ~Cluster() override;

  /// Binds the port. Before the loop runs.
  Result<void> open(const LoadedCertificate& certificate);
  /// Any thread, after open().
  [[nodiscard]] std::uint16_t port() const { return socket_->local_address().port(); }
  /// 0 without TCP. Any thread, after open().
  [[nodiscard]] std::uint16_t tcp_port() const { return tcp_ ? tcp_->port() : 0; }
  /// Begins to take part: joins the contact nodes.
  void start();

  /// For Router::Hooks.
  void watch(NodeName node);
  void overrun(NodeName node);
  /// A node of the original has not answered what its emulator answers: its end of the connection is no more.
  void unanswered(NodeName node);
  /// Runs a command on the overlay. Cluster thread.
  [[nodiscard]] Overlay& overlay() { return *overlay_; }
  [[nodiscard]] Moment moment() const { return {loop_.now(), loop_.system_now()}; }

  /// Any thread.
  [[nodiscard]] std::vector<PeerInfo> peers() const;
  [[nodiscard]] Dispatcher::Unread unread() const { return dispatcher_.unread(); }

  // Shutdown, in this order.
  /// Accepts and dials no more.
  void stop_connecting();
  /// Tells the cluster that we go.
  void leave();
  /// Whether everything that was sent has been acknowledged.
  [[nodiscard]] bool drained() const;
  /// Closes all links; the close packets leave with the next turn.
  void close_links();

 private:
  // carrier::LinkOwner
  SystemTime system_now() override { return loop_.system_now(); }
  auth::Identity identity() override;
  auth::Nonce nonce() override { return auth::fresh_nonce(); }
  auth::TrustDecision check_trust(std::string_view claimed_name, const PublicKey& key) override;
  std::shared_ptr<AtomQuota> atom_quota(NodeName peer) override { return dispatcher_.quota(peer); }
  void on_authenticated(carrier::Link& link, std::string_view peer, const PublicKey& key) override;
  dist::Verdict on_incoming(carrier::Link& link, std::string_view peer, std::uint32_t creation) override;
  bool admits_unproven(std::string_view peer) override;
  bool admits_new_name(bool proven) override;
  carrier::Pinned pin(carrier::Link& link, NodeName peer, const PublicKey& key) override;
  void on_up(carrier::Link& link) override;
  void on_message(carrier::Link& link, dist::Message& message, dist::Lane lane) override;
  void on_suspect(carrier::Link& link) override;
  void on_alive(carrier::Link& link) override;
  void on_drained(carrier::Link& link, dist::Lane lane) override;
  void on_down(carrier::Link& link, const carrier::Down& down) override;

  // Overlay::Port
  void send(NodeName to, Atom name, const Term& message, Delivery delivery) override;
  void send_to_pid(const Pid& to, const Term& message) override;
  void dial(NodeName node) override;
  void release(NodeName node) override;
  void publish(std::shared_ptr<const RegistrySnapshot> snapshot) override {
    registry_.publish(std::move(snapshot));
  }
  void emit(const ServiceEvent& event) override { registry_.emit(event); }
  void emit(const MembershipEvent& event) override { membership_.emit(event); }
  void node_dead(NodeName node, std::uint32_t creation) override;
  bool look_up(NodeName asker, const RouteQuery& query) override { return registry_.pass_on(asker, query); }
  void originals_heard() override { registry_.beside_originals(); }

  // loop::UdpEvents
  void on_datagrams(const DatagramTrain& train) override { carrier_->receive(train, loop_.now()); }
  void on_writable() override { carrier_->writable(loop_.now()); }
  void on_refused(const SocketAddress& remote) override { carrier_->refused(remote, loop_.now()); }

  /// Whether it can be one of the overlay: plain Erlang nodes know nothing of that.
  [[nodiscard]] static bool is_member(const carrier::Link& link) { return link.proves_name(); }
  /// Closes the links of those who let senders wait for ever.
  void give_up_stalled();
  void pin_stored(std::uint64_t link_id, NodeName peer, const Result<auth::TrustDecision>& stored);
  /// The end of every loop turn: queues to links, due timers, datagrams out.
  void turn();
  void live_link_down(Channel& channel, const carrier::Down& down, bool was_member);
  void dial_failed(Channel& channel, const std::string& why);
  void wake_waiters(Channel& channel);
  /// Ends our own dial to a node whose connection has come up meanwhile.
  void drop_needless_dial(Channel& channel);
  /// The peer is connecting to us.
  void note_incoming(carrier::Link& link);
  /// True when it was, and by no other link.
  bool forget_incoming(const carrier::Link& link);
  /// None of a node that nobody has had to do with.
  [[nodiscard]] Channel* channel_of(std::string_view name);
  /// Closes a link that still is the live one.
  void end_link(std::uint64_t link_id, NodeName peer, const std::string& why);
  /// Whether there may be one more log line that a stranger, or that peer, causes; counts when not.
  [[nodiscard]] bool may_log_for_stranger();
  [[nodiscard]] bool may_log_for(Channel& peer);
  void log_refusal(const carrier::Link& link, const carrier::Down& down);
  void publish_peers();
  void arm_timer();
  /// Closes links that nobody has used for a while and gossip does not need.
  void sweep_idle();
  /// Frees the channels that have not been needed since the last sweep.
  void free_idle_channels();
  /// Closes the live link if neither gossip nor any process needs it.
  void close_unneeded(const Channel& channel);

  const NodeConfig& config_;
  const NodeName self_;
  const std::uint32_t creation_;
  loop::Loop& loop_;
  Runtime& runtime_;
  ChannelTable& channels_;
  DirtyChannels& dirty_;
  Router& router_;
  RegistryService& registry_;
  MembershipService& membership_;
  TrustFiles& trust_;
  const auth::Identity identity_;
  Metrics& metrics_;
  Log log_;
  Random random_;
  Gauge& links_up_;
  Counter& crossing_dials_;
  Counter& links_given_up_;
  Counter& links_stalled_;
  Counter& unlinked_sends_;
  Counter& answers_unasked_;
  Counter& idle_links_closed_;
  Counter& refusals_not_logged_;
  RateLimit refusal_lines_;

  Result<carrier::Link*> connect(NodeName peer, const SocketAddress& address, Transport transport);
  /// Moves what senders have queued to the links, and dials where there is none.
  void drain_dirty();

  NewNames names_with_key_{NewNames::with_key};
  NewNames names_without_key_{NewNames::without_key};

  Dialer dialer_;
  Dispatcher dispatcher_;
  std::unique_ptr<Overlay> overlay_;
  std::unique_ptr<loop::UdpSocket> socket_;
  std::unique_ptr<carrier::QuicCarrier> carrier_;
  std::unique_ptr<TcpGate> tcp_;  // none unless enabled
  loop::Timer timer_;
  loop::Timer sweep_timer_;
  loop::Timer stall_timer_;
  std::vector<carrier::Link*> live_links_;
  /// Links of peers that dialed us, have a name, and are not up yet: their names are text, because anybody
  /// can have come so far.
  std::multimap<std::string, carrier::Link*, std::less<>> incoming_;
  bool peers_changed_ = false;

  mutable std::mutex peers_mutex_;
  std::vector<PeerInfo> peers_;
};

}  // namespace barrel::node
