#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "services/registry.hpp"

/// What the tests of the registry share.
namespace barrel::test {

inline const NodeName n1("n1@127.0.0.1");
inline const NodeName n2("n2@127.0.0.1");
inline constexpr std::int64_t wall = 1'795'356'350'000;

/// A registry, what it has told its users, and what it wants sent.
struct Member {
  explicit Member(NodeName self, std::uint32_t its_creation = 1, RegistryConfig config = {})
      : name(self),
        creation(its_creation),
        core(
            self, its_creation, config,
            [this](NodeName node) {
              const auto found = nodes.find(node);
              return found == nodes.end() ? NodeVisibility{} : found->second;
            },
            Random(7), metrics, Log()) {
    core.peer_up("elsewhere@h", true, out);
    out.clear();
  }
  [[nodiscard]] Pid pid(std::uint32_t id) const { return {name.atom(), id, 0, creation}; }
  Result<void> put(const Term& service, std::uint32_t id, const Term& meta = Term::map({})) {
    return core.register_service(service, pid(id), meta, wall, out);
  }
  void hear(const Term& payload) { core.gossip(payload, wall, out); }
  void set_node(NodeName node, NodeVisibility visibility) {
    nodes[node] = visibility;
    core.visibility_changed(node, out);
  }
  std::vector<Term> take_gossip() {
    std::vector<Term> payloads;
    for (const auto& effect : out) {
      if (const auto* b = std::get_if<Registry::Broadcast>(&effect)) payloads.push_back(b->payload);
    }
    std::erase_if(out, [](const auto& e) { return std::holds_alternative<Registry::Broadcast>(e); });
    return payloads;
  }
  std::vector<std::pair<NodeName, Term>> take_messages() {
    std::vector<std::pair<NodeName, Term>> messages;
    for (const auto& effect : out) {
      if (const auto* s = std::get_if<Registry::SendTo>(&effect)) messages.emplace_back(s->node, s->message);
    }
    std::erase_if(out, [](const auto& e) { return std::holds_alternative<Registry::SendTo>(e); });
    return messages;
  }
  std::vector<ServiceEvent> take_events() {
    std::vector<ServiceEvent> events;
    for (const auto& effect : out) {
      if (const auto* e = std::get_if<Registry::Event>(&effect)) events.push_back(e->event);
    }
    std::erase_if(out, [](const auto& e) { return std::holds_alternative<Registry::Event>(e); });
    return events;
  }
  [[nodiscard]] std::vector<ServiceEntry> lookup(const Term& service) const {
    const auto snapshot = core.snapshot();
    const auto found = snapshot->lookup(service);
    return {found.begin(), found.end()};
  }
  std::uint64_t count(const char* counter) { return metrics.counter(counter).value(); }

  NodeName name;
  std::uint32_t creation;
  Metrics metrics;
  std::map<NodeName, NodeVisibility> nodes;
  Registry core;
  Registry::Effects out;
};

/// Tells `to` by gossip what `from` has broadcast.
inline void tell(Member& from, Member& to) {
  for (const Term& payload : from.take_gossip()) to.hear(payload);
}

}  // namespace barrel::test
