// barrel_tidy ROOT: holds the project's own source to its rules (CONTRIBUTING.md). Prints every violation as
// `path:line: rule: text` and fails when there is one.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "documents.hpp"
#include "layers.hpp"
#include "metrics.hpp"
#include "rules.hpp"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<tidy::SourceFile> load(const fs::path& root) {
  std::vector<tidy::SourceFile> files;
  for (const char* part : {"include", "src", "sim", "apps", "examples", "bench", "tests", "tools"}) {
    if (!fs::exists(root / part)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / part)) {
      const std::string extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".hpp" && extension != ".cpp")) continue;
      files.emplace_back(fs::relative(entry.path(), root).generic_string(), read(entry.path()));
    }
  }
  std::ranges::sort(files, {}, &tidy::SourceFile::path);
  return files;
}

tidy::ReadFile reader(const fs::path& root) {
  return [root](const std::string& path) -> std::optional<std::string> {
    if (!fs::is_regular_file(root / path)) return std::nullopt;
    return read(root / path);
  };
}

void check_documents(const fs::path& root, std::vector<tidy::Violation>& out) {
  const auto read_source = reader(root);
  std::vector<fs::path> documents{root / "README.md", root / "CONTRIBUTING.md", root / "CHANGELOG.md"};
  if (fs::exists(root / "docs")) {
    for (const auto& entry : fs::recursive_directory_iterator(root / "docs"))
      documents.push_back(entry.path());
  }
  for (const auto& document : documents) {
    if (document.extension() != ".md" || !fs::exists(document)) continue;
    tidy::check_document(fs::relative(document, root).generic_string(), read(document), read_source, out);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: barrel_tidy ROOT\n");
    return 2;
  }
  const fs::path root = argv[1];
  std::vector<tidy::Violation> violations;
  tidy::Layers layers;
  for (const auto& entry : fs::directory_iterator(root / "src")) {
    const fs::path lists = entry.path() / "CMakeLists.txt";
    if (fs::exists(lists))
      layers.declare(fs::relative(lists, root).generic_string(), read(lists), violations);
  }
  const auto files = load(root);
  tidy::Aggregates aggregates;
  for (const auto& file : files) aggregates.add(file);
  for (const auto& file : files) {
    layers.check(file, violations);
    tidy::check_banned(file, violations);
    tidy::check_lengths(file, violations);
    tidy::check_citations(file, reader(root), violations);
    // What must not compile may break the rule that the compiler is to enforce.
    if (file.path.find("/guards/") == std::string::npos) tidy::check_co_await(file, aggregates, violations);
  }
  check_documents(root, violations);
  tidy::check_metrics(files, "docs/metrics.md", read(root / "docs/metrics.md"), violations);
  for (const auto& violation : violations) {
    std::printf("%s:%zu: %s: %s\n", violation.path.c_str(), violation.line, violation.rule.c_str(),
                violation.text.c_str());
  }
  std::printf("%zu files, %zu violations\n", files.size(), violations.size());
  return violations.empty() && !files.empty() ? 0 : 1;
}
