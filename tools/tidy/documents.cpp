#include "documents.hpp"

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

}  // namespace

void check_document(std::string_view path, std::string_view markdown, const ReadFile& read,
                    std::vector<Violation>& out) {
  static const std::regex claim("<!-- from: ([^ ]+) -->");
  const auto lines = lines_of(markdown);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    std::match_results<std::string_view::const_iterator> match;
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
