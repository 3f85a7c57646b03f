// expect: name the callable first
#include <string>

#include "barrel/process/self.hpp"

namespace barrel {
Task<> wait(Self self, std::string text) {
  (void)co_await self.receive_if<std::string>([text](const std::string& message) { return message == text; });
}
}  // namespace barrel
