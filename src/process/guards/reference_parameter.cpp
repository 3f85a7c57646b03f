// expect: a process body must take its parameters by value: references dangle after the first co_await
#include <string>

#include "barrel/process/self.hpp"

namespace barrel {
Task<> body(Self, const std::string&) {
  co_return;
}
void start(Self self) {
  self.spawn(body, std::string("gone before it runs"));
}
}  // namespace barrel
