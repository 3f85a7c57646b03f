#pragma once

#include <functional>

#include "barrel/process/runtime.hpp"

namespace barrel::node {

/// Finds connections that a node of the original has given up without closing them: its QUIC answers every
/// PING then, and nobody reads what comes. It does so with each connection, idle or not, that is five minutes
/// old and no edge of its overlay. A process monitors a name that nobody has on each such node now and then,
/// which the emulator itself answers; `unanswered` is called, on any thread, when it does not.
void start_link_probe(Runtime& runtime, std::function<void(NodeName)> unanswered);

}  // namespace barrel::node
