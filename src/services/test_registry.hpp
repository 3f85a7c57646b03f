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
    core.peer_up("elsewhere@h", true, now, out);
    out.clear();
  }
  [[nodiscard]] Pid pid(std::uint32_t id) const { return {name.atom(), id, 0, creation}; }
  Result<void> put(const Term& service, std::uint32_t id, const Term& meta = Term::map({})) {
    return core.register_service(service, pid(id), meta, wall, out);
  }
  /// As gossip that its origin has passed on itself.
  void hear(const Term& payload) {
    const auto delta = registry::read_delta(payload);
    core.gossip(delta ? delta->origin : "elsewhere@h", payload, now, wall, out);
  }
  void set_node(NodeName node, NodeVisibility visibility) {
    nodes[node] = visibility;
    core.visibility_changed(node, out);
  }
  /// What `content` gives of each effect of that kind; they are taken out.
  template <class Kind, class F>
  auto take(F content) {
    std::vector<decltype(content(std::declval<const Kind&>()))> taken;
    for (const auto& effect : out) {
      if (const auto* kind = std::get_if<Kind>(&effect)) taken.push_back(content(*kind));
    }
    std::erase_if(out, [](const auto& effect) { return std::holds_alternative<Kind>(effect); });
    return taken;
  }
  std::vector<Term> take_gossip() {
    return take<RegistryCore::Broadcast>([](const auto& broadcast) { return broadcast.payload; });
  }
  std::vector<std::pair<NodeName, Term>> take_messages() {
    return take<RegistryCore::SendTo>([](const auto& send) { return std::pair(send.node, send.message); });
  }
  std::vector<ServiceEvent> take_events() {
    return take<RegistryCore::Event>([](const auto& event) { return event.event; });
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
  RegistryCore core;
  RegistryCore::Effects out;
  Instant now{};
};

/// Tells `to` by gossip what `from` has broadcast.
inline void tell(Member& from, Member& to) {
  for (const Term& payload : from.take_gossip()) to.hear(payload);
}

/// Carries messages between two until both are quiet; how many there were.
inline std::size_t exchange(Member& a, Member& b) {
  std::size_t carried = 0;
  for (bool any = true; any;) {
    any = false;
    for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      for (const auto& [node, message] : from->take_messages()) {
        any = true;
        ++carried;
        to->core.message(from->name, true, message, to->now, wall, to->out);
      }
    }
  }
  return carried;
}

}  // namespace barrel::test
