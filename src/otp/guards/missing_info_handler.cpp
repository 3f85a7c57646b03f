// expect: a message is listed in Infos, but the class has no handler for it
#include "barrel/otp/gen_server.hpp"

namespace barrel {
class Server {
 public:
  using Infos = Messages<Down>;
  explicit Server(Self) {}
};
Task<> start(Self self) {
  (void)co_await self.start_link<Server>();
}
}  // namespace barrel
