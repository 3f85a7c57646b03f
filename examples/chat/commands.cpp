#include "commands.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "chat_client.hpp"

namespace chat {

namespace {

using Lines = std::vector<std::string>;

/// The next word, taken off `text`.
std::string take_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t end = std::min(text.find(' ', begin), text.size());
  const std::string word(text.substr(begin, end - begin));
  text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
  return word;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  return text;
}

std::string outcome(const Result<void>& result) {
  return result ? " ok" : " " + result.error().message();
}

std::string names(const std::vector<NodeName>& nodes) {
  std::set<std::string> words;
  for (const NodeName node : nodes) words.emplace(node.text());
  return joined(words);
}

Task<Result<void>> start_room(Self self, ChatRoomSup rooms, Atom room) {
  auto started = co_await rooms.start_child(self, room);
  if (!started) co_return started.error();
  co_return Result<void>{};
}

}  // namespace

/// One entered line, taken apart.
struct Commands::Request {
  Commands& on;
  std::string echo;  ///< Begins the answer: "join general:".
  Atom room;
  std::string text;
};

struct Commands::Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view help;
  Lines (*run)(const Request& request);
};

Lines Commands::create_room(const Request& request) {
  return {request.echo + outcome(request.on.node_.run(start_room, request.on.rooms_, request.room))};
}

Lines Commands::join(const Request& request) {
  return {request.echo +
          outcome(request.on.node_.call(request.on.client_, ChatClient::JoinRoom{request.room}))};
}

Lines Commands::leave(const Request& request) {
  return {request.echo +
          outcome(request.on.node_.call(request.on.client_, ChatClient::LeaveRoom{request.room}))};
}

Lines Commands::send(const Request& request) {
  const Result<void> sent = request.on.node_.run(post, request.room, request.text);
  return sent ? Lines{} : Lines{request.echo + outcome(sent)};
}

Lines Commands::list_rooms(const Request& request) {
  std::set<std::string> words;
  for (const ChatRoom& room : rooms(request.on.node_)) words.emplace(room.room.text());
  return {request.echo + joined(words)};
}

Lines Commands::list_members(const Request& request) {
  const auto pids = request.on.node_.run(members, request.room);
  if (!pids) return {request.echo + " " + pids.error().message()};
  std::vector<NodeName> nodes;
  for (const Pid& pid : *pids) nodes.push_back(pid.node());
  return {request.echo + names(nodes)};
}

Lines Commands::list_nodes(const Request& request) {
  return {request.echo + names(request.on.node_.nodes())};
}

Lines Commands::list_active_view(const Request& request) {
  return {request.echo + names(request.on.node_.membership().active_view())};
}

Lines Commands::list_services(const Request& request) {
  Lines lines{request.echo};
  for (const ServiceEntry& entry : request.on.node_.registry().entries()) {
    lines.push_back("  " + to_string(entry.name) + " on " + std::string(entry.node.text()));
  }
  return lines;
}

Lines Commands::list_metrics(const Request& request) {
  Lines lines{request.echo};
  for (const auto& [name, value] : request.on.node_.metrics()) {
    lines.push_back("  " + name + " " + std::to_string(value));
  }
  return lines;
}

Lines Commands::help(const Request&) {
  Lines lines;
  for (const Command& command : table()) {
    std::string usage = std::string(command.name) + " " + std::string(command.arguments);
    usage.resize(std::max<std::size_t>(usage.size() + 1, 20), ' ');
    lines.push_back(usage + std::string(command.help));
  }
  lines.emplace_back("                    R is general, or lounge@e1@127.0.0.1 for one on an Erlang node");
  lines.emplace_back("quit                leave the cluster and end (as Ctrl-D and Ctrl-C do)");
  return lines;
}

const std::vector<Commands::Command>& Commands::table() {
  static const std::vector<Command> commands{
      {"create_room", "R", "make room R on this node", &Commands::create_room},
      {"join", "R", "listen to room R, wherever it is", &Commands::join},
      {"leave", "R", "stop listening to it", &Commands::leave},
      {"send", "R text", "say something in room R", &Commands::send},
      {"rooms", "", "the rooms of the cluster", &Commands::list_rooms},
      {"members", "R", "the nodes that listen to room R", &Commands::list_members},
      {"nodes", "", "the nodes that this one is connected to", &Commands::list_nodes},
      {"active_view", "", "the nodes that this one gossips with", &Commands::list_active_view},
      {"services", "", "everything that is registered in the cluster", &Commands::list_services},
      {"metrics", "", "this node's counters", &Commands::list_metrics},
      {"help", "", "this list", &Commands::help}};
  return commands;
}

Commands::Commands(Node& node, ChatRoomSup rooms, Pid client) : node_(node), rooms_(rooms), client_(client) {}

std::vector<std::string> Commands::run(const std::string& line) {
  std::string_view rest = line;
  const std::string name = take_word(rest);
  if (name.empty()) return {};
  const auto command = std::ranges::find(table(), name, &Command::name);
  if (command == table().end()) return {"what is " + name + "? Try help"};
  if (command->arguments.empty()) return command->run({*this, name + ":", Atom(), ""});
  const std::string room = take_word(rest);
  const bool takes_text = command->arguments.find(' ') != std::string_view::npos;
  if (room.empty() || takes_text == rest.empty()) {
    return {"usage: " + name + " " + std::string(command->arguments)};
  }
  const auto atom = Atom::intern(room);
  if (!atom) return {name + ": " + room + " is no name for a room"};
  return command->run({*this, name + " " + room + ":", *atom, std::string(rest)});
}

}  // namespace chat
