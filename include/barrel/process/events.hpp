#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "barrel/process/address.hpp"
#include "barrel/process/message.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// What receive gives when its time limit passed before a matching message came.
struct Timeout {
  friend bool operator==(Timeout, Timeout) = default;
};

/// A monitored process ended, or never was: {'DOWN', Ref, process, Pid | {Name, Node}, Reason}.
class Down {
 public:
  static constexpr std::string_view tag = "DOWN";

  Down() = default;
  Down(Ref monitor, Pid process, Term why) : ref(monitor), pid(process), reason(std::move(why)) {}
  Down(Ref monitor, NodeLocalName what, Term why) : ref(monitor), name(what), reason(std::move(why)) {}

  [[nodiscard]] Term to_term() const;
  [[nodiscard]] static Result<Down> from_term(const Term& term);
  friend bool operator==(const Down&, const Down&) = default;

  Ref ref;
  Atom type{"process"};
  /// What was monitored, when it was a pid.
  Pid pid;
  /// What was monitored, when it was a name.
  std::optional<NodeLocalName> name;
  /// Its exit reason; noproc when it did not exist, noconnection when its node was lost.
  Term reason;
};

/// An exit signal, as a process that traps exits receives it: {'EXIT', From, Reason}.
class Exit {
 public:
  static constexpr std::string_view tag = "EXIT";

  Exit() = default;
  Exit(Pid sender, Term why) : from(sender), reason(std::move(why)) {}

  [[nodiscard]] Term to_term() const;
  [[nodiscard]] static Result<Exit> from_term(const Term& term);
  friend bool operator==(const Exit&, const Exit&) = default;

  Pid from;
  Term reason;
};

/// A watched node is connected: {nodeup, Node}. See Self::monitor_node.
struct NodeUp {
  static constexpr std::string_view tag = "nodeup";
  NodeName node;
  friend bool operator==(const NodeUp&, const NodeUp&) = default;
};

/// A watched node is lost, or could not be reached: {nodedown, Node}.
struct NodeDown {
  static constexpr std::string_view tag = "nodedown";
  NodeName node;
  friend bool operator==(const NodeDown&, const NodeDown&) = default;
};

template <>
inline constexpr detail::MessageType::Kind detail::kind_of<Down> = detail::MessageType::Kind::down;

}  // namespace barrel
#pragma GCC visibility pop
