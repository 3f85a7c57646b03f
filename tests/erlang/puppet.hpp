#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "barrel/node/node.hpp"
#include "node/test_nodes.hpp"

namespace barrel::test {

/// A process of a Barrel node that does what the test says and remembers what it hears, DOWN and EXIT signals
/// included (it traps exits). Must outlive its node's processes: declare it before the node.
class Puppet {
 public:
  /// Starts it under a registered name.
  void start(Node& node, const char* name) {
    node_ = &node;
    pid_ = node.spawn(&Puppet::live, this, Atom(name));
    EXPECT_TRUE(eventually([&] { return node.runtime().whereis(Atom(name)).has_value(); }));
  }
  [[nodiscard]] const Pid& pid() const { return pid_; }

  /// Runs `task` in the process.
  void perform(std::function<void(Puppet&, Self)> task) {
    {
      const std::scoped_lock lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    (void)node_->send(pid_, Term(Atom("$perform")));
  }
  /// For monitors that shall stay.
  void keep(Monitor monitor) { monitors_->push_back(std::move(monitor)); }

  [[nodiscard]] std::vector<std::string> heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
  }
  /// Waits for a message whose text begins with `text`.
  [[nodiscard]] bool hears(std::string_view text, std::chrono::milliseconds limit = 5s) const {
    return eventually(
        [&] {
          const std::scoped_lock lock(mutex_);
          return std::ranges::any_of(heard_, [&](const std::string& one) { return one.starts_with(text); });
        },
        limit);
  }
  void forget() {
    const std::scoped_lock lock(mutex_);
    heard_.clear();
  }

 private:
  static Task<> live(Self self, Puppet* puppet, Atom name) {
    std::vector<Monitor> monitors;  // they end with the process that made them
    puppet->monitors_ = &monitors;
    self.trap_exits(true);
    (void)self.register_name(name);
    for (;;) {
      const Term message = co_await self.receive<Term>();
      if (message.is_tagged("EXIT", 3) && message.elements()[2].is_atom("shutdown")) exit(shutdown());
      puppet->on(self, message);
    }
  }
  void on(Self self, const Term& message) {
    std::function<void(Puppet&, Self)> task;
    {
      const std::scoped_lock lock(mutex_);
      if (!message.is_atom("$perform")) return heard_.push_back(text_of(message));
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(*this, self);
  }
  /// Without references, which nobody can foretell: {'DOWN', Pid, Reason}.
  static std::string text_of(const Term& message) {
    if (!message.is_tagged("DOWN", 5)) return to_string(message);
    const auto parts = message.elements();
    return to_string(Term::tuple_of(Atom("DOWN"), parts[3], parts[4]));
  }

  Node* node_ = nullptr;
  Pid pid_;
  std::vector<Monitor>* monitors_ = nullptr;  // of the process's thread only
  mutable std::mutex mutex_;
  std::deque<std::function<void(Puppet&, Self)>> tasks_;
  std::vector<std::string> heard_;
};

}  // namespace barrel::test
