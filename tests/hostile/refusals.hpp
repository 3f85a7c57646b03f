#pragma once

#include <cstdint>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

// How often the victim's counters have to grow by messages: found out with the decoders that it has itself.
namespace barrel::hostile {

/// Whether a name of the overlay refuses the message as malformed; false when it is dropped before it is
/// looked at, as too large. Of registry messages each wrong entry counts.
[[nodiscard]] std::uint64_t refused_by_overlay(std::string_view name, NodeName sender, const Term& message);
/// The same for the payload of a gossip with that tag.
[[nodiscard]] std::uint64_t refused_as_gossip(std::string_view tag, const Term& payload);

/// Whether `net_kernel`, `rex` or `user` ignores the message. What might be a request of theirs counts as
/// one, however wrong its arguments are.
[[nodiscard]] bool ignored_by_kernel(std::string_view name, const Term& message, NodeName victim);

/// Whether a GenServer that knows casts of the form `{message, _, _}` and DOWNs has nothing to do with it.
[[nodiscard]] bool unknown_to_room(const Term& message);

/// Whether a message in the pass-through envelope costs `sender` its connection by its form; its payload is
/// not looked at.
[[nodiscard]] bool closes_connection(NodeName victim, NodeName sender, BytesView message);

}  // namespace barrel::hostile
