#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "hostile/attack.hpp"

namespace barrel::hostile {

// One in each file.
extern const Family envelopes;
extern const Family fragments;
extern const Family payloads;
extern const Family bombs;
extern const Family mutations;
extern const Family impostors;
extern const Family floods;
extern const Family quotas;
extern const Family streams;
extern const Family strangers;
extern const Family unauthenticated;
extern const Family handshakes;
extern const Family handshake_mutants;
extern const Family silence;
extern const Family servers;
extern const Family tcp_strangers;
extern const Family tcp_nodes;
extern const Family calls_family;
extern const Family unread_family;

/// For what an attack needs in order to be one.
inline void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

/// What the attacker has sent is dealt with, and its connection lives.
inline void settle(Attacker& attacker) {
  require(attacker.settled(), "not settled");
}
inline void settle(Scene& scene) {
  settle(scene.attacker());
}

}  // namespace barrel::hostile
