// expect: start_link's arguments do not fit the server's constructor
#include "barrel/otp/gen_server.hpp"

namespace barrel {
class Server {
 public:
  Server(Self, Atom) {}
};
Task<> start(Self self) {
  (void)co_await self.start_link<Server>();
}
}  // namespace barrel
