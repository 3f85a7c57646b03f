#include "barrel/process/exit.hpp"

namespace barrel {

void exit(Term reason) {
  throw ProcessExit(std::move(reason));
}

Atom normal() {
  static const Atom atom("normal");
  return atom;
}
Atom shutdown() {
  static const Atom atom("shutdown");
  return atom;
}
Atom kill() {
  static const Atom atom("kill");
  return atom;
}
Atom killed() {
  static const Atom atom("killed");
  return atom;
}
Atom noproc() {
  static const Atom atom("noproc");
  return atom;
}
Atom noconnection() {
  static const Atom atom("noconnection");
  return atom;
}

bool is_abnormal(const Term& reason) {
  return !reason.is_atom("normal") && !reason.is_atom("shutdown") && !reason.is_tagged("shutdown", 2);
}

}  // namespace barrel
