#include "sim/nodes/note.hpp"

#include <vector>

#include "barrel/base/random.hpp"

namespace barrel::sim {

std::string note_text(std::int64_t stream, std::int64_t number, std::size_t bytes) {
  Random random(static_cast<std::uint64_t>(stream) << 32U ^ static_cast<std::uint64_t>(number));
  std::vector<std::uint8_t> content(bytes);
  random.fill(content);
  return {content.begin(), content.end()};
}

}  // namespace barrel::sim
