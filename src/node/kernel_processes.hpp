#pragma once

#include "node/io_server.hpp"

namespace barrel::node {

/// Starts the processes that other nodes expect on every node: `user`, `rex` and `net_kernel`, and the one
/// that takes what their loggers send. They are registered when this returns, are started again when they
/// end (once a second, while that fails), and end after all other processes. `user` becomes the group leader
/// of processes that nobody else has one for.
void start_kernel_processes(Runtime& runtime, const std::shared_ptr<const Output>& output);

}  // namespace barrel::node
