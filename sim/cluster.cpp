#include "sim/cluster.hpp"

#include <algorithm>

#include "membership/peer_kind.hpp"

namespace barrel::sim {
namespace {

/// Where the simulated wall clocks start: any day will do.
constexpr SystemTime epoch{std::chrono::seconds(1'700'000'000)};
/// An idle link that its overlay has no use for is closed after this.
constexpr Duration release_grace = std::chrono::seconds(3);

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

Term key_of(const Term& name, NodeName node) {
  return Term::tuple_of(name, node);
}

}  // namespace

// --- SimNode

void SimNode::send(NodeName to, Atom name, const Term& message, Delivery) {
  const auto far = cluster_.index_of(to);
  if (!far) return;
  cluster_.network_.send(index_, *far, [&cluster = cluster_, far = *far, from = name_, name, message] {
    cluster.with(far, [&](Overlay& overlay, Moment at) { overlay.message(from, name, message, at); });
  });
}

void SimNode::send_to_pid(const Pid&, const Term&) {}

void SimNode::dial(NodeName node) {
  if (const auto far = cluster_.index_of(node)) cluster_.network_.dial(index_, *far);
}

void SimNode::release(NodeName node) {
  if (const auto far = cluster_.index_of(node)) cluster_.release(index_, *far);
}

void SimNode::publish(std::shared_ptr<const RegistrySnapshot> snapshot) {
  snapshot_ = std::move(snapshot);
}

void SimNode::emit(const ServiceEvent& event) {
  check_event(event);
  service_events_.push_back(event);
}

void SimNode::emit(const MembershipEvent& event) {
  membership_events_.push_back(event);
}

void SimNode::node_dead(NodeName node, std::uint32_t creation) {
  const auto dead = cluster_.index_of(node);
  if (!dead) return;
  const SimNode& other = cluster_.node(*dead);
  if (other.running() && !other.leaving_ && other.creation() == creation) ++deaths_told_wrongly_;
}

void SimNode::complain(const std::string& what, const Term& name, NodeName node) {
  complaints_.push_back(std::string(name_.text()) + ": " + what + " " + to_string(name) + " on " +
                        std::string(node.text()));
}

void SimNode::check_event(const ServiceEvent& event) {
  const auto present = [&](const Term& name, NodeName node) -> const ServiceEntry* {
    for (const ServiceEntry& entry : snapshot_->lookup(name)) {
      if (entry.node == node) return &entry;
    }
    return nullptr;
  };
  const auto gone = [&](const Term& name, NodeName node) {
    if (told_.erase(key_of(name, node)) == 0) complain("told of the end of an unknown name", name, node);
  };
  std::visit(Overloaded{[&](const ServiceRegistered& e) {
                          const ServiceEntry* entry = present(e.name, e.node);
                          // Without one it is gone again within the same input, and the next event says so.
                          const ServiceEntry seen =
                              entry != nullptr ? *entry : ServiceEntry{e.name, {}, e.node, {}};
                          const auto [known, fresh] = told_.try_emplace(key_of(e.name, e.node), seen);
                          if (!fresh && known->second == seen) complain("told twice of", e.name, e.node);
                          known->second = seen;
                        },
                        [&](const ServiceUnregistered& e) { gone(e.name, e.node); },
                        [&](const ServiceDown& e) { gone(e.name, e.node); }},
             event.what);
}

// --- Cluster

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      network_(queue_, options_.network, random_.split(), handlers()) {
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    const NodeName name(("n" + std::to_string(i) + "@sim").c_str());
    const Duration skew(random_.between(-options_.clock_skew_max.count(), options_.clock_skew_max.count()));
    nodes_.push_back(std::make_unique<SimNode>(*this, i, name, skew));
    by_name_.emplace(name, i);
  }
}

Network::Handlers Cluster::handlers() {
  Network::Handlers handlers;
  handlers.link_up = [this](std::size_t node, std::size_t peer, bool dialed) {
    with(node, [&](Overlay& overlay, Moment at) {
      overlay.link_up(nodes_[peer]->name(), PeerKind::barrel, nodes_[peer]->creation(), dialed, at);
    });
  };
  handlers.link_suspect = [this](std::size_t node, std::size_t peer) {
    with(node, [&](Overlay& overlay, Moment at) { overlay.link_suspect(nodes_[peer]->name(), at); });
  };
  handlers.link_down = [this](std::size_t node, std::size_t peer, bool lost) {
    with(node, [&](Overlay& overlay, Moment at) {
      overlay.link_down(nodes_[peer]->name(), lost ? LinkLoss::lost : LinkLoss::closed, at);
    });
  };
  handlers.dial_failed = [this](std::size_t node, std::size_t peer) {
    with(node, [&](Overlay& overlay, Moment at) { overlay.dial_failed(nodes_[peer]->name(), at); });
  };
  return handlers;
}

Moment Cluster::moment(const SimNode& node) const {
  const Instant now = queue_.now();
  const auto since =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch() + node.clock_skew_);
  return {now, epoch + since};
}

std::optional<std::size_t> Cluster::index_of(NodeName name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<SimNode*> Cluster::running() {
  std::vector<SimNode*> found;
  for (const auto& node : nodes_) {
    if (node->running()) found.push_back(node.get());
  }
  return found;
}

void Cluster::start(std::size_t index, std::optional<std::size_t> contact) {
  SimNode& node = *nodes_[index];
  ++node.run_;
  node.creation_ = next_creation_++;
  node.leaving_ = false;
  node.metrics_ = std::make_unique<Metrics>();
  node.told_.clear();
  node.service_events_.clear();
  node.membership_events_.clear();
  node.overlay_ = std::make_unique<Overlay>(options_.overlay, node.name(), node.creation_, moment(node),
                                            random_.split(), *node.metrics_, Log(), node);
  node.snapshot_ = node.overlay_->snapshot();
  network_.node_started(index);
  if (contact) {
    with(index, [&](Overlay& overlay, Moment at) { overlay.join(nodes_[*contact]->name(), at); });
  }
}

void Cluster::crash(std::size_t index, bool noticed) {
  SimNode& node = *nodes_[index];
  ++node.run_;
  node.wake_at_.reset();
  node.overlay_.reset();
  network_.node_crashed(index, noticed);
}

void Cluster::leave(std::size_t index) {
  nodes_[index]->leaving_ = true;
  with(index, [](Overlay& overlay, Moment at) { overlay.leave(at); });
  // The messages of the farewell are drained before the process ends.
  queue_.after(std::chrono::milliseconds(500), [this, index] {
    for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
      if (peer != index) network_.close(index, peer);
    }
    crash(index, true);
  });
}

void Cluster::plan_wake(SimNode& node) {
  if (!node.running()) return;
  const auto next = node.overlay().next_deadline();
  if (!next || (node.wake_at_ && *node.wake_at_ <= *next && *node.wake_at_ > queue_.now())) return;
  const Instant when = std::max(*next, queue_.now());
  node.wake_at_ = when;
  queue_.at(when, [this, index = node.index(), run = node.run_, when] {
    SimNode& woken = *nodes_[index];
    if (woken.run_ != run || woken.wake_at_ != when) return;
    woken.wake_at_.reset();
    with(index, [](Overlay& overlay, Moment at) { overlay.advance(at); });
  });
}

void Cluster::release(std::size_t from, std::size_t to) {
  queue_.after(release_grace, [this, from, to] {
    const auto uses = [&](std::size_t a, std::size_t b) {
      if (!nodes_[a]->running()) return false;
      const auto view = nodes_[a]->overlay().active_view();
      return std::ranges::find(view, nodes_[b]->name()) != view.end();
    };
    if (!uses(from, to) && !uses(to, from)) network_.close(from, to);
  });
}

}  // namespace barrel::sim
