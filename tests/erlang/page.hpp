#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "erlang/beam.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {

/// A block of code of a document, and what the comment on the line before it says about it:
///
///   <!-- run -->           shell commands, run to their end
///   <!-- shown -->         all that the last of them have printed
///   <!-- start: NAME -->   a shell command that goes on in the terminal NAME
///   <!-- in: NAME -->      what is typed into that terminal after a prompt, and what appears there then
///   <!-- write: FILE -->   the content of a file
///   <!-- from: PATH -->    an excerpt of a file of the repository, which `tidy` compares
struct PageBlock {
  std::size_t line = 0;  ///< of the document, from 1
  std::string action{};  ///< "run", "start", ...; empty: there is no such comment
  std::string argument{};
  std::vector<std::string> lines{};
};

/// Blocks that are indented by four columns are found, too; no comment can say anything about them.
[[nodiscard]] std::vector<PageBlock> blocks_of(const std::filesystem::path& page);

/// Follows a page: runs its commands in a directory where `examples` and `build/release` are the
/// repository's, with an EPMD of its own, and free ports in place of the fixed ones that it gives to nodes.
/// What the page shows must appear, and in the shells of Erlang and Elixir nothing else, except for white
/// space, pids, references and times.
class PageRun {
 public:
  /// `limit`: how long an answer may take.
  explicit PageRun(std::chrono::milliseconds limit = 30s) : limit_(limit) {}
  /// Follows a page, up to the first place where something is not as shown: the page's line and what all
  /// terminals have printed. Empty: all is as shown.
  [[nodiscard]] std::string follow(const std::filesystem::path& page);

 private:
  struct Terminal;
  struct Entry;

  [[nodiscard]] std::string follow(const PageBlock& block);
  [[nodiscard]] std::string run(const PageBlock& block);
  [[nodiscard]] std::string start(const PageBlock& block);
  [[nodiscard]] std::string type(Terminal& terminal, const PageBlock& block) const;
  [[nodiscard]] Command shell(const PageBlock& block) const;
  void find_ports(const PageBlock& block);

  std::chrono::milliseconds limit_;
  Epmd epmd_;
  TempDir directory_;
  std::map<std::string, std::string> ports_;  // of the page, and what is free instead
  std::map<std::string, std::shared_ptr<Terminal>> terminals_;
  std::string printed_;  // by what ran last
};

}  // namespace barrel::test
