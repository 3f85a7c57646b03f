#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "barrel/process/runtime.hpp"

namespace barrel::node {

/// Where the text goes that processes of this node, and processes of others that have it as group leader,
/// print. Shared, since what blocks in it may outlive the node. Thread-safe.
class Output {
 public:
  using Write = std::function<void(std::string_view text)>;

  /// Standard output, flushed after each text.
  Output();
  /// From now on; null: standard output again.
  void set(Write write);
  void write(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  Write write_;
};

/// What a device answers to a request of Erlang's I/O protocol, and the text to write first.
struct IoAnswer {
  std::string text;
  Term reply;
  /// Something was left out, because the texts of one message were longer than formatted_bytes_max together.
  bool too_long = false;
};
/// Prints put_chars, with io_lib's functions computed here; is at its end for those who read; {error,
/// enotsup} for the rest. Of several requests in one the first that fails, or that no longer fits into
/// formatted_bytes_max, is the last.
[[nodiscard]] IoAnswer answer_io(const Term& request, NodeName self);

/// The process `user`: serves {io_request, From, ReplyAs, Request}. What cannot be written (Output throws, or
/// too many jobs wait for a blocking thread) is logged and answered {error, put_chars}.
[[nodiscard]] Task<> io_server(Self self, std::shared_ptr<const Output> output);

}  // namespace barrel::node
