#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "barrel/node/node.hpp"
#include "node/test_nodes.hpp"

namespace barrel::test {

/// A process of a Barrel node that holds a name: the counterpart of Hold in original.hpp. Answers {ask, From,
/// What} with {answer, self(), What} and does {exit, Reason}, unregister, and {meta, Map}.
inline Task<> hold_name(Self self, Term name, Metadata meta) {
  auto registered = self.node().registry().register_service(self, name, meta);
  if (!registered) exit(registered.error().reason);
  Registration registration = *std::move(registered);
  for (;;) {
    const Term message = co_await self.receive<Term>();
    const auto parts = message.elements();
    if (message.is_atom("unregister")) registration.unregister();
    if (message.is_tagged("exit", 2)) exit(parts[1]);
    if (message.is_tagged("meta", 2)) (void)registration.update(*Metadata::from_term(parts[1]));
    if (message.is_tagged("ask", 3)) {
      self.send(*parts[1].as_pid(), Term::tuple_of(Atom("answer"), self.pid(), parts[2]));
    }
  }
}

/// Ends a holder of either kind, and sees to it: the original disconnects whoever is no neighbour of it now
/// and then, without a word, and what is sent until that is noticed is lost.
inline Task<> end_holder(Self self, Pid holder, Term how) {
  for (;;) {
    const Monitor watched = self.monitor(holder);
    self.send(holder, how);
    const Down down = co_await self.receive<Down>();
    if (!down.reason.is_atom("noconnection")) co_return;
  }
}

/// Asks a holder of either kind and gives its answer.
inline Task<Result<Term>> ask_holder(Self self, Pid holder, Term what) {
  const Term question = Term::tuple_of(Atom("ask"), self.pid(), what);
  self.send(holder, question);
  const auto answer = co_await self.receive<Term>(5s);
  if (std::holds_alternative<Timeout>(answer)) co_return Error(Errc::timeout);
  const Term term = std::get<Term>(answer);
  if (!term.is_tagged("answer", 3) || term.elements()[1].as_pid() != holder) co_return Error(Errc::malformed);
  co_return term.elements()[2];
}

/// What a Barrel node tells of names and of its active view, as text, from the construction on. Must outlive
/// the node's processes: declare it before the node.
class Events {
 public:
  void follow(Node& node) {
    node.spawn(&Events::listen, this);
    EXPECT_TRUE(eventually([&] {
      const std::scoped_lock lock(mutex_);
      return ready_;
    }));
  }
  [[nodiscard]] std::vector<std::string> seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  /// Those that hold `text`, in order.
  [[nodiscard]] std::vector<std::string> of(std::string_view text) const {
    std::vector<std::string> found = seen();
    std::erase_if(found, [&](const std::string& one) { return one.find(text) == std::string::npos; });
    return found;
  }
  [[nodiscard]] bool sees(const std::string& event, std::chrono::milliseconds limit = 10s) const {
    return eventually([&] { return std::ranges::count(seen(), event) > 0; }, limit);
  }

 private:
  static Task<> listen(Self self, Events* events) {
    const Subscription names = self.node().registry().subscribe(self);
    const Subscription views = self.node().membership().subscribe(self);
    {
      const std::scoped_lock lock(events->mutex_);
      events->ready_ = true;
    }
    for (;;) {
      const Term message = co_await self.receive<Term>();
      const std::scoped_lock lock(events->mutex_);
      events->seen_.push_back(to_string(message.elements()[1]));
    }
  }

  mutable std::mutex mutex_;
  bool ready_ = false;
  std::vector<std::string> seen_;
};

}  // namespace barrel::test
