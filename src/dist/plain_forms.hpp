#pragma once

#include <optional>

#include "barrel/base/bytes.hpp"
#include "dist/control.hpp"
#include "dist/flags.hpp"

namespace barrel::dist {

/// Puts messages for one peer into the forms that it understands, when it lacks capabilities that our encoder
/// relies on (required_flags, SPAWN): a C node, a Java node.
///
/// SEND instead of SEND_SENDER, reasons in the control tuple instead of behind it. What has no older form is
/// left out: monitors, which leaves the watcher with the end of the connection, as gen does in Erlang with
/// such nodes, and spawn requests. Only in the pass-through envelope.
class PlainForms {
 public:
  explicit PlainForms(Flags negotiated) : flags_(negotiated) {}

  /// Whether a peer needs this.
  [[nodiscard]] static bool needed(Flags negotiated);

  struct Written {
    /// Something was appended.
    bool any = false;
    /// What the peer would say to a spawn request if it knew them: notsup.
    std::optional<SpawnReply> answer;
  };
  /// Appends `Length:32, message` for `frame`, a message of ours in the pass-through envelope.
  Written write(BytesView frame, Bytes& out) const;

 private:
  /// What the peer gets; empty when there is no form for it.
  [[nodiscard]] Bytes converted(BytesView frame) const;
  [[nodiscard]] bool has(Flags wanted) const { return (flags_ & wanted) == wanted; }

  const Flags flags_;
};

}  // namespace barrel::dist
