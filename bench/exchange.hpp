#pragma once

#include <cstddef>
#include <vector>

#include "barrel/node/node.hpp"
#include "barrel/process/self.hpp"

namespace barrel::bench {

constexpr std::size_t small_bytes = 64;
constexpr std::size_t bulk_bytes = 65'536;
/// Receivers of a serving node.
constexpr int pairs = 8;

/// Starts what the workloads below talk to, under the names sink0 to sink7 and echo. erlang_peer.erl is the
/// same in Erlang:
///   - to a sink binaries are sent, then {finish, From}, which it answers with {finished, Count};
///   - echo answers {echo, From, Binary} with the binary.
void serve(Node& node);

/// Messages per second of `senders` processes, each to a sink of its own, from the first until the last is
/// acknowledged.
Task<double> one_way(Self self, NodeName server, int senders, int count, std::size_t size);
/// The microseconds of each of `count` echoes, one after the other.
Task<std::vector<double>> sequential_echo(Self self, NodeName server, int count);
/// Echoes per second with `outstanding` of them on their way.
Task<double> pipelined_echo(Self self, NodeName server, int count, int outstanding);
/// Milliseconds from the first message to a node that there is no connection to, until its answer is back.
Task<double> first_answer(Self self, NodeName server);

}  // namespace barrel::bench
