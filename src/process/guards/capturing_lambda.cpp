// expect: a process body must be a function or a lambda without captures
#include "barrel/process/self.hpp"

namespace barrel {
void start(Self self) {
  int number = 1;
  self.spawn([number](Self) -> Task<> {
    (void)number;
    co_return;
  });
}
}  // namespace barrel
