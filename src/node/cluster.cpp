#include "node/cluster.hpp"

#include <algorithm>
#include <utility>

#include "node/cluster_settings.hpp"
#include "node/listen_error.hpp"

namespace barrel::node {

namespace {

/// Whether a socket bound to `local` can send there. It would not say so itself: what it cannot send is lost.
bool is_sendable(const SocketAddress& local, const SocketAddress& remote) {
  if (local.family() == remote.family()) return true;
  return local.family() == SocketAddress::Family::v6 && local.is_wildcard();
}

PeerLimits peer_limits(const NodeConfig& config) {
  PeerLimits limits;
  limits.etf.depth_max = PeerLimits::depth_max;
  // No Erlang node sends one between nodes, or takes one: term_to_binary alone compresses.
  limits.etf.uncompressed_bytes_max = 0;
  limits.atoms_max = config.channel.atoms_per_peer_max;
  limits.unread_bytes_max = config.channel.unread_bytes_max;
  return limits;
}

/// A link that the overlay has no more use for is kept this long for the processes: a first message to the
/// node may be on its way. A guess, several round trips of a slow path.
constexpr Duration released_after = std::chrono::seconds(2);
/// A connection that is younger is not the one that a question went unanswered by.
constexpr Duration unanswered_after = std::chrono::seconds(10);
/// What a slow path has passed on by then. Guess.
constexpr std::size_t unanswered_bytes_max = std::size_t{256} << 10;

/// A guess, well below StallWatch::stalled_after.
constexpr Duration stall_check_period = std::chrono::seconds(5);

/// Strangers cannot fill the disk with log lines. A guess: an operator reads no more.
constexpr std::uint64_t refusal_lines_per_second = 10;

}  // namespace

Cluster::Cluster(Parts parts)
    : config_(parts.config),
      self_(parts.config.name),
      creation_(parts.creation),
      loop_(parts.loop),
      runtime_(parts.runtime),
      channels_(parts.channels),
      dirty_(parts.dirty),
      router_(parts.router),
      registry_(parts.registry),
      membership_(parts.membership),
      trust_(parts.trust),
      identity_(parts.identity),
      metrics_(parts.metrics),
      log_(parts.log.named("cluster")),
      random_(parts.random),
      links_up_(parts.metrics.gauge("node.links_up")),
      crossing_dials_(parts.metrics.counter("node.crossing_dials")),
      links_given_up_(parts.metrics.counter("node.links_given_up")),
      links_stalled_(parts.metrics.counter("node.links_stalled")),
      unlinked_sends_(parts.metrics.counter("overlay.sends_unlinked")),
      answers_unasked_(parts.metrics.counter("node.answers_to_others")),
      idle_links_closed_(parts.metrics.counter("barrel_p2p.dist_gc.reap")),
      refusals_not_logged_(parts.metrics.counter("node.refusals_not_logged")),
      refusal_lines_(refusal_lines_per_second),
      dialer_(loop_, config_.channel.dial_timeout,
              {.locate = std::move(parts.locate),
               .connect = [this](NodeName peer, const SocketAddress& address,
                                 Transport transport) { return connect(peer, address, transport); },
               .channel = [this](NodeName peer) { return channels_.find(peer.atom()); },
               .is_incoming = [this](NodeName node) { return incoming_.contains(node.text()); },
               .failed = [this](Channel& channel, const std::string& why) { dial_failed(channel, why); }},
              metrics_),
      dispatcher_(
          self_, runtime_, peer_limits(config_),
          {.overlay = [this](NodeName from, Atom name,
                             const Term& message) { overlay_->message(from, name, message, moment()); },
           .violation =
               [this](std::uint64_t link, NodeName peer, std::string why) {
                 loop_.post([this, link, peer, text = std::move(why)] { end_link(link, peer, text); });
               },
           .nobody = [this](NodeName peer,
                            const dist::NobodyDown& down) { router_.refuse_monitor(peer, down); },
           .answer = [this](const RemoteSignal& signal) { router_.signal(signal); }},
          metrics_, log_),
      overlay_(std::make_unique<Overlay>(overlay_settings(config_), self_, creation_, moment(),
                                         random_.split(), metrics_, parts.log.named("overlay"), *this)),
      timer_(loop_, [] {}),
      sweep_timer_(loop_, [this] { sweep_idle(); }),
      stall_timer_(loop_, [this] { give_up_stalled(); }) {
  loop_.set_turn_hook([this] { turn(); });
}

Cluster::~Cluster() {
  loop_.set_turn_hook({});
}

Result<void> Cluster::open(const LoadedCertificate& certificate) {
  const auto bind = SocketAddress::from_ip(config_.listen.address, config_.listen.port);
  if (!bind) {
    return Error(Errc::invalid_argument,
                 "listen_address " + config_.listen.address + " is not an IP address");
  }
  auto socket = loop_.open_udp({.bind = *bind}, *this);
  if (!socket) return listen_error(socket.error(), "listen_address", "listen_port");
  socket_ = *std::move(socket);
  auto carrier =
      carrier::QuicCarrier::make(link_settings(config_, creation_), endpoint_settings(config_, certificate),
                                 *socket_, *this, random_.split(), metrics_, log_.named("carrier"));
  if (!carrier) return std::move(carrier).error();
  carrier_ = *std::move(carrier);
  if (!config_.tcp.enabled) return {};
  auto gate = TcpGate::open(config_, creation_, loop_, *this, random_.split(), metrics_, log_.named("tcp"));
  if (!gate) return std::move(gate).error();
  tcp_ = *std::move(gate);
  return {};
}

void Cluster::start() {
  overlay_->start(moment());
  if (tcp_) tcp_->start();
  sweep_timer_.arm_after(config_.channel.gc_sweep_period);
  stall_timer_.arm_after(stall_check_period);
}

void Cluster::give_up_stalled() {
  stall_timer_.arm_after(stall_check_period);
  const std::vector<carrier::Link*> links = live_links_;  // closing changes the list
  for (carrier::Link* link : links) {
    Channel& channel = *channels_.find(link->peer()->name.atom());
    const dist::Outbound& outbound = channel.outbound;
    const bool busy = outbound.busy(dist::Lane::messages);
    if (!channel.stall.look(busy, outbound.acknowledged_bytes(dist::Lane::messages), loop_.now())) continue;
    links_stalled_.add();
    link->close("takes nothing of what is sent to it", loop_.now());
  }
}

void Cluster::sweep_idle() {
  sweep_timer_.arm_after(config_.channel.gc_sweep_period);
  const std::vector<carrier::Link*> links = live_links_;  // closing changes the list
  for (const carrier::Link* link : links) {
    if (!is_member(*link)) continue;  // Erlang keeps its connections
    Channel& channel = *channels_.find(link->peer()->name.atom());
    const bool used = channel.used.exchange(false, std::memory_order_relaxed);
    if (!used && channel.up_since + config_.channel.gc_min_age <= loop_.now()) close_unneeded(channel);
  }
  free_idle_channels();
}

void Cluster::free_idle_channels() {
  // Those that were so the last time already: a dead node's may be wanted again at once.
  channels_.free_if([](const Channel& channel) {
    return channel.was_idle && channel.is_idle() && !channel.used.load(std::memory_order_relaxed);
  });
  for (Channel* channel : channels_.all()) {
    const bool is_idle = channel->is_idle();
    // Of live links close_unneeded() asks whether they were used.
    channel->was_idle = is_idle && !channel->used.exchange(false, std::memory_order_relaxed);
  }
}

void Cluster::close_unneeded(const Channel& channel) {
  if (channel.pending_bytes() != 0) return;  // somebody has just begun to send
  const std::vector<NodeName> active = overlay_->active_view();
  if (std::ranges::find(active, channel.peer) != active.end() || runtime_.is_related_to(channel.peer)) return;
  if (overlay_->relies_on_us(channel.peer, loop_.now())) return;
  idle_links_closed_.add();
  channel.live_link->close("idle", loop_.now());
}

void Cluster::release(NodeName node) {
  (void)loop_.add_timer(loop_.now() + released_after, [this, node] {
    const Channel* channel = channels_.find(node.atom());
    if (channel == nullptr || channel->live_link == nullptr) return;
    if (channel->up_since + released_after > loop_.now()) return;  // another one has come since
    if (!channel->used.load(std::memory_order_relaxed)) close_unneeded(*channel);
  });
}

Result<carrier::Link*> Cluster::connect(NodeName peer, const SocketAddress& address, Transport transport) {
  if (transport != Transport::quic) {
    if (!tcp_) return Error(Errc::unsupported, "TCP is not enabled (tcp_enabled)");
    if (!admits_unproven(peer.text())) return Error(Errc::not_trusted, "its key is pinned: never by TCP");
    return tcp_->dial(peer, address, transport == Transport::epmd);
  }
  quic::Dial where;
  where.remote = address;
  where.local = socket_->local_address();
  if (!is_sendable(where.local, address)) {
    return Error(Errc::unsupported, address.family() == SocketAddress::Family::v6
                                        ? "listen_address is an IPv4 address; :: is for both"
                                        : "listen_address is one IPv6 address; :: is for both");
  }
  return carrier_->dial(peer, std::move(where), loop_.now());
}

void Cluster::drain_dirty() {
  for (Channel* channel : dirty_.take()) {
    if (channel->live_link != nullptr) channel->live_link->flush(loop_.now());
    else dialer_.start(*channel);
  }
}

void Cluster::turn() {
  runtime_.release_wakeups();  // before what is sent now, which takes longer
  drain_dirty();
  if (const auto due = overlay_->next_deadline(); due && *due <= loop_.now()) overlay_->advance(moment());
  drain_dirty();  // what the overlay has just said goes out in this turn
  carrier_->turn(loop_.now());
  if (tcp_) tcp_->turn();
  membership_.publish(*overlay_);
  if (std::exchange(peers_changed_, false)) publish_peers();
  runtime_.release_wakeups();
  arm_timer();
}

void Cluster::arm_timer() {
  std::optional<Instant> due = carrier_->next_timeout();
  if (const auto overlay_due = overlay_->next_deadline(); overlay_due && (!due || *overlay_due < *due))
    due = overlay_due;
  if (const auto tcp_due = tcp_ ? tcp_->next_timeout() : std::nullopt; tcp_due && (!due || *tcp_due < *due))
    due = tcp_due;
  if (due) timer_.arm(*due);
  else timer_.cancel();
}

void Cluster::overrun(NodeName node) {
  const Channel* channel = channels_.find(node.atom());
  if (channel == nullptr || channel->live_link == nullptr) return;
  if (!router_.is_overrun(*channel)) return;  // a connection later
  end_link(channel->live_link->id(), node, "it does not read what it is answered");
}

void Cluster::unanswered(NodeName node) {
  const Channel* channel = channels_.find(node.atom());
  if (channel == nullptr || channel->live_link == nullptr || !is_member(*channel->live_link)) return;
  // The question may stand behind large messages, or have gone by an earlier connection. (That something has
  // not been acknowledged says nothing: a connection that was given up does not acknowledge what is sent by
  // it.)
  if (channel->outbound.pending_bytes(dist::Lane::messages) > unanswered_bytes_max) return;
  if (channel->up_since + unanswered_after > loop_.now()) return;
  links_given_up_.add();
  log_.info("a node has given up its connection", {{"node", std::string(node.text())}});
  channel->live_link->close("the peer has given it up", loop_.now());
}

void Cluster::watch(NodeName node) {
  Channel* channel = channels_.find_or_make(node.atom());
  if (channel == nullptr) return runtime_.node_down(node, noconnection());
  // Does nothing when the connection has come up meanwhile: who asks was listed as a watcher before he found
  // it down, so that on_up has told him.
  dialer_.start(*channel);
}

// --- Overlay::Port

void Cluster::send(NodeName to, Atom name, const Term& message, Delivery delivery) {
  if (delivery == Delivery::if_linked) {
    const Channel* channel = channels_.find(to.atom());
    if (channel == nullptr || channel->live_link == nullptr) return unlinked_sends_.add();
  }
  router_.send_term(NodeLocalName{name, to}, message, dist::Lane::overlay,
                    Pid{self_.atom(), 0, 0, creation_});
}

void Cluster::send_to_pid(const Pid& to, const Term& message) {
  // An answer, to whoever the question names: nobody is dialed for it but who has asked, and is linked.
  const Channel* channel = channels_.find(to.node_atom);
  if (channel == nullptr || channel->live_link == nullptr) return answers_unasked_.add();
  router_.send_term(to, message, dist::Lane::overlay, Pid{self_.atom(), 0, 0, creation_});
}

void Cluster::dial(NodeName node) {
  if (Channel* channel = channels_.find_or_make(node.atom())) dialer_.start(*channel);
}

void Cluster::node_dead(NodeName node, std::uint32_t creation) {
  loop_.post([this, node, creation] {
    const Channel* channel = channels_.find(node.atom());
    if (channel == nullptr || channel->live_link == nullptr) return;
    carrier::Link& link = *channel->live_link;
    if (is_member(link) && link.suspected() && link.peer()->creation == creation)
      link.close("the cluster holds it to be dead", loop_.now());
  });
}

// --- Shutdown

void Cluster::stop_connecting() {
  dialer_.stop();
  carrier_->set_accepting(false);
  if (tcp_) tcp_->stop_connecting();
}

void Cluster::leave() {
  overlay_->leave(moment());
}

bool Cluster::drained() const {
  return std::ranges::all_of(live_links_, [this](const carrier::Link* link) {
    const dist::Outbound& outbound = channels_.find(link->peer()->name.atom())->outbound;
    return outbound.pending_bytes(dist::Lane::messages) == 0 &&
           outbound.pending_bytes(dist::Lane::overlay) == 0;
  });
}

void Cluster::close_links() {
  carrier_->close_all("shutdown", loop_.now());
  if (tcp_) tcp_->close_all("shutdown");
  for (Channel* channel : channels_.all()) dialer_.abandon(*channel, "the node shuts down");
}

std::vector<PeerInfo> Cluster::peers() const {
  const std::scoped_lock lock(peers_mutex_);
  return peers_;
}

void Cluster::publish_peers() {
  std::vector<PeerInfo> peers;
  for (const carrier::Link* link : live_links_) {
    const carrier::Peer& peer = *link->peer();
    peers.push_back({peer.name, peer.creation, std::string(link->protocol()),
                     link->remote_address().to_string(), link->dialed(), link->suspected(), !peer.visible()});
  }
  std::ranges::sort(peers, {}, &PeerInfo::name);
  const std::scoped_lock lock(peers_mutex_);
  peers_ = std::move(peers);
}

}  // namespace barrel::node
