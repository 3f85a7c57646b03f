#include "barrel/node/node.hpp"

#include "node/node_core.hpp"

namespace barrel {

Result<std::unique_ptr<Node>> Node::start(NodeConfig config) {
  auto core = node::NodeCore::make(std::move(config), node::real_environment());
  if (!core) return std::move(core).error();
  return node::NodeCore::start(*std::move(core));
}

Node::~Node() = default;

Result<void> Node::shutdown() {
  return core_->shutdown();
}

NodeName Node::name() const noexcept {
  return core_->config().name;
}

std::uint32_t Node::creation() const noexcept {
  return core_->creation();
}

std::uint16_t Node::port() const noexcept {
  return core_->cluster().port();
}

std::uint16_t Node::tcp_port() const noexcept {
  return core_->cluster().tcp_port();
}

const NodeConfig& Node::config() const noexcept {
  return core_->config();
}

std::vector<NodeName> Node::nodes() const {
  std::vector<NodeName> names;
  for (const PeerInfo& peer : core_->cluster().peers()) {
    if (!peer.hidden) names.push_back(peer.name);
  }
  return names;
}

std::vector<NodeName> Node::hidden_nodes() const {
  std::vector<NodeName> names;
  for (const PeerInfo& peer : core_->cluster().peers()) {
    if (peer.hidden) names.push_back(peer.name);
  }
  return names;
}

std::vector<PeerInfo> Node::peers() const {
  return core_->cluster().peers();
}

Membership& Node::membership() noexcept {
  return core_->membership().facade();
}

Registry& Node::registry() noexcept {
  return core_->registry().facade();
}

const Registry& Node::registry() const noexcept {
  return core_->registry().facade();
}

Functions& Node::functions() noexcept {
  return core_->runtime().functions();
}

void Node::set_output(std::function<void(std::string_view text)> write) {
  core_->output().set(std::move(write));
}

Runtime& Node::runtime() noexcept {
  return core_->runtime();
}

std::map<std::string, std::uint64_t> Node::metrics() const {
  return core_->measure();
}

}  // namespace barrel
