#include "metrics.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <string>

namespace tidy {

namespace {

struct Name {
  std::string text;
  std::string kind;
  std::string path;
  std::size_t line;
};

std::vector<Name> names_in(const std::vector<SourceFile>& files) {
  static const std::regex made(R"re(\b(counter|gauge|histogram|count)\(\s*"([^"]+)")re");
  std::vector<Name> names;
  for (const SourceFile& file : files) {
    if (!file.under("src/") || file.is_unit_test()) continue;
    for (std::sregex_iterator match(file.raw.begin(), file.raw.end(), made), end; match != end; ++match) {
      const std::string call = (*match)[1];
      names.push_back({(*match)[2], call == "count" ? "counter" : call, file.path,
                       file.line_of(static_cast<std::size_t>(match->position()))});
    }
  }
  return names;
}

std::vector<Name> rows_of(std::string_view path, std::string_view catalogue) {
  static const std::regex row(R"re(\| `([^`]+)` \|\s*([^|]*?)\s*\|.*)re");
  std::vector<Name> rows;
  const auto lines = lines_of(catalogue);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::match_results<std::string_view::const_iterator> match;
    if (std::regex_match(lines[i].begin(), lines[i].end(), match, row)) {
      rows.push_back({match[1], match[2], std::string(path), i + 1});
    }
  }
  return rows;
}

bool describes(const std::string& row, const std::string& made) {
  if (!row.starts_with(made)) return false;
  const std::string_view rest = std::string_view(row).substr(made.size());
  return rest.empty() || rest.front() == '<' || rest.front() == '{';
}

/// One that is made under several names, a counter as well as a gauge, may have the kind of any of them.
bool has_kind_of(const Name& row, const std::vector<Name>& names) {
  return std::ranges::any_of(
      names, [&](const Name& name) { return describes(row.text, name.text) && row.kind == name.kind; });
}

}  // namespace

void check_metrics(const std::vector<SourceFile>& files, std::string_view catalogue_path,
                   std::string_view catalogue, std::vector<Violation>& out) {
  const auto names = names_in(files);
  const auto rows = rows_of(catalogue_path, catalogue);
  for (const Name& name : names) {
    if (std::ranges::any_of(rows, [&](const Name& row) { return describes(row.text, name.text); })) continue;
    out.push_back({name.path, name.line, "metric", name.text + " is not in " + std::string(catalogue_path)});
  }
  std::set<std::string> seen;
  for (const Name& row : rows) {
    if (!seen.insert(row.text).second)
      out.push_back({row.path, row.line, "metric", row.text + " has a row already"});
    if (std::ranges::none_of(names, [&](const Name& name) { return describes(row.text, name.text); })) {
      out.push_back({row.path, row.line, "metric", "nothing in src/ makes " + row.text});
    } else if (!has_kind_of(row, names)) {
      out.push_back({row.path, row.line, "metric", row.text + " is no " + row.kind});
    }
  }
}

}  // namespace tidy
