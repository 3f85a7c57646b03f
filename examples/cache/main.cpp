// The cache of the handbook. `cache shop` offers the service, `cache client` asks for prices: `price ITEM`
// through its cache, `call ITEM` with a look-up that waits for a shop. Then the node's settings: `cache shop
// --name=s1@127.0.0.1 --contact-nodes=...`. Ends with its input.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "cached_client.hpp"
#include "call_service.hpp"

namespace {

using namespace cache;

std::string by_cache(Node& node, const Pid& client, const std::string& item) {
  const auto quote = node.call(client, CachedClient::PriceOf{item});
  if (!quote) return quote.error().message();
  return std::to_string(quote->price) + " from " + std::string(quote->shop.text()) +
         (quote->cached ? ", cached" : ", looked up");
}

std::string by_call(Node& node, const std::string& item) {
  const auto price = node.run(call_service<Price>, Atom("shop"), Price{item});
  return price ? std::to_string(*price) : price.error().message();
}

void run_line(Node& node, const Pid& client, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::string item;
  words >> command >> item;
  const std::string answer = command == "price"  ? by_cache(node, client, item)
                             : command == "call" ? by_call(node, item)
                                                 : "price ITEM or call ITEM";
  std::puts((line + ": " + answer).c_str());
}

int fail(const std::string& text) {
  std::fprintf(stderr, "cache: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode != "shop" && mode != "client") return fail("usage: cache shop|client --name=NAME@HOST [settings]");
  const auto config = load_config(argc - 1, argv + 1);
  if (!config) return config.error().code == Errc::exited ? 0 : fail(config.error().message());
  const auto node = Node::start(*config);
  if (!node) return fail(node.error().message());

  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const auto server = mode == "shop" ? (*node)->start_server<Shop>() : (*node)->start_server<CachedClient>();
  if (!server) return fail(server.error().message());
  std::puts(("*** " + std::string((*node)->name().text()) + " is up").c_str());
  for (std::string line; std::getline(std::cin, line);) run_line(**node, *server, line);
  return 0;
}
