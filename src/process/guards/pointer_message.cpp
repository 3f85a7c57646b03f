// expect: a message must not be a pointer: processes share no memory
#include "barrel/process/self.hpp"

namespace barrel {
void tell(Self self, Pid to, int* shared) {
  self.send(to, shared);
}
}  // namespace barrel
