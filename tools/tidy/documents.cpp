#include "documents.hpp"

#include <algorithm>
#include <filesystem>
#include <regex>

namespace tidy {

namespace {

std::string_view without_indentation(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

// The lines' text, each without its indentation, so that blocks compare as one string.
std::string flattened(const std::vector<std::string_view>& lines) {
  std::string text = "\n";
  for (const std::string_view line : lines) text += std::string(without_indentation(line)) + "\n";
  return text;
}

using Match = std::match_results<std::string_view::const_iterator>;
using Matches = std::regex_iterator<std::string_view::const_iterator>;

/// Where a line's comment begins, or the line's end: slashes behind an odd number of quotes are in a literal.
std::size_t comment_of(std::string_view line, std::string_view code) {
  std::size_t slashes = line.find("//");
  while (slashes != std::string_view::npos && std::ranges::count(code.substr(0, slashes), '"') % 2 != 0)
    slashes = line.find("//", slashes + 1);
  return slashes == std::string_view::npos ? line.size() : slashes + 2;
}

void check_links(std::string_view path, const std::vector<std::string_view>& lines, const ReadFile& read,
                 std::vector<Violation>& out) {
  static const std::regex link(R"(\]\(([^():]+\.md)(#[^()]*)?\))");
  const auto folder = std::filesystem::path(path).parent_path();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (Matches match(lines[i].begin(), lines[i].end(), link), end; match != end; ++match) {
      const std::string target = (folder / (*match)[1].str()).lexically_normal().generic_string();
      if (!read(target)) out.push_back({std::string(path), i + 1, "link", "there is no file " + target});
    }
  }
}

}  // namespace

void check_citations(const SourceFile& file, const ReadFile& read, std::vector<Violation>& out) {
  static const std::regex citation(R"([\w./-]+\.md\b)");
  const auto lines = lines_of(file.raw);
  const auto code = lines_of(file.code);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(".md") == std::string_view::npos) continue;  // most: patterns are slow
    const std::string_view text = lines[i].substr(comment_of(lines[i], code[i]));
    for (Matches match(text.begin(), text.end(), citation), end; match != end; ++match) {
      const std::string cited = match->str();
      if (!cited.starts_with("//") && !read(cited))
        out.push_back({file.path, i + 1, "citation", "there is no file " + cited});
    }
  }
}

void check_document(std::string_view path, std::string_view markdown, const ReadFile& read,
                    std::vector<Violation>& out) {
  static const std::regex claim("<!-- from: ([^ ]+) -->");
  const auto lines = lines_of(markdown);
  check_links(path, lines, read, out);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "```cpp" && (i == 0 || !lines[i - 1].starts_with("<!-- from: ")))
      out.push_back({std::string(path), i + 1, "document", "C++ that does not say which file it is from"});
  }
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    Match match;
    if (!std::regex_match(lines[i].begin(), lines[i].end(), match, claim)) continue;
    const std::string source = match[1];
    std::vector<std::string_view> block;
    for (std::size_t k = i + 2; k < lines.size() && !lines[k].starts_with("```"); ++k)
      block.push_back(lines[k]);
    const auto text = read(source);
    if (!lines[i + 1].starts_with("```") || block.empty()) {
      out.push_back(
          {std::string(path), i + 1, "document", "no code after the claim that it is from " + source});
    } else if (!text) {
      out.push_back({std::string(path), i + 1, "document", "there is no file " + source});
    } else if (flattened(lines_of(*text)).find(flattened(block)) == std::string::npos) {
      out.push_back({std::string(path), i + 1, "document", "this code does not stand in " + source});
    }
  }
}

}  // namespace tidy
