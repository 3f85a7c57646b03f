// exit/2 and links to processes that are gone, between an Erlang node and a Barrel node, both ways round.

#include "erlang/signal_actor.hpp"

namespace barrel::test {
namespace {

using Exits = SignalActors;

/// A sends exit/2 with `reason` to P; what P has heard then, and from whom.
std::string trapped(const std::string& reason) {
  return "A = signal_actor:start(One), P = signal_actor:start(Other), A ! {do, exit, P, " + reason +
         "}, signal_actor:fence(A, P), [{exit, A, Why}] = signal_actor:heard(P), Why";
}

/// The same for a process that does not trap exits, or for `kill`: how it ends.
std::string ended(const std::string& reason, const char* traps) {
  return "A = signal_actor:start(One), P = signal_actor:start(Other, " + std::string(traps) +
         "), signal_actor:heard(P), A ! {do, monitor, P}, A ! {do, exit, P, " + reason +
         "}, M = monitor(process, P), receive {'DOWN', M, process, P, _} -> down after 5000 -> exit(lives) "
         "end,"
         "(fun Wait() -> case signal_actor:heard(A) of [] -> Wait(); [{down, P, Why}] -> Why end end)()";
}

TEST_F(Exits, AreTrappedOrEndTheReceiverAsInErlang) {
  for (const char* reason : {"boom", "{bad,[1,2.5]}", "normal", "shutdown", "noconnection"})
    expect_both_ways(trapped(reason), reason);
  for (const char* reason : {"boom", "{bad,[1,2.5]}", "shutdown", "killed"})
    expect_both_ways(ended(reason, "false"), reason);
  // Normal ends nobody.
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other, false), A ! {do, exit, P, normal},"
      "signal_actor:fence(A, P), signal_actor:heard(P)",
      "[]");
  // Kill cannot be trapped, but those who are linked hear of it as killed.
  expect_both_ways(ended("kill", "true"), "killed");
  expect_both_ways(ended("kill", "false"), "killed");
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), A ! {do, link, P}, A ! {do, exit, P, "
      "kill},"
      "(fun Wait() -> case signal_actor:heard(A) of [] -> Wait(); [{exit, P, Why}] -> Why end end)()",
      "killed");
}

TEST_F(Exits, OfProcessesThatAreGoneAreNoproc) {
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), signal_actor:dies(P, boom),"
      "A ! {do, link, P},"
      "(fun Wait() -> case signal_actor:heard(A) of [] -> Wait(); [{exit, P, Why}] -> Why end end)()",
      "noproc");
  // Which ends one that does not trap exits.
  expect_both_ways(
      "A = signal_actor:start(One, false), P = signal_actor:start(Other), signal_actor:dies(P, boom),"
      "M = monitor(process, A), A ! {do, link, P},"
      "receive {'DOWN', M, process, A, Why} -> Why after 5000 -> lives end",
      "noproc");
  // A signal to them is lost.
  expect_both_ways(
      "A = signal_actor:start(One), P = signal_actor:start(Other), Q = signal_actor:start(Other),"
      "signal_actor:dies(P, boom), A ! {do, exit, P, late}, A ! {do, exit, P, kill}, signal_actor:fence(A, "
      "Q),"
      "{signal_actor:heard(A), signal_actor:heard(Q)}",
      "{[],[]}");
}

}  // namespace
}  // namespace barrel::test
