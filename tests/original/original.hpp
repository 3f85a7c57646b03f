#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "barrel/node/node.hpp"
#include "support/child.hpp"

namespace barrel::test {

/// A node of the original (barrel_p2p on Erlang), which does what the test says: expressions are evaluated
/// there by calls of `erl_eval` that a Barrel node makes over its connection to it. Every call throws
/// std::runtime_error when it does not come back in time or fails.
///
///   EXPECT_EQ(original.text("barrel_p2p:whereis_service(desk)"), "{error,not_found}");
///
/// Each call has a process of its own there, and variables of its own. bind() leaves them for later calls.
/// Bound from the beginning are B, the Barrel node that asks, and functions:
///
///   Hold(Name, Meta)   registers a name with a new process: {Pid, Result}. It answers {ask, From, What} with
///                      {answer, self(), What}, gen_server:call(Pid, What) with {answer, What}, and does
///                      {exit, Reason}, {link, Pid}, and {unregister, From} -> {unregistered, self(), Result}
///   Keep()             a process that keeps the messages it gets: Pid ! {get, From} -> {got, Pid, Messages};
///                      {do, Fun} calls Fun() there
///   Got(Pid)           what it has kept
class Original {
 public:
  /// A running node.
  Original(Node& asker, std::string_view name);
  /// The same, started by `child`.
  Original(Node& asker, std::string_view name, std::unique_ptr<Child> child);

  [[nodiscard]] const NodeName& name() const { return name_; }
  /// As it is written in Erlang: 'e1@127.0.0.1'.
  [[nodiscard]] std::string atom() const { return "'" + std::string(name_.text()) + "'"; }

  /// The value of the last expression; expressions are separated by commas, without a full stop at the end.
  Term eval(std::string_view expressions, std::chrono::milliseconds limit = 20s);
  /// As eval(); the variables stay bound.
  Term bind(std::string_view expressions, std::chrono::milliseconds limit = 20s);
  /// As eval(), as Erlang prints it (~0tp).
  std::string text(const std::string& expressions, std::chrono::milliseconds limit = 20s);
  /// Evaluates until the text is as wanted; false when it is not in time.
  bool becomes(const std::string& expressions, std::string_view wanted,
               std::chrono::milliseconds limit = 10s);
  /// Whether the two are in each other's active view in time.
  bool is_neighbour_of(Node& node, std::chrono::milliseconds limit = 20s);

  /// SIGKILL, SIGSTOP, SIGCONT to a node that was started by the test.
  void signal(int number) const { child_->signal(number); }
  void kill();
  /// What it has printed; empty for one that the test did not start.
  [[nodiscard]] std::string transcript() const { return child_ ? child_->transcript() : std::string(); }

 private:
  Term call(std::chrono::milliseconds limit, const char* module, const char* function, const Term& one,
            const Term& two);
  Term call(std::chrono::milliseconds limit, const char* module, const char* function, const Term& one);
  /// {value, Value, Bindings}
  Term run(std::string_view expressions, std::chrono::milliseconds limit);
  [[nodiscard]] Term checked(Result<Term> answer) const;

  Node& asker_;
  NodeName name_;
  std::unique_ptr<Child> child_;
  Term bindings_;
};

}  // namespace barrel::test
