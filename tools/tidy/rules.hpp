#pragma once

#include <map>
#include <string>
#include <vector>

#include "source_file.hpp"

namespace tidy {

constexpr std::size_t columns_max = 110;
constexpr std::size_t function_lines_max = 70;
constexpr std::size_t file_lines_max = 500;

/// Lines over columns_max, functions over function_lines_max, files over file_lines_max.
void check_lengths(const SourceFile& file, std::vector<Violation>& out);

/// Clocks and sockets outside `loop`, words that promise later work, headers without #pragma once first,
/// public headers whose namespace the shared library would hide.
void check_banned(const SourceFile& file, std::vector<Violation>& out);

/// The aggregates of the project by name, and whether destroying one frees anything.
class Aggregates {
 public:
  void add(const SourceFile& file);
  /// True when `type` is one of ours, has no constructor, and holds something that owns memory.
  [[nodiscard]] bool owning(const std::string& type) const;

 private:
  std::map<std::string, std::string> bodies_;
};

/// GCC 12 destroys an owning aggregate or a capturing lambda twice when it is a temporary of the full
/// expression that holds a co_await. A heuristic: text, not types.
void check_co_await(const SourceFile& file, const Aggregates& aggregates, std::vector<Violation>& out);

}  // namespace tidy
