// expect: a request is listed in Calls, but the class has no handler for it
#include "barrel/otp/gen_server.hpp"

namespace barrel {
class Server {
 public:
  struct Ask {
    static constexpr std::string_view tag = "ask";
    using Reply = int;
  };
  using Calls = Messages<Ask>;
  explicit Server(Self) {}
};
Task<> start(Self self) {
  (void)co_await self.start_link<Server>();
}
}  // namespace barrel
