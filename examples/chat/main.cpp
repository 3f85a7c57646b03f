// The chat of the handbook: one node with rooms, a listener and a prompt. `chat --help` lists the node's
// settings.
#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include "barrel/node/config.hpp"
#include "barrel/node/node.hpp"
#include "chat_client.hpp"
#include "chat_room_sup.hpp"
#include "commands.hpp"
#include "console.hpp"

namespace {

using namespace chat;

/// What the prompt needs of the running application.
struct Started {
  ChatRoomSup rooms;
  Pid client;
};

/// The application's process: rooms and listener live and die with it.
Task<> application(Self self, Console* console, std::promise<Result<Started>>* started) {
  auto rooms = co_await start_rooms(self);
  if (!rooms) {
    started->set_value(rooms.error());
    co_return;
  }
  auto client = co_await self.start_link<ChatClient>(console);
  if (!client) {
    started->set_value(client.error());
    co_return;
  }
  started->set_value(Started{*rooms, *client});
  co_await self.receive<Exit>();
}

int fail(const std::string& text) {
  std::fprintf(stderr, "chat: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = load_config(argc, argv);
  if (!config) return config.error().code == Errc::exited ? 0 : fail(config.error().message());
  Console console("> ");
  auto node = Node::start(*config);
  if (!node) return fail(node.error().message());

  std::promise<Result<Started>> starting;
  auto started = starting.get_future();
  (*node)->spawn(application, &console, &starting);
  const auto app = started.get();
  if (!app) return fail(app.error().message());

  console.print("*** " + std::string((*node)->name().text()) + " is up");
  Commands commands(**node, app->rooms, app->client);
  while (const auto line = console.read_line()) {
    if (*line == "quit") break;
    for (const std::string& shown : commands.run(*line)) console.print(shown);
  }
  return 0;
}
