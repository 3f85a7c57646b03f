#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

#include "barrel/base/overloaded.hpp"
#include "barrel/node/node.hpp"
#include "barrel/term/term_text.hpp"

namespace pool {

using namespace barrel;

inline void say(std::string_view what, NodeName node, std::string_view how) {
  std::puts((std::string(what) + " " + std::string(node.text()) + " " + std::string(how)).c_str());
}

/// Prints what happens to the workers, and to the peers of this node.
inline Task<> watch(Self self) {
  const auto services = self.node().registry().subscribe(self);
  const auto peers = self.node().membership().subscribe(self);
  for (;;) {
    const auto event = co_await self.receive<ServiceEvent, MembershipEvent>();
    if (const auto* service = std::get_if<ServiceEvent>(&event)) {
      std::visit(overloaded{[](const ServiceRegistered& e) { say("worker", e.node, "is there"); },
                            [](const ServiceUnregistered& e) { say("worker", e.node, "has left"); },
                            [](const ServiceDown& e) { say("worker", e.node, to_string(e.reason)); }},
                 service->what);
    } else {
      std::visit(overloaded{[](const PeerUp& e) { say("peer", e.node, "up"); },
                            [](const PeerDown& e) { say("peer", e.node, e.reason.text()); },
                            [](const Joined& e) { say("joined through", e.contact, ""); },
                            [&](const Left&) { say("this node,", self.node().name(), "has left"); }},
                 std::get<MembershipEvent>(event).what);
    }
  }
}

}  // namespace pool
