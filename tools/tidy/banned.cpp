#include <regex>

#include "rules.hpp"

namespace tidy {

namespace {

struct Ban {
  std::string rule;
  std::regex pattern;
  std::string text;
};

const std::vector<Ban>& clock_bans() {
  static const std::vector<Ban> bans = [] {
    const std::string why = "time is an argument or comes from a barrel::Clock; only loop reads the system's";
    std::vector<Ban> list;
    for (const char* pattern : {R"(\b\w+_clock::now\b)", R"(\bclock_gettime\s*\()", R"(\bgettimeofday\s*\()",
                                R"(\bstd::time\s*\()", R"((^|[^\w.>:])time\s*\(\s*(nullptr|NULL|0|&))"}) {
      list.push_back({"clock", std::regex(pattern), why});
    }
    return list;
  }();
  return bans;
}

const std::vector<Ban>& socket_bans() {
  static const std::vector<Ban> bans = [] {
    const std::string why = "sockets belong to loop";
    std::vector<Ban> list;
    list.push_back(
        {"socket",
         std::regex(R"(#\s*include\s*<(sys/(socket|epoll|un)\.h|netinet/.*|netdb\.h|arpa/inet\.h|asio.*)>)"),
         why});
    list.push_back(
        {"socket", std::regex(R"((^|[^\w.>:])(::)?(epoll_create1?|socket|recvmmsg|sendmmsg)\s*\()"), why});
    return list;
  }();
  return bans;
}

void apply(const std::vector<Ban>& bans, const SourceFile& file, std::vector<Violation>& out) {
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.code)) {
    ++number;
    for (const Ban& ban : bans) {
      if (std::regex_search(line.begin(), line.end(), ban.pattern)) {
        out.push_back({file.path, number, ban.rule, ban.text});
      }
    }
  }
}

// Put together so that this file does not hold the words itself.
const std::vector<Ban>& word_bans() {
  static const std::vector<Ban> bans{
      {"word", std::regex(std::string(R"(\b(TO)") + "DO|FIX" + "ME|XX" + R"(X|HA)" + R"(CK)\b)"),
       "do it now, or say in the documentation what is missing"}};
  return bans;
}

void check_words(const SourceFile& file, std::vector<Violation>& out) {
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.raw)) {
    ++number;
    for (const Ban& ban : word_bans()) {
      if (std::regex_search(line.begin(), line.end(), ban.pattern)) {
        out.push_back({file.path, number, ban.rule, ban.text});
      }
    }
  }
}

// What a public header declares leaves the shared library, which hides everything else.
void check_visibility(const SourceFile& file, std::vector<Violation>& out) {
  const std::size_t first = file.raw.find("\nnamespace barrel");
  if (!file.under("include/") || first == std::string::npos) return;
  const std::size_t push = file.raw.find("\n#pragma GCC visibility push(default)");
  const std::size_t pop = file.raw.find("\n#pragma GCC visibility pop\n");
  const bool inside =
      push < first && pop != std::string::npos && pop > file.raw.rfind("\n}  // namespace barrel");
  if (!inside) {
    out.push_back(
        {file.path, file.line_of(first + 1), "visibility",
         "a public header's namespace stands between #pragma GCC visibility push(default) and pop"});
  }
}

}  // namespace

void check_banned(const SourceFile& file, std::vector<Violation>& out) {
  const bool in_layers = file.under("src/") || file.under("include/");
  const bool in_loop = file.under("src/loop/");
  const bool beside = file.under("tests/") || file.under("apps/") || file.under("examples/") ||
                      file.under("bench/") || file.under("tools/");
  // The test harness has deadlines of its own, and a benchmark is a clock.
  const bool may_read_clocks = in_loop || file.under("bench/") || file.under("tests/");
  if (!may_read_clocks) apply(clock_bans(), file, out);
  if (in_layers ? !in_loop : !beside) apply(socket_bans(), file, out);
  check_words(file, out);
  check_visibility(file, out);
  if (file.is_header() && !file.raw.starts_with("#pragma once\n")) {
    out.push_back({file.path, 1, "header", "the first line of a header is #pragma once"});
  }
}

}  // namespace tidy
