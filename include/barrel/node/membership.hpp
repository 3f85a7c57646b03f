#pragma once

#include <vector>

#include "barrel/node/subscription.hpp"
#include "barrel/process/self.hpp"
#include "barrel/services/membership_types.hpp"
#include "barrel/term/node_name.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace node {
class [[gnu::visibility("hidden")]] MembershipService;
}

/// This node's place in the cluster. Thread-safe; nothing blocks.
class Membership {
 public:
  /// Becomes a member through `contact`, which is tried again until it answers. Subscribers get Joined.
  void join(NodeName contact);
  /// Takes back all registrations (each Registration is closed and its name free), tells the others, and
  /// forgets them. Subscribers get Left. What shall be known after another join() is registered again.
  void leave();
  /// The peers this node gossips with: a bounded, symmetric part of the cluster.
  [[nodiscard]] std::vector<NodeName> active_view() const;
  /// Nodes known as replacements.
  [[nodiscard]] std::vector<NodeName> passive_view() const;
  /// The nodes of the cluster that live, as it is known here, this one among them; ordered. Connected or not:
  /// they are all known, unlike the views. Plain Erlang nodes, over TCP, are no members.
  [[nodiscard]] std::vector<NodeName> members() const;
  [[nodiscard]] bool is_member(NodeName node) const;
  /// The calling process gets a MembershipEvent for every change of the active view from now on.
  [[nodiscard]] Subscription subscribe(Self self);

 private:
  friend class node::MembershipService;
  explicit Membership(node::MembershipService& service) : service_(&service) {}
  node::MembershipService* service_;
};

}  // namespace barrel
#pragma GCC visibility pop
