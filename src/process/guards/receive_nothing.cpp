// expect: receive what? Name at least one message type
#include "barrel/process/self.hpp"

namespace barrel {
Task<> wait(Self self) {
  (void)co_await self.receive<>();
}
}  // namespace barrel
