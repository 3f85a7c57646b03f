#include <zlib.h>

#include <algorithm>

#include "barrel/base/assert.hpp"
#include "term/etf_reader.hpp"

namespace barrel::detail {
namespace {

// The room for the first bytes; it doubles as long as the stream really fills it.
constexpr std::size_t first_bytes = std::size_t{64} * 1024;

struct Inflater {
  Inflater() { BARREL_ASSERT(inflateInit(&stream) == Z_OK); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
};

}  // namespace

Result<Bytes> inflate_term(ByteReader& in, const EtfLimits& limits) {
  const std::size_t declared = in.u32();
  if (!in.ok()) return Error{Errc::malformed, "the term is cut off"};
  if (limits.uncompressed_bytes_max == 0)
    return Error{Errc::malformed, "a compressed term where none belongs"};
  if (declared > limits.uncompressed_bytes_max)
    return Error{Errc::limit_exceeded, Atom("uncompressed_bytes_max")};
  Inflater inflater;
  z_stream& stream = inflater.stream;
  const BytesView input = in.rest();
  // zlib does not write to its input, it only declares so without ZLIB_CONST.
  stream.next_in = const_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(input.size(), ~uInt{0}));

  Bytes out(std::min(declared, first_bytes));
  std::size_t filled = 0;
  int status = Z_OK;
  // One byte of room beyond the declared size would tell nothing more: the stream must end when it is
  // reached.
  std::uint8_t beyond = 0;
  while (status == Z_OK) {
    if (filled == out.size() && filled < declared) out.resize(std::min(declared, out.size() * 2));
    const bool full = filled == declared;
    stream.next_out = full ? &beyond : out.data() + filled;
    const auto room = static_cast<uInt>(full ? 1 : out.size() - filled);
    stream.avail_out = room;
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t written = room - stream.avail_out;
    if (full && written > 0) return Error{Errc::malformed, "a compressed term of more bytes than declared"};
    filled += written;
    if (status == Z_OK && written == 0 && stream.avail_in == 0) break;
  }
  if (status != Z_STREAM_END || filled != declared)
    return Error{Errc::malformed, "a compressed term that is damaged"};
  in.skip(input.size() - stream.avail_in);
  return out;
}

}  // namespace barrel::detail
