#include "original/original_test.hpp"

#include <unistd.h>

#include <chrono>

namespace barrel::test {
namespace {

int tests_begun = 0;

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// Nodes that were started because there were too few, for all tests.
std::vector<std::pair<std::string, std::unique_ptr<Child>>>& spare_nodes() {
  static std::vector<std::pair<std::string, std::unique_ptr<Child>>> nodes;
  return nodes;
}

std::unique_ptr<Child> start_child(std::string_view short_name, const std::string& options) {
  const std::string command =
      replaced(replaced(original_settings().start, "{name}", short_name), "{options}", options);
  return std::make_unique<Child>(Command{.argv = {"sh", "-c", command}});
}

}  // namespace

OriginalTest::OriginalTest() {
  ++tests_begun;
}

void OriginalTest::SetUp() {
  if (original_settings().nodes.empty() && !can_start())
    FAIL() << "no node of the original: --nodes=NAME,... or --start=COMMAND (CONTRIBUTING.md)";
  asker_ = start_barrel("asker");
  ASSERT_TRUE(asker_);
  for (const std::string& name : original_settings().nodes)
    originals_.push_back(std::make_unique<Original>(*asker_, name));
}

void OriginalTest::TearDown() {
  if (HasFailure()) {
    for (const auto& node : originals_) std::cout << node->transcript();
  }
  originals_.clear();
  asker_.reset();
}

std::string OriginalTest::unique(std::string_view name) const {
  return std::string(name) + std::to_string(::getpid()) + "x" + std::to_string(tests_begun);
}

NodeConfig OriginalTest::barrel_config(std::string_view name, const std::vector<NodeName>& contacts) const {
  const OriginalSettings& settings = original_settings();
  NodeConfig made = config(unique(name));
  made.cookie = settings.cookie;
  if (!settings.discovery.empty()) made.discovery.directory = settings.discovery;
  made.discovery.static_nodes = settings.addresses;
  made.membership.contact_nodes = contacts;
  return made;
}

bool OriginalTest::has_originals(std::size_t count) {
  while (originals_.size() < count && can_start()) {
    auto& nodes = spare_nodes();
    const std::size_t spare = originals_.size() - original_settings().nodes.size();
    if (spare == nodes.size()) {
      const std::string fresh = "o" + std::to_string(::getpid()) + "s" + std::to_string(spare);
      nodes.emplace_back(fresh, start_child(fresh, ""));
    }
    const auto& [name, child] = nodes[spare];
    const std::string full = name + "@127.0.0.1";
    wait_until_up(NodeName(Atom(full)), *child);
    originals_.push_back(std::make_unique<Original>(*asker_, full));
  }
  return originals_.size() >= count;
}

std::unique_ptr<Original> OriginalTest::start_original(std::string_view name, const std::string& options) {
  return start_again(NodeName(Atom(unique(name) + "@127.0.0.1")), options);
}

std::unique_ptr<Original> OriginalTest::start_again(NodeName name, const std::string& options) {
  auto child = start_child(name.name(), options);
  wait_until_up(name, *child);
  return std::make_unique<Original>(*asker_, name.text(), std::move(child));
}

void OriginalTest::wait_until_up(NodeName name, Child& child) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  const auto is_up = +[](Self self, NodeName node) -> Task<bool> {
    const auto running = co_await self.rpc<Term>(node, 2s, "erlang", "whereis", Atom("barrel_p2p_hyparview"));
    co_return running && running->as_pid().has_value();
  };
  while (asker_->run(is_up, name) != Result<bool>(true)) {
    if (std::chrono::steady_clock::now() > end || child.wait_exit(50ms))
      throw std::runtime_error("node " + std::string(name.text()) + " does not start:\n" +
                               child.transcript());
  }
}

}  // namespace barrel::test
