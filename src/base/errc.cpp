#include "barrel/base/errc.hpp"

namespace barrel {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::timeout: return "timeout";
    case Errc::no_process: return "no_process";
    case Errc::no_connection: return "no_connection";
    case Errc::not_found: return "not_found";
    case Errc::already_registered: return "already_registered";
    case Errc::rejected: return "rejected";
    case Errc::busy: return "busy";
    case Errc::limit_exceeded: return "limit_exceeded";
    case Errc::malformed: return "malformed";
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::not_trusted: return "not_trusted";
    case Errc::protocol_violation: return "protocol_violation";
    case Errc::closed: return "closed";
    case Errc::io: return "io";
    case Errc::unsupported: return "unsupported";
    case Errc::exited: return "exited";
    case Errc::wrong_thread: return "wrong_thread";
  }
  return "unknown";
}

}  // namespace barrel
