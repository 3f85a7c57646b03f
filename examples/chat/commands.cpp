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

Task<Result<void>> create_room(Self self, ChatRoomSup rooms, Atom room) {
  auto started = co_await rooms.start_child(self, room);
  if (!started) co_return started.error();
  co_return Result<void>{};
}

}  // namespace

struct Commands::Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view help;
  Lines (*run)(Commands& self, const std::string& echo, Atom room, const std::string& text);
};

const std::vector<Commands::Command>& Commands::table() {
  static const std::vector<Command> commands{
      {"create_room", "R", "make room R on this node",
       [](Commands& self, const std::string& echo, Atom room, const std::string&) {
         return Lines{echo + outcome(self.node_.run(create_room, self.rooms_, room))};
       }},
      {"join", "R", "listen to room R, wherever it is",
       [](Commands& self, const std::string& echo, Atom room, const std::string&) {
         return Lines{echo + outcome(self.node_.call(self.client_, ChatClient::JoinRoom{room}))};
       }},
      {"leave", "R", "stop listening to it",
       [](Commands& self, const std::string& echo, Atom room, const std::string&) {
         return Lines{echo + outcome(self.node_.call(self.client_, ChatClient::LeaveRoom{room}))};
       }},
      {"send", "R text", "say something in room R",
       [](Commands& self, const std::string& echo, Atom room, const std::string& text) {
         const Result<void> sent = self.node_.run(post, room, text);
         return sent ? Lines{} : Lines{echo + outcome(sent)};
       }},
      {"rooms", "", "the rooms of the cluster",
       [](Commands& self, const std::string& echo, Atom, const std::string&) {
         std::set<std::string> words;
         for (const ChatRoom& room : rooms(self.node_)) words.emplace(room.room.text());
         return Lines{echo + joined(words)};
       }},
      {"members", "R", "who listens to room R",
       [](Commands& self, const std::string& echo, Atom room, const std::string&) {
         const auto pids = self.node_.run(members, room);
         if (!pids) return Lines{echo + " " + pids.error().message()};
         std::set<std::string> words;
         for (const Pid& pid : *pids) words.emplace(pid.node().text());
         return Lines{echo + joined(words)};
       }},
      {"nodes", "", "the nodes that this one is connected to",
       [](Commands& self, const std::string& echo, Atom, const std::string&) {
         return Lines{echo + names(self.node_.nodes())};
       }},
      {"active_view", "", "the nodes that this one gossips with",
       [](Commands& self, const std::string& echo, Atom, const std::string&) {
         return Lines{echo + names(self.node_.membership().active_view())};
       }},
      {"services", "", "everything that is registered in the cluster",
       [](Commands& self, const std::string& echo, Atom, const std::string&) {
         Lines lines{echo};
         for (const Term& name : self.node_.registry().list()) {
           for (const ServiceEntry& entry : self.node_.registry().lookup(name)) {
             lines.push_back("  " + name.to_string() + " on " + std::string(entry.node.text()));
           }
         }
         return lines;
       }},
      {"metrics", "", "this node's counters",
       [](Commands& self, const std::string& echo, Atom, const std::string&) {
         Lines lines{echo};
         for (const auto& [name, value] : self.node_.metrics().snapshot()) {
           lines.push_back("  " + name + " " + std::to_string(value));
         }
         return lines;
       }},
      {"help", "", "this list", [](Commands&, const std::string&, Atom, const std::string&) {
         Lines lines;
         for (const Command& command : table()) {
           std::string usage = std::string(command.name) + " " + std::string(command.arguments);
           usage.resize(std::max<std::size_t>(usage.size() + 1, 20), ' ');
           lines.push_back(usage + std::string(command.help));
         }
         lines.emplace_back("quit                leave the cluster and end (as Ctrl-D and Ctrl-C do)");
         return lines;
       }}};
  return commands;
}

Commands::Commands(Node& node, ChatRoomSup rooms, Pid client)
    : node_(node), rooms_(std::move(rooms)), client_(client) {}

std::vector<std::string> Commands::run(const std::string& line) {
  std::string_view rest = line;
  const std::string name = take_word(rest);
  if (name.empty()) return {};
  const auto command = std::ranges::find(table(), name, &Command::name);
  if (command == table().end()) return {"what is " + name + "? Try help"};
  if (command->arguments.empty()) return command->run(*this, name + ":", Atom(), "");
  const std::string room = take_word(rest);
  const bool takes_text = command->arguments.find(' ') != std::string_view::npos;
  if (room.empty() || takes_text == rest.empty()) {
    return {"usage: " + name + " " + std::string(command->arguments)};
  }
  const auto atom = Atom::intern(room);
  if (!atom) return {name + ": " + room + " is no name for a room"};
  return command->run(*this, name + " " + room + ":", *atom, std::string(rest));
}

}  // namespace chat
