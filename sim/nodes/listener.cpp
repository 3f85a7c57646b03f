#include "sim/nodes/listener.hpp"

#include <set>
#include <string>
#include <variant>

#include "barrel/base/overloaded.hpp"
#include "barrel/node/node.hpp"
#include "barrel/term/term_text.hpp"

namespace barrel::sim {

namespace {

void apply(const ServiceEvent& event, Stage& stage, std::size_t node) {
  auto& told = stage.told.at(node);
  const auto gone = [&](const Term& name, NodeName of) {
    if (told.erase({name, of}) > 0) return;
    stage.faults.add("node " + std::to_string(node) + " hears of the end of " + to_string(name) + " of " +
                     std::string(of.text()) + ", of which it had not heard");
  };
  std::visit(overloaded{[&](const ServiceRegistered& up) { told.emplace(up.name, up.node); },
                        [&](const ServiceUnregistered& off) { gone(off.name, off.node); },
                        [&](const ServiceDown& down) { gone(down.name, down.node); }},
             event.what);
}

}  // namespace

Task<> run_listener(Self self, Stage* stage, std::size_t node) {
  Registry& registry = self.node().registry();
  const Subscription subscription = registry.subscribe(self);
  auto& told = stage->told.at(node);
  told.clear();
  for (const ServiceEntry& entry : registry.entries()) told.emplace(entry.name, entry.node);
  for (;;) {
    const auto event = co_await self.receive<ServiceEvent>();
    apply(event, *stage, node);
  }
}

}  // namespace barrel::sim
