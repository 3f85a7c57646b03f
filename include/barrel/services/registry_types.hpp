#pragma once

#include <string_view>
#include <variant>

#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// One registration: `{service_entry, Name, Pid, Node, Meta}`, the record of the original. A value.
struct ServiceEntry {
  static constexpr std::string_view tag = "service_entry";
  Term name;
  Pid pid;
  NodeName node;
  /// A map, #{} when nothing was given.
  Term meta;

  friend bool operator==(const ServiceEntry&, const ServiceEntry&) = default;
};

/// A name became visible on this node, or its process or metadata changed.
struct ServiceRegistered {
  static constexpr std::string_view tag = "service_registered";
  Term name;
  NodeName node;

  friend bool operator==(const ServiceRegistered&, const ServiceRegistered&) = default;
};

/// A name was taken back by the one who had registered it.
struct ServiceUnregistered {
  static constexpr std::string_view tag = "service_unregistered";
  Term name;
  NodeName node;

  friend bool operator==(const ServiceUnregistered&, const ServiceUnregistered&) = default;
};

/// The process of a name died (`reason` is its exit reason), or its node was lost (`noconnection`).
struct ServiceDown {
  static constexpr std::string_view tag = "service_down";
  Term name;
  NodeName node;
  Term reason;

  friend bool operator==(const ServiceDown&, const ServiceDown&) = default;
};

/// What subscribers of the registry get: `{barrel_p2p_service_event, {service_registered, Name, Node}}` and
/// so on. Exactly one for each change that becomes visible on this node.
struct ServiceEvent {
  static constexpr std::string_view tag = "barrel_p2p_service_event";
  std::variant<ServiceRegistered, ServiceUnregistered, ServiceDown> what;

  friend bool operator==(const ServiceEvent&, const ServiceEvent&) = default;
};

}  // namespace barrel
#pragma GCC visibility pop
