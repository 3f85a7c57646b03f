#include "hostile/news.hpp"

#include <chrono>
#include <string>

#include "gossip/plumtree_messages.hpp"

namespace barrel::hostile {

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void tell(Scene& scene, registry::MapBuilder& map) {
  scene.attacker().send_name("barrel_p2p_registry_replica",
                             encode(registry::FullSync{scene.attacker().name(), map.take()}));
  settle(scene);
}

void gossip(Scene& scene, const char* tag, const Term& payload) {
  static int number = 0;
  const plumtree::Gossip message{"forged " + std::to_string(++number), Atom(tag), payload,
                                 scene.attacker().name()};
  scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
}

}  // namespace barrel::hostile
