// expect: handle_call must return the request's Reply
#include <string>

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
  std::string handle_call(const Ask&) { return "not a number"; }
};
Task<> start(Self self) {
  (void)co_await self.start_link<Server>();
}
}  // namespace barrel
