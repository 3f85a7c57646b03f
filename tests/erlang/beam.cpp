#include "erlang/beam.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "barrel/term/etf.hpp"

namespace barrel::test {
namespace {

constexpr std::string_view prompt = "beam> ";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int tcp_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error("no socket");
  return fd;
}

bool listens(std::uint16_t port) {
  const int fd = tcp_socket();
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

}  // namespace

std::uint16_t free_port() {
  const int fd = tcp_socket();
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (std::filesystem::exists(std::filesystem::path(rest.substr(0, colon)) / program)) return true;
    rest.erase(0, colon + 1);
  }
  return false;
}

Epmd::Epmd() {
  if (!in_path("epmd") || !in_path("erl")) {
    throw std::runtime_error("this test needs Erlang: scripts/setup --test, or put erl and epmd into PATH");
  }
  // Somebody else may take the port between our look and epmd's.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    start();
    if (child_ != nullptr) return;
  }
  throw std::runtime_error("epmd does not start");
}

bool Epmd::knows(const std::string& name, std::chrono::milliseconds limit) const {
  for (auto waited = 0ms; waited < limit; waited += 20ms) {
    const Child asked(Command{.argv = {"epmd", "-port", std::to_string(port_), "-names"}});
    if (asked.wait_for("name " + name + " at port", limit)) return true;
    std::this_thread::sleep_for(20ms);  // EPMD tells nobody who comes
  }
  return false;
}

void Epmd::start() {
  child_ = std::make_unique<Child>(Command{
      .argv = {"epmd", "-relaxed_command_check", "-address", "127.0.0.1", "-port", std::to_string(port_)},
      .directory = home_.path()});
  for (int i = 0; i < 500; ++i) {
    if (listens(port_)) return;
    if (child_->wait_exit(10ms)) break;
  }
  child_.reset();
}

Beam::Beam(const Epmd& epmd, std::string_view name, const BeamOptions& options) : name_(name) {
  if (name_.find('@') == std::string::npos) name_ += "@127.0.0.1";
  const std::string program = "{ok, M, C} = compile:file(" + quoted(BARREL_BEAM_CONTROL) +
                              ", [binary, report]), {module, M} = code:load_binary(M, \"\", C), M:main()";
  const bool is_short = name_.find('.') == std::string::npos;
  std::vector<std::string> argv = {
      "erl",  is_short ? "-sname" : "-name", name_, "-setcookie", options.cookie, "-noshell", "-start_epmd",
      "false"};
  argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
  argv.insert(argv.end(), {"-eval", program});
  child_ = std::make_unique<Child>(Command{
      .argv = std::move(argv),
      .directory = home_.path(),
      .environment = {{"ERL_EPMD_PORT", std::to_string(epmd.port())}, {"HOME", home_.path().string()}}});
  if (!child_->wait_for(std::string(prompt) + "ready", 60s))
    throw std::runtime_error("Erlang node " + name_ + " does not start:\n" + transcript());
}

std::uint64_t Beam::begin(const std::string& expressions) {
  const std::uint64_t number = ++last_number_;
  std::string line = expressions;
  std::ranges::replace(line, '\n', ' ');
  child_->send_line(std::to_string(number) + " " + line + ".");
  return number;
}

Term Beam::finish(std::uint64_t number, std::chrono::milliseconds limit) {
  const std::string begins = std::string(prompt) + std::to_string(number) + " ";
  const auto line =
      child_->wait_for([&](const std::string& text) { return text.starts_with(begins); }, limit);
  if (!line) throw std::runtime_error(name_ + " does not answer in time:\n" + transcript());
  const std::string answer = line->substr(begins.size());
  if (!answer.starts_with("ok ")) throw std::runtime_error(name_ + " says " + answer);
  const auto bytes = from_hex(answer.substr(3));
  auto term = decode_etf(bytes.value());
  if (!term) throw std::runtime_error(name_ + " answers what cannot be decoded: " + term.error().message());
  return *std::move(term);
}

Term Beam::eval(const std::string& expressions, std::chrono::milliseconds limit) {
  return finish(begin(expressions), limit);
}

std::string Beam::text(const std::string& expressions, std::chrono::milliseconds limit) {
  const Term value =
      eval("unicode:characters_to_binary(io_lib:format(\"~0tp\", [begin " + expressions + " end]))", limit);
  return std::string(value.as_text().value_or("no text"));
}

bool Beam::becomes(const std::string& expressions, std::string_view wanted, std::chrono::milliseconds limit) {
  for (auto waited = 0ms; waited < limit; waited += 20ms) {
    if (text(expressions) == wanted) return true;
    std::this_thread::sleep_for(20ms);
  }
  return text(expressions) == wanted;
}

void Beam::load(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::path(BARREL_BEAM_CONTROL).parent_path() / path;
  (void)eval("(fun() -> {ok, M, C} = compile:file(" + quoted(whole.string()) +
                 ", [binary, report]), {module, M} = code:load_binary(M, \"\", C), M end)()",
             20s);
}

void Beam::kill() {
  child_->signal(SIGKILL);
  (void)child_->wait_exit(5s);
}

}  // namespace barrel::test
