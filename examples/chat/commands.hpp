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
  struct Request;
  struct Command;
  static const std::vector<Command>& table();

  static std::vector<std::string> create_room(const Request& request);
  static std::vector<std::string> join(const Request& request);
  static std::vector<std::string> leave(const Request& request);
  static std::vector<std::string> send(const Request& request);
  static std::vector<std::string> list_rooms(const Request& request);
  static std::vector<std::string> list_members(const Request& request);
  static std::vector<std::string> list_nodes(const Request& request);
  static std::vector<std::string> list_active_view(const Request& request);
  static std::vector<std::string> list_services(const Request& request);
  static std::vector<std::string> list_metrics(const Request& request);
  static std::vector<std::string> help(const Request& request);

  Node& node_;
  ChatRoomSup rooms_;
  Pid client_;
};

}  // namespace chat
