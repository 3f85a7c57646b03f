#pragma once

#include <optional>
#include <variant>

#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

namespace barrel::node {

/// What an Erlang node sends unasked to the kernel processes of a peer, and what a Barrel node answers.
/// Of those processes it has net_kernel and rex (rpc_server.hpp).
struct SystemReply {
  /// A process, or the alias it made for the answer.
  std::variant<Pid, Ref> to;
  Term message;
};

/// Whether `name` is one of those two. What comes for the others, global_name_server and logger, is for
/// whoever has registered the name, as with any other; for a logger, if nobody has, see remote_log.hpp.
[[nodiscard]] bool is_system_name(Atom name);

/// The answer to `message` for that name: `yes` to net_kernel's is_auth (net_adm:ping), erpc to rex's
/// features_request. Empty when none is due: global is never answered, because a half
/// participant would be drawn into its partition logic.
[[nodiscard]] std::optional<SystemReply> answer_system(Atom name, const Term& message, NodeName self);

}  // namespace barrel::node
