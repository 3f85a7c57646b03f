// barrel_demo CHAT_PROGRAM: three nodes of the chat as three processes on this machine, what each of them
// prints, and whether everything that should happen did. scripts/demo builds and runs it.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support/chat_node.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace barrel::test;

// A step is given up after this; on an idle machine each takes well under a second, the loss of a node 5 s.
constexpr std::chrono::milliseconds step_limit = 30s;

class Demo {
 public:
  explicit Demo(const std::string& program) {
    setup_.program = std::filesystem::absolute(program);
    setup_.directory = directory_.path();
    setup_.on_line = [this](const std::string& node, const std::string& line, bool error) {
      // Standard error is the nodes' log; it is shown when something went wrong.
      say("[" + node + "] " + line, error);
    };
  }

  int run() {
    const bool ok = boot() && create_room() && talk() && lose_node();
    nodes_.clear();
    if (ok) {
      std::printf("demo: everything expected was seen\n");
      return 0;
    }
    std::printf("demo: FAILED; the nodes' logs:\n");
    for (const std::string& line : log_) std::printf("%s\n", line.c_str());
    std::printf("demo: missing: %s\n", missing_.c_str());
    return 1;
  }

 private:
  void say(const std::string& text, bool log_only = false) {
    const std::lock_guard lock(mutex_);
    if (log_only) {
      log_.push_back(text);
    } else {
      std::printf("%s\n", text.c_str());
      std::fflush(stdout);
    }
  }

  bool expect(bool seen, const std::string& what) {
    if (!seen) missing_ = what;
    return seen;
  }
  bool expect_line(ChatNode& node, const std::string& text) {
    return expect(node.prints(text, step_limit), node.name() + " should have printed: " + text);
  }

  ChatNode& start(const std::string& name, const std::string& contact) {
    return *nodes_.emplace_back(std::make_unique<ChatNode>(setup_, name, contact));
  }

  bool boot() {
    say("demo: three nodes start, each with keys and a certificate of its own");
    seed_ = &start("seed", "");
    if (!expect(seed_->is_up(step_limit), "seed comes up")) return false;
    node1_ = &start("node1", "seed");
    node2_ = &start("node2", "seed");
    const auto both = [](const auto& view) {
      return view.contains("node1@127.0.0.1") && view.contains("node2@127.0.0.1");
    };
    return expect(node1_->is_up(step_limit), "node1 comes up") &&
           expect(node2_->is_up(step_limit), "node2 comes up") &&
           expect(seed_->eventually("active_view", both, step_limit),
                  "node1 and node2 in seed's active view");
  }

  bool create_room() {
    say("demo: node2 creates the room general");
    node2_->send("create_room general");
    const std::string available = "*** Room general available on node2@127.0.0.1";
    return expect_line(*seed_, available) && expect_line(*node1_, available) &&
           expect_line(*node2_, available);
  }

  bool talk() {
    say("demo: node1 joins it, then the seed posts into it");
    if (!expect(node1_->ask("join general", step_limit) == "join general: ok", "node1 joins general"))
      return false;
    seed_->send("send general hello, barrel_p2p");
    return expect_line(*node1_, "[general] <seed@127.0.0.1> hello, barrel_p2p");
  }

  bool lose_node() {
    say("demo: node2 is killed with SIGKILL");
    node2_->child().signal(SIGKILL);
    return expect_line(*seed_, "*** Room general left node2@127.0.0.1") &&
           expect_line(*node1_, "*** Room general left node2@127.0.0.1") &&
           expect_line(*node1_, "*** Room general is gone: noconnection");
  }

  const TempDir directory_;
  ChatSetup setup_;
  std::mutex mutex_;
  std::vector<std::string> log_;
  std::string missing_;
  std::vector<std::unique_ptr<ChatNode>> nodes_;
  ChatNode* seed_ = nullptr;
  ChatNode* node1_ = nullptr;
  ChatNode* node2_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: barrel_demo CHAT_PROGRAM\n");
    return 2;
  }
  return Demo(argv[1]).run();
}
