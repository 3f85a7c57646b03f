#pragma once

#include <cstdint>

#include "hostile/families.hpp"
#include "services/registry_messages.hpp"

// What a member tells of other nodes and of names, true or not.
namespace barrel::hostile {

[[nodiscard]] std::int64_t now_ms();

/// Entries of the registry, as one who has heard of them; until they have been dealt with.
void tell(Scene& scene, registry::MapBuilder& map);

/// The claim of the attacker, or of whoever the payload names, in a gossip that nobody has seen before.
void gossip(Scene& scene, const char* tag, const Term& payload);

}  // namespace barrel::hostile
