#include "hostile/arena.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "hostile/chatter.hpp"
#include "node/discovery_endpoint.hpp"

namespace barrel::hostile {

namespace {

namespace fs = std::filesystem;
using test::ChatNode;

}  // namespace

Arena::Arena() {
  setup_.program = BARREL_CHAT_PROGRAM;
  setup_.directory = directory_.path();
  setup_.arguments = {"--schedulers=1"};
}

void Arena::give_memory_back() {
  // mallopt(3): a fixed threshold for mappings of their own, from which the heap does not learn.
  setup_.environment["MALLOC_MMAP_THRESHOLD_"] = "65536";
  setup_.environment["MALLOC_TRIM_THRESHOLD_"] = "65536";
}

ChatNode& Arena::launch(const std::string& name, const std::string& contact,
                        const std::vector<std::string>& arguments) {
  return *(nodes_[name] = std::make_unique<ChatNode>(setup_, name, contact, arguments));
}

bool Arena::register_victim() {
  auto accepted = epmd_->accept();
  if (!accepted) return false;
  registration_.emplace(*std::move(accepted));
  const Bytes request = registration_->receive_exactly(5);  // length, 'x', port
  ByteReader reader(request);
  (void)reader.u16();
  if (reader.u8() != 'x') return false;
  tcp_port_ = reader.u16();
  return registration_->send(Bytes{'v', 0, 0, 0, 0, 1});
}

bool Arena::start(bool over_tcp, std::chrono::milliseconds auth_timeout) {
  // Limits that an attack reaches within a moment.
  std::vector<std::string> arguments{
      "--atoms-per-peer-max=300",  "--auth-handshake-timeout=" + std::to_string(auth_timeout.count()),
      "--dial-timeout-ms=3000",    "--unread-bytes-max=33554432",
      "--frame-bytes-max=8388608", "--registry-bytes-per-node-max=1048576",
      "--channel-bytes-max=65536"};
  if (over_tcp) {
    epmd_ = std::make_unique<TcpTrap>();
    arguments.insert(arguments.end(),
                     {"--tcp-enabled=true", "--tcp-listen-address=127.0.0.1",
                      "--epmd-port=" + std::to_string(epmd_->port()), "--discovery-backends=file,epmd"});
  }
  ChatNode& alice = launch("alice", "", arguments);
  if (!alice.is_up() || (over_tcp && !register_victim())) return false;
  ChatNode& bob = launch("bob", "alice", {});
  ChatNode& carol = launch("carol", "alice", {});
  if (!bob.is_up() || !carol.is_up()) return false;
  const auto knows_both = [](const std::set<std::string>& rooms) {
    return rooms.contains("lobby") && rooms.contains("cellar");
  };
  return bob.ask("create_room lobby") == "create_room lobby: ok" &&
         alice.ask("create_room cellar") == "create_room cellar: ok" && bob.eventually("rooms", knows_both) &&
         carol.eventually("rooms", knows_both) && carol.ask("join lobby") == "join lobby: ok" &&
         carol.ask("join cellar") == "join cellar: ok" && chats();
}

Target Arena::target(std::string_view node) const {
  const std::string name = std::string(node) + "@127.0.0.1";
  std::ifstream in(discovery_directory() / (name + ".endpoint"), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto address = node::parse_endpoint(as_bytes(text));
  if (!address) throw std::runtime_error(address.error().message());
  return {NodeName(name.c_str()), *SocketAddress::from_ip("127.0.0.1", address->port)};
}

void Arena::speak() {
  mark_ = node("carol").child().mark();
  ++words_;
  for (const char* room : {"lobby", "cellar"}) {
    node("bob").send("send " + std::string(room) + " word" + std::to_string(words_) + ".");
  }
}

bool Arena::heard() {
  const std::string word = "<bob@127.0.0.1> word" + std::to_string(words_) + ".";
  return node("carol").prints("[lobby] " + word, 0ms, mark_) &&
         node("carol").prints("[cellar] " + word, 0ms, mark_);
}

bool Arena::chats(const std::function<void()>& meanwhile) {
  const auto deadline = std::chrono::steady_clock::now() + chat_limit;
  speak();
  while (!heard()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (meanwhile) meanwhile();
    (void)node("carol").prints(" word" + std::to_string(words_) + ".", 10ms, node("carol").child().mark());
  }
  return true;
}

Arena::Counters Arena::counters(std::string_view name) {
  return node(name).counters();
}

std::filesystem::path Arena::process() const {
  return fs::path("/proc") / std::to_string(nodes_.at("alice")->child().pid());
}

void Arena::forget_peak() const {
  std::ofstream(process() / "clear_refs") << 5;  // proc(5): resets the peak of the resident set
}

Footprint Arena::footprint() const {
  Footprint found;
  std::ifstream status(process() / "status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    std::size_t kib = 0;
    words >> name >> kib;
    if (name == "VmRSS:") found.memory_kib = kib;
    if (name == "VmHWM:") found.peak_kib = kib;
  }
  for (const auto& entry : fs::directory_iterator(process() / "fd")) {
    (void)entry;
    ++found.descriptors;
  }
  return found;
}

std::string Arena::transcript() const {
  std::string text;
  for (const auto& [name, running] : nodes_) text += "== " + name + "\n" + running->child().transcript();
  return text;
}

}  // namespace barrel::hostile
