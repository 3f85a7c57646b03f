#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace barrel::sim {

/// A numbered message of one process to another.
struct Note {
  static constexpr std::string_view tag = "note";
  std::int64_t stream = 0;
  std::int64_t number = 0;
  std::string text;
};

/// What a message carries: no other message has the same, nor has a part of another one.
[[nodiscard]] std::string note_text(std::int64_t stream, std::int64_t number, std::size_t bytes);

}  // namespace barrel::sim
