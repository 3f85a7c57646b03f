#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "barrel/node/config.hpp"

namespace barrel::test {

/// What the tests with nodes of the original are told: `--key=value` on the command line, or
/// BARREL_ORIGINAL_<KEY> in the environment.
struct OriginalSettings {
  /// `--nodes`: full names of running nodes, separated by commas.
  std::vector<std::string> nodes;
  /// `--addresses`: host:port of each of them, in the same order; not needed with a discovery directory.
  std::map<std::string, NodeAddress, std::less<>> addresses;
  /// `--discovery`: the directory that the nodes publish their endpoints in; empty: one of the test's own.
  std::filesystem::path discovery;
  /// `--cookie`.
  std::string cookie = "barrel_p2p";
  /// `--start`: a shell command that becomes such a node (exec), with {name} for the part of its name before
  /// @127.0.0.1 and, if it is there, {options} for what to add to the settings of the application barrel_p2p:
  /// `, {Key, Value}`, any number of times. Rows that need it are skipped without.
  std::string start;
  /// `--mixed-seconds`: how long names come and go on the nodes of both kinds.
  std::chrono::seconds mixed_for{20};
  /// `--mixed-nodes`: how many there are of each kind.
  std::size_t mixed_nodes = 5;
};

[[nodiscard]] const OriginalSettings& original_settings();
/// Reads what GoogleTest has left of the command line. Throws std::runtime_error that says what is wrong.
void read_original_settings(int argc, const char* const* argv);

}  // namespace barrel::test
