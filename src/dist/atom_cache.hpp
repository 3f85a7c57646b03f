#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/metrics.hpp"

/// The atom cache of the distribution header (OTP "Distribution Header"): the two ends of a connection keep
/// a table of atoms for each direction, and a message says its atoms by their places in it. In front of the
/// control message stand the atoms that the message has, `N, Flags, References`, new ones with their text;
/// control message and payload refer to these as `82 Index`.
namespace barrel::dist {

/// Places in the table of one direction: 8 segments of 256.
inline constexpr std::size_t atom_cache_places = 2048;
/// Atoms that one message may refer to: N has one byte.
inline constexpr std::size_t message_atoms_max = 255;

/// The atoms that one received message may refer to, spelled out with their tags.
class MessageAtoms {
 public:
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return text_.size() + ends_.size() * sizeof(std::uint32_t); }
  [[nodiscard]] std::optional<BytesView> at(std::uint8_t index) const;
  void add(BytesView spelled);
  void clear();

  /// Appends the term that `in` begins with to `out`, its atoms spelled out. False as of copy_term().
  [[nodiscard]] bool expand(ByteReader& in, Bytes& out, std::size_t bytes_max) const;
  /// Appends the message `Control [Payload]`, its atoms spelled out, and the payload's 131 between the two.
  [[nodiscard]] bool expand_message(BytesView message, Bytes& out, std::size_t bytes_max,
                                    std::size_t& control_bytes) const;
  /// Whether a payload, with its leading 131, refers to atoms; none when it is malformed.
  [[nodiscard]] static std::optional<bool> are_in_payload(BytesView payload);
  /// As expand() for all of a payload with its leading 131.
  [[nodiscard]] std::optional<Bytes> expand_payload(BytesView payload, std::size_t bytes_max) const;

 private:
  Bytes text_;
  std::vector<std::uint32_t> ends_;
};

/// Why a message could not be expanded, for people.
[[nodiscard]] std::string unexpandable(std::size_t bytes_max);

/// The table of what a connection receives. It has a fixed number of places, and an atom a greatest length,
/// so that a peer can fill 2 MiB with it at most; nothing of it is interned. Not thread-safe.
class AtomCacheReader {
 public:
  AtomCacheReader() : places_(atom_cache_places) {}

  /// Reads the atoms of a message from `in`, which stands behind `131 68` or the numbers of a first fragment,
  /// and adds them to `atoms`. False when they are malformed: cut off, longer than an atom can be, or at a
  /// place that was never filled.
  [[nodiscard]] bool read(ByteReader& in, MessageAtoms& atoms);

 private:
  [[nodiscard]] bool read_text(ByteReader& in, bool is_long, Bytes& place);

  std::vector<Bytes> places_;  // spelled out, with tags; empty: never filled
};

/// The table of what a connection sends. The place of an atom follows from its text, and belongs to the first
/// that comes: a place that never changes can be referred to by everything that leaves later, in whatever
/// order. An atom whose place is taken stays spelled out. Not thread-safe.
class AtomCacheWriter {
 public:
  /// `taken`: counts atoms that found their place taken; must outlive this.
  explicit AtomCacheWriter(Counter& taken) : places_(atom_cache_places), taken_(taken) {}

  /// Appends the message `Control [Payload]`, whose atoms are spelled out, in the header envelope. It must
  /// leave before any message that is written later. False when the message cannot be gone through; then
  /// nothing was appended.
  [[nodiscard]] bool write(BytesView message, Bytes& out);

 private:
  class Shortening;
  struct Place {
    std::uint64_t message = 0;  // the last one that referred to it, and
    std::uint32_t text = 0;     // where in texts_
    std::uint8_t index = 0;     // by what
    std::uint8_t bytes = 0;
    bool filled = false;
  };

  /// How this message refers to the atom; none: it has to spell it out.
  [[nodiscard]] std::optional<std::uint8_t> refer(std::string_view text);
  [[nodiscard]] std::string_view text_of(const Place& place) const;
  void write_atoms(ByteWriter& out) const;
  /// Makes the places free again that this message has filled.
  void undo(std::size_t texts_bytes);

  std::vector<Place> places_;
  Bytes texts_;
  std::uint64_t message_ = 0;
  std::vector<std::uint16_t> referred_;  // places, in order of index; with is_new for those filled just now
  Bytes body_;
  Counter& taken_;
};

}  // namespace barrel::dist
