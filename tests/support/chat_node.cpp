#include "support/chat_node.hpp"

#include <sstream>
#include <utility>

namespace barrel::test {

namespace {

Command command_for(const ChatSetup& setup, const std::string& name, const std::string& contact,
                    const std::vector<std::string>& arguments) {
  Command command;
  command.argv = {setup.program.string()};
  command.argv.insert(command.argv.end(), setup.mode.begin(), setup.mode.end());
  command.argv.push_back("--name=" + name + "@127.0.0.1");
  command.argv.push_back("--data-dir=" + ChatNode::data_directory(setup, name).string());
  command.argv.push_back("--discovery-dir=" + (setup.directory / "discovery").string());
  if (!contact.empty()) command.argv.push_back("--contact-nodes=" + contact + "@127.0.0.1");
  command.argv.insert(command.argv.end(), setup.arguments.begin(), setup.arguments.end());
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment = setup.environment;
  if (setup.on_line) {
    command.on_line = [name, show = setup.on_line](const std::string& line, bool error) {
      show(name, line, error);
    };
  }
  return command;
}

}  // namespace

ChatNode::ChatNode(const ChatSetup& setup, std::string name, const std::string& contact,
                   const std::vector<std::string>& arguments)
    : name_(std::move(name)), child_(command_for(setup, name_, contact, arguments)) {}

std::filesystem::path ChatNode::data_directory(const ChatSetup& setup, std::string_view name) {
  return setup.directory / name;
}

bool ChatNode::is_up(std::chrono::milliseconds limit) {
  return prints("*** " + full_name() + " is up", limit);
}

std::optional<std::string> ChatNode::ask(const std::string& command, std::chrono::milliseconds limit) {
  const std::size_t before = child_.mark();
  child_.send_line(command);
  return child_.wait_for([&](const std::string& line) { return line.starts_with(command + ":"); }, limit,
                         before);
}

std::optional<std::set<std::string>> ChatNode::ask_list(const std::string& command) {
  const auto answer = ask(command);
  if (!answer) return std::nullopt;
  std::istringstream words(answer->substr(command.size() + 1));
  std::set<std::string> list;
  for (std::string word; words >> word;) list.insert(word);
  return list;
}

bool ChatNode::eventually(const std::string& command,
                          const std::function<bool(const std::set<std::string>&)>& wanted,
                          std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto list = ask_list(command);
    if (list && wanted(*list)) return true;
    if (!list || std::chrono::steady_clock::now() >= deadline) return false;
    // Nothing tells when the answer changes; a short pause between two questions.
    if (child_.wait_exit(50ms)) return false;
  }
}

std::map<std::string, std::uint64_t> ChatNode::counters() {
  const std::size_t before = child_.mark();
  child_.send_line("metrics");
  std::map<std::string, std::uint64_t> counters;
  if (!ask("nodes")) return counters;  // the lines of the first answer are all there
  for (const std::string& line : child_.lines(before)) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t value = 0;
    if (line.starts_with("  ") && words >> name >> value) counters[name] = value;
  }
  return counters;
}

bool ChatNode::prints(std::string_view text, std::chrono::milliseconds limit, std::size_t from) {
  return child_.wait_for(text, limit, from).has_value();
}

}  // namespace barrel::test
