#include "hostile/document.hpp"

#include <array>

#include "hostile/families.hpp"

namespace barrel::hostile {

std::span<const Family> families() {
  static const std::array all{strangers,    unauthenticated, handshakes,    handshake_mutants, envelopes,
                              fragments,    payloads,        bombs,         mutations,         impostors,
                              floods,       quotas,          streams,       silence,           servers,
                              calls_family, unread_family,   tcp_strangers, tcp_nodes};
  return all;
}

std::string attacks_document() {
  std::string text;
  for (const Family& family : families()) {
    text += "\n### " + std::string(family.title) +
            "\n\n| attack | what the node does | counter |\n|---|---|---|\n";
    for (const Attack& attack : family.attacks) {
      std::string counter = attack.counter.empty() ? "-" : "`" + std::string(attack.counter) + "`";
      if (attack.counted_by != "alice") counter += " of that node";
      text +=
          "| " + std::string(attack.attack) + " | " + std::string(attack.answer) + " | " + counter + " |\n";
    }
  }
  return text + "\n";
}

}  // namespace barrel::hostile
