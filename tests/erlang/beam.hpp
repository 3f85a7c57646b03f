#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/term/term.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {

/// Whether a program is in PATH.
[[nodiscard]] bool in_path(const std::string& program);

/// A TCP port of 127.0.0.1 that nobody listens at now.
[[nodiscard]] std::uint16_t free_port();

/// An EPMD of the test's own on 127.0.0.1, at a port that was free.
class Epmd {
 public:
  /// Throws std::runtime_error when it does not come up.
  Epmd();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// SIGKILL.
  void stop() { child_.reset(); }
  /// Waits until a node of that name (the part before the '@') is registered; false when it is not in time.
  [[nodiscard]] bool knows(const std::string& name, std::chrono::milliseconds limit = 10s) const;
  /// At the same port as before.
  void start();

 private:
  TempDir home_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Child> child_;
};

/// How to start an Erlang node.
struct BeamOptions {
  std::string cookie = "barrel_p2p";
  /// More arguments of `erl`.
  std::vector<std::string> arguments{};
};

/// A real Erlang node, which does what the test says. Starts `erl -name NAME`; the destructor kills it. Every
/// call throws std::runtime_error, with what the node has printed, when it does not come back in time.
///
///   Beam beam(epmd, "e1");
///   EXPECT_EQ(beam.eval("net_adm:ping('b@127.0.0.1')"), Term(Atom("pong")));
///   EXPECT_EQ(beam.text("lists:sort([c, b, a])"), "[a,b,c]");
///
/// Expressions are evaluated one after the other by one process, which traps exits; variables stay bound.
class Beam {
 public:
  /// `name` may be without host, which then is 127.0.0.1. Comes back when the node is up.
  Beam(const Epmd& epmd, std::string_view name, const BeamOptions& options = {});

  [[nodiscard]] const std::string& name() const { return name_; }

  /// The value of the last expression; expressions are separated by commas, without a full stop at the end.
  Term eval(const std::string& expressions, std::chrono::milliseconds limit = 10s);
  /// As eval(), as Erlang prints it (~0p).
  std::string text(const std::string& expressions, std::chrono::milliseconds limit = 10s);
  /// Begins to evaluate; finish() waits for the value.
  std::uint64_t begin(const std::string& expressions);
  Term finish(std::uint64_t number, std::chrono::milliseconds limit = 10s);
  /// Evaluates until the text is as wanted; false when it is not in time.
  bool becomes(const std::string& expressions, std::string_view wanted,
               std::chrono::milliseconds limit = 10s);
  /// Compiles a module and loads it; a relative path is below tests/erlang.
  void load(const std::filesystem::path& path);

  /// SIGKILL, SIGSTOP, SIGCONT.
  void signal(int number) const { child_->signal(number); }
  /// SIGKILL, and waits for the end.
  void kill();
  /// What it has printed.
  [[nodiscard]] std::string transcript() const { return child_->transcript(); }

 private:
  TempDir home_;
  std::string name_;
  std::unique_ptr<Child> child_;
  std::uint64_t last_number_ = 0;
};

}  // namespace barrel::test
