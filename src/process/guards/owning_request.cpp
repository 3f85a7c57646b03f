// expect: name the message before the call
#include <string>

#include "barrel/process/self.hpp"

namespace barrel {
struct Greet {
  static constexpr std::string_view tag = "greet";
  std::string text;
  using Reply = int;
};
Task<> ask(Self self, Pid to) {
  (void)co_await self.call(to, Greet{"a text that owns memory"});
}
}  // namespace barrel
