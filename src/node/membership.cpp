#include "barrel/node/membership.hpp"

#include "node/membership_service.hpp"

namespace barrel {

void Membership::join(NodeName contact) {
  service_->post([contact](Overlay& overlay, Moment at) { overlay.join(contact, at); });
}

void Membership::leave() {
  service_->post([](Overlay& overlay, Moment at) { overlay.leave(at); });
}

std::vector<NodeName> Membership::active_view() const {
  return service_->views()->active;
}

std::vector<NodeName> Membership::passive_view() const {
  return service_->views()->passive;
}

Subscription Membership::subscribe(Self self) {
  return service_->subscribe(self.pid());
}

}  // namespace barrel
