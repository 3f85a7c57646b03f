#pragma once

#include <string>
#include <vector>

#include "chat_room_sup.hpp"

namespace chat {

/// What the prompt understands.
class Commands {
 public:
  /// The node's rooms and the process that listens for the user; all of them outlive this.
  Commands(Node& node, ChatRoomSup rooms, Pid client);

  /// Runs one entered line and gives the lines to show.
  [[nodiscard]] std::vector<std::string> run(const std::string& line);

 private:
  struct Command;
  static const std::vector<Command>& table();

  Node& node_;
  ChatRoomSup rooms_;
  Pid client_;
};

}  // namespace chat
