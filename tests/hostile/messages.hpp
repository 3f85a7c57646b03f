#pragma once

#include "dist/control.hpp"

namespace barrel::hostile {

/// A control tuple and its payload, if any, in the pass-through envelope.
[[nodiscard]] Bytes pass_through_message(const Term& tuple, const Term* payload = nullptr);

/// Whether the message says that what was asked for is refused with `system_limit`: the DOWN of a monitor,
/// the exit of a link, the answer to a request for a process or to a call of rex.
[[nodiscard]] bool is_refusal(const dist::Message& message);

}  // namespace barrel::hostile
