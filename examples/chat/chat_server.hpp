#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barrel/node/node.hpp"
#include "barrel/node/registry.hpp"
#include "barrel/otp/gen_server.hpp"

namespace chat {

using namespace barrel;

/// The name under which a room is a service of the cluster: {chat_room, Room}.
struct ChatRoom {
  static constexpr std::string_view tag = "chat_room";
  Atom room;
};

/// What a room sends to its members.
struct ChatMessage {
  static constexpr std::string_view tag = "chat_message";
  Atom room;
  NodeName from;
  std::string text;
  SystemTime at;
};

/// A room: one process on any node of the cluster, found by its name.
class ChatServer {
 public:
  struct Post {
    static constexpr std::string_view tag = "message";
    NodeName from;
    std::string text;
  };
  struct Join {
    static constexpr std::string_view tag = "join";
    Pid member;
    using Reply = Result<void>;
  };
  struct Leave {
    static constexpr std::string_view tag = "leave";
    Pid member;
    using Reply = Result<void>;
  };
  struct Members {
    static constexpr std::string_view tag = "members";
    using Reply = std::vector<Pid>;
  };
  using Calls = Messages<Join, Leave, Members>;
  using Casts = Messages<Post>;
  using Infos = Messages<Down>;

  ChatServer(Self self, Atom room) : self_(self), room_(room) {
    self_.trap_exits(true);
    auto registered =
        self_.node().registry().register_service(self_, ChatRoom{room}, {{"created", self_.now()}});
    if (!registered) exit(registered.error().reason);
    registration_ = std::move(*registered);  // unregisters when the room goes
  }

  void handle_cast(const Post& post) {
    const ChatMessage message{room_, post.from, post.text, self_.now()};
    for (const auto& [member, monitor] : members_) self_.send(member, message);
  }
  Result<void> handle_call(const Join& join) {
    if (members_.contains(join.member)) return Error{Errc::rejected, Atom("already_joined")};
    members_.emplace(join.member, self_.monitor(join.member));
    return {};
  }
  Result<void> handle_call(const Leave& leave) {
    members_.erase(leave.member);  // demonitors, too
    return {};
  }
  std::vector<Pid> handle_call(const Members&) {
    std::vector<Pid> members;
    for (const auto& [member, monitor] : members_) members.push_back(member);
    return members;
  }
  void handle_info(const Down& down) { members_.erase(down.pid); }

 private:
  Self self_;
  Atom room_;
  Registration registration_;
  std::map<Pid, Monitor> members_;
};

/// `lounge@e1@127.0.0.1`: a room outside of the cluster, the process registered as lounge on that node.
inline std::optional<NodeLocalName> room_outside(Atom room) {
  const std::string_view text = room.text();
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto name = Atom::intern(text.substr(0, at));
  const auto node = NodeName::parse(text.substr(at + 1));
  if (!name || !node) return std::nullopt;
  return NodeLocalName{*name, *node};
}

/// The process that is the room of that name.
inline Task<Result<Address>> find_room(Self self, Atom room) {
  if (const auto outside = room_outside(room)) co_return Address(*outside);
  const auto pid = co_await self.node().registry().whereis(self, ChatRoom{room});
  if (!pid) co_return pid.error();
  co_return Address(*pid);
}

/// Says something in a room, wherever it is.
inline Task<Result<void>> post(Self self, Atom room, std::string text) {
  const auto found = co_await find_room(self, room);
  if (!found) co_return found.error();
  self.cast(*found, ChatServer::Post{self.node().name(), text});
  co_return Result<void>{};
}

/// Who is in a room.
inline Task<Result<std::vector<Pid>>> members(Self self, Atom room) {
  const auto found = co_await find_room(self, room);
  if (!found) co_return found.error();
  co_return co_await self.call(*found, ChatServer::Members{});
}

/// The rooms of the whole cluster.
inline std::vector<ChatRoom> rooms(Node& node) {
  return node.registry().list<ChatRoom>();
}

}  // namespace chat
