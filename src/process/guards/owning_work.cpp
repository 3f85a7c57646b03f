// expect: name the callable first
#include <string>

#include "barrel/process/self.hpp"

namespace barrel {
Task<> work(Self self, std::string text) {
  (void)co_await self.blocking([text] { return text.size(); });
}
}  // namespace barrel
