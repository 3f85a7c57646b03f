// expect: this type cannot be a message: it does not map to a term
#include <mutex>

#include "barrel/process/self.hpp"

namespace barrel {
class Opaque {
 public:
  explicit Opaque(int value) : value_(value) {}

 private:
  int value_;
};
void tell(Self self, Pid to) {
  self.send(to, Opaque(1));
}
}  // namespace barrel
