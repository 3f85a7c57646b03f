// expect: this type cannot be received: it does not map to a term
#include "barrel/process/self.hpp"

namespace barrel {
class Opaque {
 public:
  explicit Opaque(int value) : value_(value) {}

 private:
  int value_;
};
Task<> wait(Self self) {
  (void)co_await self.receive<Opaque>();
}
}  // namespace barrel
