// expect: a request must say its reply
#include "barrel/process/self.hpp"

namespace barrel {
struct Ask {
  static constexpr std::string_view tag = "ask";
};
Task<> ask(Self self, Pid to) {
  (void)co_await self.call(to, Ask{});
}
}  // namespace barrel
