#include "erlang/page.hpp"

#include <algorithm>
#include <fstream>
#include <regex>

namespace barrel::test {
namespace {

/// Before what is typed: `(e1@127.0.0.1)7> `, `iex(x1@127.0.0.1)7> `, `...(x1@127.0.0.1)7> ` or `> `.
const std::regex prompt(R"(^(iex|\.\.\.)?(\([^ ()]+@[^ ()]+\)[0-9]+)?> ?)");

[[nodiscard]] std::string without_prompts(std::string line) {
  for (std::smatch match; std::regex_search(line, match, prompt);) line = match.suffix();
  return line;
}

/// Without what differs each time: pids, references, times; and without white space.
[[nodiscard]] std::string normal(const std::string& line) {
  static const std::regex pid(R"((#PID)?<[0-9]+\.[0-9]+\.[0-9]+>)");
  static const std::regex reference(R"(#Ref(erence)?<[0-9.]+>)");
  static const std::regex time(R"(\{\s*[0-9]{4},\s*[0-9]{1,6},\s*[0-9]{1,6}\})");
  static const std::regex blank(R"(\s+)");
  std::string text = std::regex_replace(line, blank, "");
  text = std::regex_replace(text, pid, "PID");
  text = std::regex_replace(text, reference, "REFERENCE");
  return std::regex_replace(text, time, "TIME");
}

[[nodiscard]] std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// For a program to start, and for commands to end.
constexpr auto start_limit = 30s;

}  // namespace

std::vector<PageBlock> blocks_of(const std::filesystem::path& page) {
  static const std::regex comment(R"(<!-- (run|shown|start|in|write|from)(: ([^ ]+))? -->)");
  std::ifstream file(page);
  std::vector<PageBlock> blocks;
  std::string before;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line); before = line) {
    ++number;
    if (before.empty() && line.starts_with("    ")) blocks.push_back({.line = number, .lines = {line}});
    if (!line.starts_with("```")) continue;
    PageBlock block{.line = number};
    if (std::smatch match; std::regex_match(before, match, comment)) {
      block.action = match[1];
      block.argument = match[3];
    }
    for (; std::getline(file, line) && !line.starts_with("```"); ++number) block.lines.push_back(line);
    ++number;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

/// A program, and how far its lines have been compared.
struct PageRun::Terminal {
  Terminal(const Command& command, std::chrono::milliseconds time_limit)
      : child(command), limit(time_limit) {}
  Child child;
  std::chrono::milliseconds limit;
  std::size_t seen = 0;
  std::size_t prompts = 0;

  /// Waits until all that appears, from where the last call stopped, is `wanted`.
  [[nodiscard]] bool shows_exactly(const std::string& wanted) {
    std::string text;
    if (text == wanted) return true;
    return child
        .wait_for(
            [&](const std::string& line) {
              ++seen;
              text += without_prompts(line);
              return normal(text) == wanted;
            },
            limit, seen)
        .has_value();
  }
  /// Waits until each of them has appeared.
  [[nodiscard]] bool shows(const std::vector<std::string>& wanted) const {
    return std::ranges::all_of(wanted, [&](const std::string& each) {
      return child
          .wait_for([&](const std::string& line) { return normal(line) == normal(each); }, limit, seen)
          .has_value();
    });
  }
};

/// One thing that is typed, and what appears then.
struct PageRun::Entry {
  std::string prompt{};
  std::vector<std::string> typed{};
  std::vector<std::string> shown{};

  [[nodiscard]] static std::vector<Entry> all(const PageBlock& block) {
    std::vector<Entry> entries(1);  // the first one: what appears by itself
    bool goes_on = false;
    for (const std::string& line : block.lines) {
      std::smatch match;
      const bool begins = std::regex_search(line, match, test::prompt);
      if (begins && !match[1].str().starts_with("...")) entries.push_back({.prompt = match[0]});
      Entry& entry = entries.back();
      if (begins || goes_on) entry.typed.push_back(match.empty() ? line : match.suffix().str());
      else entry.shown.push_back(line);
      // An expression of Erlang's shell goes on until a full stop.
      goes_on = (begins || goes_on) && entry.prompt.starts_with("(") && !line.ends_with(".");
    }
    return entries;
  }
};

std::string PageRun::follow(const std::filesystem::path& page) {
  const std::filesystem::path root = BARREL_SOURCE_DIR;
  std::filesystem::create_directory(directory_.path() / "build");
  std::filesystem::create_directory_symlink(BARREL_BINARY_DIR, directory_.path() / "build" / "release");
  std::filesystem::create_directory_symlink(root / "examples", directory_.path() / "examples");
  const auto blocks = blocks_of(root / page);
  if (blocks.empty()) return page.string() + ": nothing to follow";
  for (const PageBlock& block : blocks) find_ports(block);
  for (const PageBlock& block : blocks) {
    std::string failure = follow(block);
    if (failure.empty()) continue;
    failure = page.string() + ":" + std::to_string(block.line) + ": " + failure;
    for (const auto& [name, terminal] : terminals_) {
      failure += "\n== " + name + "\n" + terminal->child.transcript();
    }
    return failure;
  }
  return "";
}

std::string PageRun::follow(const PageBlock& block) {
  if (block.action == "from") return "";
  if (block.action == "run") return run(block);
  if (block.action == "shown")
    return printed_ + "\n" == joined(block.lines) ? "" : "this was not shown, but\n" + printed_;
  if (block.action == "start") return start(block);
  if (block.action == "write") {
    std::ofstream(directory_.path() / block.argument) << joined(block.lines);
    return "";
  }
  if (block.action != "in") return "this block says not how it is tested";
  const auto found = terminals_.find(block.argument);
  if (found == terminals_.end()) return "nothing was started as " + block.argument;
  return type(*found->second, block);
}

void PageRun::find_ports(const PageBlock& block) {
  static const std::regex fixed(R"(--tcp-listen-port=([0-9]+))");
  const std::string text = joined(block.lines);
  std::smatch match;
  if (std::regex_search(text, match, fixed)) ports_.try_emplace(match[1], std::to_string(free_port()));
}

Command PageRun::shell(const PageBlock& block) const {
  const bool stays = block.action == "start";
  std::string command = joined(block.lines);
  for (const auto& [fixed, free] : ports_)
    command = std::regex_replace(command, std::regex("\\b" + fixed + "\\b"), free);
  return {
      .argv = {"sh", "-e", "-c", (stays ? "exec " : "") + command},
      .directory = directory_.path(),
      .environment = {{"ERL_EPMD_PORT", std::to_string(epmd_.port())}, {"HOME", directory_.path().string()}}};
}

std::string PageRun::run(const PageBlock& block) {
  Command command = shell(block);
  // A last line without an end is one, too; and it is known when all has been read.
  command.argv.back() += "printf '\\n.\\n'";
  Child child(command);
  const bool succeeds = child.wait_for([](const std::string& line) { return line == "."; }, start_limit) &&
                        child.wait_exit(start_limit) == 0;
  printed_ = child.transcript();
  printed_.resize(printed_.find_last_not_of("\n.") + 1);
  if (succeeds) return "";
  return "the commands fail:\n" + child.transcript();
}

std::string PageRun::start(const PageBlock& block) {
  auto& terminal = terminals_[block.argument];
  terminal.reset();  // ends what ran there before
  terminal = std::make_shared<Terminal>(shell(block), limit_);
  const std::string command = joined(block.lines);
  if (command.starts_with("erl ") || command.starts_with("iex ")) {
    // The shells begin with a line about themselves.
    const auto is_banner = [&](const std::string& line) {
      ++terminal->seen;
      return line.starts_with("Eshell ") || line.starts_with("Interactive Elixir ");
    };
    return terminal->child.wait_for(is_banner, start_limit) ? "" : "the shell does not start";
  }
  static const std::regex over_tcp(R"(--name=([^@]+)@[^]*--tcp-enabled=true)");
  const bool registers = command.find("--epmd-register=false") == std::string::npos;
  std::smatch match;
  if (registers && std::regex_search(command, match, over_tcp) && !epmd_.knows(match[1], start_limit)) {
    return "the node does not register with EPMD";
  }
  return "";
}

std::string PageRun::type(Terminal& terminal, const PageBlock& block) const {
  for (const Entry& entry : Entry::all(block)) {
    const bool is_shell = entry.prompt.find('@') != std::string::npos;
    if (!is_shell && !entry.typed.empty()) terminal.seen = terminal.child.mark();
    if (is_shell && entry.prompt.find(")" + std::to_string(++terminal.prompts) + ">") == std::string::npos) {
      return "the number of this prompt is not the next one: " + entry.prompt;
    }
    for (const std::string& line : entry.typed) terminal.child.send_line(line);
    const bool as_shown =
        is_shell ? terminal.shows_exactly(normal(joined(entry.shown))) : terminal.shows(entry.shown);
    if (!as_shown) {
      return block.argument + " does not show, after\n" + joined(entry.typed) + "this:\n" +
             joined(entry.shown);
    }
  }
  return "";
}

}  // namespace barrel::test
