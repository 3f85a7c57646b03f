#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "barrel/term/mapping.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

/// What the scope processes of pg say to each other (those of OTP's
/// lib/kernel/src/pg.erl). `peer` is always the sending scope process.
namespace barrel::otp {

/// Who is there? Answered with a Sync.
struct Discover {
  static constexpr std::string_view tag = "discover";
  Pid peer;
};
/// The same with a version of the protocol, of which there is one.
struct DiscoverVersion {
  static constexpr std::string_view tag = "discover";
  Pid peer;
  Term version;
};
/// A cast: all members on the peer's node.
struct Sync {
  static constexpr std::string_view tag = "sync";
  Pid peer;
  std::vector<std::pair<Term, std::vector<Pid>>> groups;
};
/// `pids`: a pid or a list of them.
struct RemoteJoin {
  static constexpr std::string_view tag = "join";
  Pid peer;
  Term group;
  Term pids;
};
struct RemoteLeave {
  static constexpr std::string_view tag = "leave";
  Pid peer;
  Term pids;
  std::vector<Term> groups;
};

}  // namespace barrel::otp
