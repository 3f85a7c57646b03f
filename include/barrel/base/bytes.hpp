#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

class SharedParts;

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

[[nodiscard]] inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal, without separators.
[[nodiscard]] std::string to_hex(BytesView bytes);
/// Empty when `hex` has an odd length or another character than [0-9a-fA-F].
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view hex);

/// Reads big-endian integers and slices from bytes that it does not own and never leaves their bounds.
/// The first read past the end makes it fail for good: every later read gives zero or empty, so that
/// a parser may read a whole record and check ok() once.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool at_end() const { return remaining() == 0; }
  /// The rest, without consuming it.
  [[nodiscard]] BytesView rest() const { return bytes_.subspan(position_); }

  std::uint8_t u8() { return big_endian<std::uint8_t>(); }
  std::uint16_t u16() { return big_endian<std::uint16_t>(); }
  std::uint32_t u32() { return big_endian<std::uint32_t>(); }
  std::uint64_t u64() { return big_endian<std::uint64_t>(); }
  BytesView take(std::size_t count);
  void skip(std::size_t count) { (void)take(count); }
  /// Marks the reader failed, for a caller that found the content wrong.
  void fail();
  /// Goes back to a position() taken before; a failed reader stays failed.
  void rewind(std::size_t position);

 private:
  template <class Integer>
  Integer big_endian() {
    if (sizeof(Integer) > remaining()) {
      fail();
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) value = value << 8 | bytes_[position_ + i];
    position_ += sizeof(Integer);
    return static_cast<Integer>(value);
  }

  BytesView bytes_;
  // At the end once the reader has failed.
  std::size_t position_ = 0;
  bool ok_ = true;
};

/// Appends big-endian integers and bytes to a vector that it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(&out) {}
  /// Encoders of terms may leave large binaries to `parts`, which may be null.
  ByteWriter(Bytes& out, SharedParts* parts) : out_(&out), parts_(parts) {}

  void u8(std::uint8_t value) { out_->push_back(value); }
  void u16(std::uint16_t value) { big_endian(value); }
  void u32(std::uint32_t value) { big_endian(value); }
  void u64(std::uint64_t value) { big_endian(value); }
  /// `bytes` must not lie in the vector that is written to.
  void bytes(BytesView bytes) {
    if (!bytes.empty()) std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
  }
  void text(std::string_view text) { bytes(as_bytes(text)); }
  [[nodiscard]] std::size_t size() const { return out_->size(); }
  [[nodiscard]] SharedParts* parts() const { return parts_; }

 private:
  // Resizing and writing in place measured twice as fast as inserting at the end (GCC 12, a message of 15
  // pieces).
  std::uint8_t* grow(std::size_t count) {
    const std::size_t before = out_->size();
    out_->resize(before + count);
    return out_->data() + before;
  }
  template <class Integer>
  void big_endian(Integer value) {
    std::uint8_t* const place = grow(sizeof(Integer));
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      place[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(Integer) - 1 - i)));
    }
  }

  Bytes* out_;
  SharedParts* parts_ = nullptr;
};

}  // namespace barrel
#pragma GCC visibility pop
