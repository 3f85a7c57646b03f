// expect-ok: what the guards must let through
#include <string>
#include <utility>

#include "barrel/process/self.hpp"

namespace barrel {
struct Greet {
  static constexpr std::string_view tag = "greet";
  std::string text;
  using Reply = int;
};
struct Plain {
  static constexpr std::string_view tag = "plain";
  Pid from;
  using Reply = int;
};
Task<> body(Self, std::string, int) {
  co_return;
}
Task<> use(Self self, Pid to, int wanted) {
  const Greet greet{"named"};
  (void)co_await self.call(to, greet);
  (void)co_await self.call(to, Plain{self.pid()});
  self.send(to, Greet{"no co_await here"});
  self.cast(to, Greet{"nor here"});
  (void)co_await self.receive_if<int>([wanted](int value) { return value == wanted; });
  const auto work = [greet] { return greet.text.size(); };
  (void)co_await self.blocking(work);
  self.spawn(body, "text", 1);
  self.spawn([](Self, int) -> Task<> { co_return; }, 1);
}
}  // namespace barrel
