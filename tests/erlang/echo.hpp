#pragma once

#include "barrel/process/self.hpp"
#include "barrel/term/term.hpp"

namespace barrel::test {

/// {From, Number, Content} goes back as {Number, Content}: what random_terms.erl and sizes.erl talk to.
inline Task<> echo_numbered(Self self) {
  for (;;) {
    const Term request = co_await self.receive<Term>();
    const auto parts = request.elements();
    self.send(*parts[0].as_pid(), Term::tuple_of(parts[1], parts[2]));
  }
}

}  // namespace barrel::test
