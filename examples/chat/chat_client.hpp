#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "barrel/base/overloaded.hpp"
#include "chat_server.hpp"
#include "console.hpp"

namespace chat {

/// The user's ears: a member of every joined room, and subscribed to what happens to services.
class ChatClient {
 public:
  struct JoinRoom {
    static constexpr std::string_view tag = "join_room";
    Atom room;
    using Reply = Result<void>;
  };
  struct LeaveRoom {
    static constexpr std::string_view tag = "leave_room";
    Atom room;
    using Reply = Result<void>;
  };
  using Calls = Messages<JoinRoom, LeaveRoom>;
  using Casts = Messages<>;
  using Infos = Messages<ChatMessage, ServiceEvent, Down>;

  ChatClient(Self self, Console* console)
      : self_(self), console_(console), events_(self.node().registry().subscribe(self)) {}

  Task<Result<void>> handle_call(const JoinRoom& request) {
    const auto room = co_await find_room(self_, request.room);
    if (!room) co_return room.error();
    auto joined = co_await self_.call(*room, ChatServer::Join{self_.pid()});
    if (joined) rooms_.insert_or_assign(request.room, self_.monitor(*room));
    co_return joined;
  }
  Task<Result<void>> handle_call(const LeaveRoom& request) {
    const auto room = co_await find_room(self_, request.room);
    rooms_.erase(request.room);
    if (!room) co_return room.error();
    co_return co_await self_.call(*room, ChatServer::Leave{self_.pid()});
  }

  void handle_info(const ChatMessage& message) {
    print("[{}] <{}> {}", message.room.text(), message.from.text(), message.text);
  }
  void handle_info(const ServiceEvent& event) {
    std::visit(overloaded{[&](const ServiceRegistered& e) { announce(e.name, "available on", e.node); },
                          [&](const ServiceUnregistered& e) { announce(e.name, "left", e.node); },
                          [&](const ServiceDown& e) { announce(e.name, "left", e.node); }},
               event.what);
  }
  void handle_info(const Down& down) {
    for (const auto& [room, monitor] : rooms_) {
      if (monitor.ref() == down.ref) print("*** Room {} is gone: {}", room.text(), to_string(down.reason));
    }
    std::erase_if(rooms_, [&](const auto& joined) { return joined.second.ref() == down.ref; });
  }

 private:
  void announce(const Term& name, std::string_view what, NodeName node) const {
    if (const auto room = from_term<ChatRoom>(name))
      print("*** Room {} {} {}", room->room.text(), what, node.text());
  }
  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) const {
    console_->print(fmt::format(format, std::forward<Args>(args)...));
  }

  Self self_;
  Console* console_;
  Subscription events_;
  std::map<Atom, Monitor> rooms_;
};

}  // namespace chat
