#include "barrel/node/membership.hpp"

#include <algorithm>

#include "node/membership_service.hpp"

namespace barrel {

void Membership::join(NodeName contact) {
  service_->post([contact](Overlay& overlay, Moment at) { overlay.join(contact, at); });
}

void Membership::leave() {
  service_->leave();
}

std::vector<NodeName> Membership::active_view() const {
  return service_->views()->active;
}

std::vector<NodeName> Membership::passive_view() const {
  return service_->views()->passive;
}

std::vector<NodeName> Membership::members() const {
  return *service_->views()->members;
}

bool Membership::is_member(NodeName node) const {
  return std::ranges::binary_search(*service_->views()->members, node);
}

Subscription Membership::subscribe(Self self) {
  return service_->subscribe(self.pid());
}

}  // namespace barrel
