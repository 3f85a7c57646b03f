#include "layers.hpp"

#include <regex>
#include <sstream>
#include <utility>

namespace tidy {

namespace {

using Names = std::set<std::string>;
using Table = std::map<std::string, Names>;

// The layer that a file belongs to: src/<layer>/... or include/barrel/<layer>/..., else empty.
std::string layer_of(std::string_view path) {
  for (const std::string_view root : {"src/", "include/barrel/"}) {
    if (!path.starts_with(root)) continue;
    const std::string_view rest = path.substr(root.size());
    return std::string(rest.substr(0, rest.find('/')));
  }
  return {};
}

// The words after DEPENDS, TEST_LINK and so on, up to the next word in capitals.
Names argument_list(const std::string& call, std::string_view keyword) {
  static const std::regex capitals("[A-Z_]+");
  std::istringstream words(call);
  Names found;
  bool inside = false;
  for (std::string word; words >> word;) {
    if (std::regex_match(word, capitals)) {
      inside = word == keyword;
    } else if (inside) {
      found.insert(word);
    }
  }
  return found;
}

// The layers and everything that they reach.
Names closure(Names layers, const Table& table) {
  std::vector<std::string> open(layers.begin(), layers.end());
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (!table.contains(next)) continue;
    for (const std::string& name : table.at(next)) {
      if (layers.insert(name).second) open.push_back(name);
    }
  }
  return layers;
}

}  // namespace

Layers::Layers()
    : allowed_{{"base", {}},
               {"term", {"base"}},
               {"crdt", {"term"}},
               {"membership", {"term"}},
               {"gossip", {"term"}},
               {"auth", {"term"}},
               {"dist", {"term"}},
               {"loop", {"term"}},
               {"quic", {"term"}},
               {"tcp", {"term"}},
               {"carrier", {"auth", "dist", "quic", "tcp"}},
               {"process", {"term"}},
               {"store", {"term"}},
               {"services", {"crdt"}},
               {"node",
                {"crdt", "membership", "gossip", "auth", "dist", "loop", "quic", "tcp", "carrier", "process",
                 "store", "services", "term"}},
               {"otp", {"node", "process", "term"}}} {}

void Layers::declare(std::string_view path, std::string_view cmake, std::vector<Violation>& out) {
  static const std::regex call(R"(barrel_layer\s*\(\s*(\w+)([^)]*)\))");
  const std::string text(cmake);
  std::smatch match;
  if (!std::regex_search(text, match, call)) return;
  const std::string layer = match[1];
  if (!known(layer)) {
    out.push_back({std::string(path), 1, "layering", "the architecture has no layer '" + layer + "'"});
    return;
  }
  declared_[layer] = argument_list(match[2], "DEPENDS");
  for (const std::string& library : argument_list(match[2], "TEST_LINK")) {
    if (library.starts_with("barrel_")) declared_for_tests_[layer].insert(library.substr(7));
  }
  for (const std::string& dependency : declared_[layer]) {
    if (!known(dependency) || !closure({layer}, allowed_).contains(dependency)) {
      out.push_back({std::string(path), 1, "layering", layer + " must not depend on " + dependency});
    }
  }
}

Names Layers::reachable(const std::string& layer, bool for_tests) const {
  Names start = declared_.contains(layer) ? declared_.at(layer) : allowed_.at(layer);
  if (for_tests && declared_for_tests_.contains(layer)) start.merge(Names(declared_for_tests_.at(layer)));
  start.insert(layer);
  Table table = allowed_;
  for (const auto& [name, names] : declared_) table[name] = names;
  return closure(std::move(start), table);
}

void Layers::check(const SourceFile& file, std::vector<Violation>& out) const {
  static const std::regex include(R"re(^\s*#\s*include\s*"([^"]+)")re");
  const std::string layer = layer_of(file.path);
  const bool is_public = file.under("include/");
  const bool is_example = file.under("examples/");
  const Names within = known(layer) ? reachable(layer, file.is_unit_test()) : Names{};
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.raw)) {
    ++number;
    std::match_results<std::string_view::const_iterator> match;
    if (!std::regex_search(line.begin(), line.end(), match, include)) continue;
    std::string target = match[1];
    const bool target_is_public = target.starts_with("barrel/");
    if (target_is_public) target = target.substr(7);
    const std::string target_layer = target.substr(0, target.find('/'));
    if (target_layer == target || !known(target_layer)) continue;
    const std::string shown = match[1];
    if ((is_public || is_example) && !target_is_public) {
      out.push_back(
          {file.path, number, "layering", "public code must not include the internal header " + shown});
    }
    if (!layer.empty() && !within.contains(target_layer)) {
      out.push_back({file.path, number, "layering", layer + " must not include " + shown});
    }
  }
}

}  // namespace tidy
