#pragma once

#include "barrel/otp/dynamic_supervisor.hpp"
#include "chat_server.hpp"

namespace chat {

/// Starts rooms on demand. A room that crashed stays gone: its members have lost it anyway.
using ChatRoomSup = DynamicSupervisor<ChatServer>;

inline Task<Result<ChatRoomSup>> start_rooms(Self self) {
  return ChatRoomSup::start_link(self, {.intensity = 5, .period = 10s}, {.restart = Restart::temporary});
}

}  // namespace chat
