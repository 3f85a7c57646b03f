#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "dist/atom_cache.hpp"
#include "dist/room_pool.hpp"

namespace barrel::dist {

/// Default and effect of each limit of a Reassembler. A peer that exceeds one loses its connection: what it
/// has left unfinished cannot be told from what it will finish.
struct ReassemblyLimits {
  /// Bytes of one message. As the frame limit of connections without fragments.
  std::size_t message_bytes_max = 64U << 20;
  /// Messages that have begun and not ended. An Erlang node has one for each process that is sending a large
  /// one; a guess with room for the busiest.
  std::size_t sequences_max = 4096;
  /// Bytes of all of them together. A guess: four of the largest.
  std::size_t bytes_max = 256U << 20;

  /// What bytes_max is at least, however small messages have to be: Erlang nodes send a fragment of 64 KiB of
  /// each process's message in turn. A guess: of 256 processes.
  static constexpr std::size_t bytes_min = std::size_t{16} << 20;

  /// What one message may take beside its own bytes: its atoms. A guess, 255 of the longest take a quarter.
  static constexpr std::size_t beside_bytes = std::size_t{1} << 20;

  /// For a connection whose messages have at most `message_bytes`. `unfinished_bytes`: bytes_max; 0 stands
  /// for four of the largest messages, and one has room in any case.
  [[nodiscard]] static ReassemblyLimits of(std::size_t message_bytes, std::size_t unfinished_bytes = 0) {
    const std::size_t wanted = unfinished_bytes != 0 ? unfinished_bytes : 4 * message_bytes;
    return {.message_bytes_max = message_bytes,
            .bytes_max = std::max({bytes_min, wanted, message_bytes + beside_bytes})};
  }
};

/// A message that came in fragments.
struct Assembled {
  /// The control tuple, without a leading 131.
  Bytes control;
  /// With a leading 131; empty when nothing followed the control tuple. All atoms are spelled out.
  SharedBytes payload;
};

/// Puts the fragments of one connection together, of any number of messages at once and from any of its
/// streams. A message is complete with its last fragment.
///
/// Drive it so: add() each frame that begins with 131 69 or 131 70. After an error the connection must be
/// closed; what was not complete goes with the Reassembler. A large payload of two fragments stays in the
/// buffer of the first when that is its own, any other is copied into one buffer that grows with what has
/// arrived, not with what was announced; either is handed out without a further copy. Not thread-safe.
class Reassembler {
 public:
  /// `atom_cache` is the connection's, null when none was negotiated, and must outlive this. `pool`: of
  /// buffers for large payloads.
  explicit Reassembler(ReassemblyLimits limits, AtomCacheReader* atom_cache = nullptr,
                       RoomPool pool = RoomPool(pool_bytes_max))
      : limits_(limits), atom_cache_(atom_cache), pool_(std::move(pool)) {}

  /// A fragment that came by that stream. Nothing: the message is not complete. Errc::malformed: a fragment
  /// that cannot be, or cannot be now. Errc::busy: the peer has too much unfinished. `own`: the buffer in
  /// which the frame lies, when it may be kept and written to.
  [[nodiscard]] Result<std::optional<Assembled>> add(BytesView frame, std::uint64_t stream = 0,
                                                     std::shared_ptr<Room> own = {});

  /// Kept of buffers that are used again, for each connection: those of 30 messages of two fragments, on
  /// their way to a process that keeps up.
  static constexpr std::size_t pool_bytes_max = 2U << 20;

  [[nodiscard]] std::size_t open_sequences() const { return open_.size(); }
  /// What the open sequences count for against bytes_max.
  [[nodiscard]] std::size_t buffered() const { return buffered_; }

 private:
  /// What a sequence takes besides its bytes, so that empty ones are not free.
  static constexpr std::size_t sequence_overhead_bytes = 256;
  /// Buffers of this size and more are used again: below, allocating costs less than the pool. A guess.
  static constexpr std::size_t pooled_bytes_min = 32U << 10;
  /// All messages of one Erlang process have the same number, and those to different receivers may take
  /// different streams, between which nothing is ordered.
  struct Key {
    std::uint64_t stream;
    std::uint64_t number;
    auto operator<=>(const Key&) const = default;
  };
  struct Sequence {
    std::uint64_t next = 0;  // the fragment that must come now
    MessageAtoms atoms;      // as they were at the first fragment
    Bytes control;
    // What has come of the payload, with its 131.
    std::shared_ptr<Room> buffer;
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] BytesView payload() const { return {buffer->data() + begin, end - begin}; }
  };

  [[nodiscard]] Result<std::optional<Assembled>> finish(Sequence sequence) const;
  [[nodiscard]] Result<std::optional<Assembled>> first(ByteReader& in, const Key& key, std::uint64_t fragment,
                                                       std::shared_ptr<Room> own);
  [[nodiscard]] Result<std::optional<Assembled>> next(ByteReader& in, const Key& key, std::uint64_t fragment);
  /// Whether so many bytes more are within the limits; then they count.
  [[nodiscard]] Result<> charge(const Sequence& sequence, std::size_t bytes);
  void append(Sequence& sequence, BytesView part, std::uint64_t fragments_left) const;
  /// The part is the end of its frame, and `own` the frame's buffer.
  static void adopt(Sequence& sequence, BytesView part, std::shared_ptr<Room> own);
  [[nodiscard]] std::shared_ptr<Room> room_of(std::size_t bytes) const;
  [[nodiscard]] static std::size_t weight(const Sequence& sequence);

  const ReassemblyLimits limits_;
  AtomCacheReader* const atom_cache_;
  const RoomPool pool_;
  std::map<Key, Sequence> open_;
  std::size_t buffered_ = 0;
};

}  // namespace barrel::dist
