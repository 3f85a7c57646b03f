#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source_file.hpp"

namespace tidy {

/// Which layers a layer's files may include: what the architecture allows, and what its CMakeLists.txt
/// declares.
class Layers {
 public:
  /// The table of docs/architecture.md.
  Layers();

  /// Reads the barrel_layer(...) call of src/<layer>/CMakeLists.txt. A dependency that the table does not
  /// allow is a violation.
  void declare(std::string_view path, std::string_view cmake, std::vector<Violation>& out);

  /// Every #include of a layer's file that leaves its declared dependencies, of a public header that reaches
  /// into src/, and of an example that does.
  void check(const SourceFile& file, std::vector<Violation>& out) const;

 private:
  [[nodiscard]] bool known(std::string_view layer) const { return allowed_.contains(std::string(layer)); }

  [[nodiscard]] std::set<std::string> reachable(const std::string& layer, bool for_tests) const;

  std::map<std::string, std::set<std::string>> allowed_;
  std::map<std::string, std::set<std::string>> declared_;
  std::map<std::string, std::set<std::string>> declared_for_tests_;
};

}  // namespace tidy
