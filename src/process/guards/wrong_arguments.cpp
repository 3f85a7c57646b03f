// expect: the arguments do not match the body's parameters after Self
#include "barrel/process/self.hpp"

namespace barrel {
Task<> body(Self, int) {
  co_return;
}
void start(Self self) {
  self.spawn(body);
}
}  // namespace barrel
