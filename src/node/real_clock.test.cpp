#include "loop/system_clock.hpp"
#include "process/test_runtime.hpp"

namespace barrel::test {

const Clock& real_clock() {
  static const loop::SystemClock clock;
  return clock;
}

}  // namespace barrel::test
