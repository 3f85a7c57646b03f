#pragma once

#include <stdexcept>
#include <vector>

#include "barrel/otp/gen_server.hpp"

namespace barrel::test {

/// A server that does what its callers ask, so that they see every way in which a call can end: the
/// counterpart of beam_server.erl.
class Desk {
 public:
  struct Echo {
    static constexpr std::string_view tag = "echo";
    Term what;
    using Reply = Term;
  };
  struct Get {
    static constexpr std::string_view tag = "get";
    using Reply = int;
  };
  /// Answered by Release.
  struct Hold {
    static constexpr std::string_view tag = "hold";
    using Reply = Term;
  };
  /// How many wait for it.
  struct Holding {
    static constexpr std::string_view tag = "holding";
    using Reply = std::size_t;
  };
  struct Throw {
    static constexpr std::string_view tag = "throw";
    std::string what;
    using Reply = Term;
  };
  struct Quit {
    static constexpr std::string_view tag = "quit";
    Term reason;
    using Reply = Term;
  };
  /// Answers, then ends.
  struct Stop {
    static constexpr std::string_view tag = "stop";
    Term reason;
    Term reply;
    using Reply = Term;
  };
  struct Refuse {
    static constexpr std::string_view tag = "refuse";
    Term reason;
    using Reply = Result<int>;
  };
  struct Put {
    static constexpr std::string_view tag = "put";
    int value = 0;
  };
  struct Release {
    static constexpr std::string_view tag = "release";
    Term with;
  };
  using Calls = Messages<Echo, Get, Hold, Holding, Throw, Quit, Stop, Refuse>;
  using Casts = Messages<Put, Release>;

  Desk(Self self, Atom name) { (void)self.register_name(name); }

  static Term handle_call(const Echo& request) { return request.what; }
  [[nodiscard]] int handle_call(const Get&) const { return value_; }
  void handle_call(const Hold&, ReplyTo<Hold> caller) { held_.push_back(std::move(caller)); }
  [[nodiscard]] std::size_t handle_call(const Holding&) const { return held_.size(); }
  static Term handle_call(const Throw& request) { throw std::runtime_error(request.what); }
  static Term handle_call(const Quit& request) { exit(request.reason); }
  static void handle_call(const Stop& request, ReplyTo<Stop> caller) {
    caller.reply(request.reply);
    exit(request.reason);
  }
  static Result<int> handle_call(const Refuse& request) { return Error(Errc::rejected, request.reason); }
  void handle_cast(const Put& put) { value_ = put.value; }
  void handle_cast(const Release& release) {
    for (ReplyTo<Hold>& caller : held_) caller.reply(release.with);
    held_.clear();
  }
  [[nodiscard]] Term state() const { return value_; }

 private:
  int value_ = 0;
  std::vector<ReplyTo<Hold>> held_;
};

}  // namespace barrel::test
