#include "dist/atom_cache.hpp"

#include <cstring>

#include "barrel/term/atom.hpp"
#include "dist/envelope.hpp"
#include "dist/term_copy.hpp"
#include "term/etf_tags.hpp"

namespace barrel::dist {
namespace {

constexpr std::size_t segment_places = 256;
/// Half a byte for each reference; the last one says whether texts have a length of two bytes.
constexpr std::uint8_t new_flag = 8;
constexpr std::uint8_t segment_mask = 7;
constexpr std::uint8_t long_atoms_flag = 1;
/// Characters of four bytes.
constexpr std::size_t text_bytes_max = 4 * Atom::characters_max;
/// Marks a place that this message fills.
constexpr std::uint16_t is_new = 1U << 15;

std::size_t flag_bytes(std::size_t references) {
  return references / 2 + 1;
}
std::uint8_t half_byte(BytesView flags, std::size_t index) {
  const std::uint8_t both = flags[index / 2];
  return index % 2 == 0 ? both & 0xf : both >> 4;
}

/// A term that was compressed as a whole has no references.
bool is_compressed(BytesView term) {
  return !term.empty() && term[0] == etf::compressed;
}

std::size_t place_of(std::string_view text) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;
  std::uint64_t hash = text.size();
  while (text.size() >= sizeof hash) {
    std::uint64_t part = 0;
    std::memcpy(&part, text.data(), sizeof part);
    hash = (hash ^ part) * odd;
    hash ^= hash >> 29;
    text.remove_prefix(sizeof part);
  }
  std::uint64_t part = 0;
  if (!text.empty()) std::memcpy(&part, text.data(), text.size());
  hash = (hash ^ part) * odd;
  return (hash >> 40) % atom_cache_places;
}

/// References become atoms that are spelled out.
class Expansion final : public AtomTranslation {
 public:
  explicit Expansion(const MessageAtoms& atoms) : atoms_(atoms) {}
  [[nodiscard]] BytesView spelled(BytesView atom) override { return atom; }
  [[nodiscard]] std::optional<BytesView> reference(std::uint8_t index) override { return atoms_.at(index); }
  [[nodiscard]] bool enters_funs() const override { return true; }

 private:
  const MessageAtoms& atoms_;
};

}  // namespace

// --- What is received

std::optional<BytesView> MessageAtoms::at(std::uint8_t index) const {
  if (index >= ends_.size()) return std::nullopt;
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1U];
  return BytesView(text_).subspan(begin, ends_[index] - begin);
}

void MessageAtoms::add(BytesView spelled) {
  ByteWriter(text_).bytes(spelled);
  ends_.push_back(static_cast<std::uint32_t>(text_.size()));
}

void MessageAtoms::clear() {
  text_.clear();
  ends_.clear();
}

bool MessageAtoms::expand_message(BytesView message, Bytes& out, std::size_t bytes_max,
                                  std::size_t& control_bytes) const {
  ByteReader in(message);
  if (!expand(in, out, bytes_max)) return false;
  control_bytes = out.size();
  if (in.at_end()) return true;
  out.push_back(version_byte);
  if (is_compressed(in.rest())) {
    ByteWriter(out).bytes(in.rest());
    return true;
  }
  return expand(in, out, bytes_max) && in.at_end();
}

bool MessageAtoms::expand(ByteReader& in, Bytes& out, std::size_t bytes_max) const {
  Expansion expansion(*this);
  return copy_term(in, out, bytes_max, expansion);
}

std::optional<bool> MessageAtoms::are_in_payload(BytesView payload) {
  const BytesView term = payload.subspan(1);
  if (is_compressed(term)) return false;
  return has_atom_references(term);
}

std::optional<Bytes> MessageAtoms::expand_payload(BytesView payload, std::size_t bytes_max) const {
  ByteReader in(payload);
  in.skip(1);
  Bytes expanded;
  expanded.reserve(payload.size() + payload.size() / 4);
  expanded.push_back(version_byte);
  if (!expand(in, expanded, bytes_max) || !in.at_end()) return std::nullopt;
  return expanded;
}

std::string unexpandable(std::size_t bytes_max) {
  return "a message that refers to atoms that it does not have, is cut off, or is over the limit of " +
         std::to_string(bytes_max) + " bytes with its atoms";
}

bool AtomCacheReader::read(ByteReader& in, MessageAtoms& atoms) {
  const std::size_t count = in.u8();
  if (count == 0) return in.ok();
  const BytesView flags = in.take(flag_bytes(count));
  if (!in.ok()) return false;
  const bool is_long = (half_byte(flags, count) & long_atoms_flag) != 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t flag = half_byte(flags, i);
    Bytes& place = places_[(flag & segment_mask) * segment_places + in.u8()];
    if ((flag & new_flag) != 0 && !read_text(in, is_long, place)) return false;
    if (!in.ok() || place.empty()) return false;
    atoms.add(place);
  }
  return true;
}

bool AtomCacheReader::read_text(ByteReader& in, bool is_long, Bytes& place) {
  const std::size_t size = is_long ? in.u16() : in.u8();
  const BytesView text = in.take(size);
  if (!in.ok() || size > text_bytes_max) return false;
  place.clear();
  ByteWriter out(place);
  if (size < 256) {
    out.u8(etf::small_atom);
    out.u8(static_cast<std::uint8_t>(size));
  } else {
    out.u8(etf::atom);
    out.u16(static_cast<std::uint16_t>(size));
  }
  out.bytes(text);
  return true;
}

// --- What is sent

/// Atoms that are spelled out become references, where they can.
class AtomCacheWriter::Shortening final : public AtomTranslation {
 public:
  explicit Shortening(AtomCacheWriter& cache) : cache_(cache) {}
  [[nodiscard]] BytesView spelled(BytesView atom) override {
    if (atom[0] != etf::small_atom) return atom;  // too long, or in Latin-1, which we do not write
    const auto index = cache_.refer(as_text(atom.subspan(2)));
    if (!index) return atom;
    reference_ = {atom_reference_tag, *index};
    return reference_;
  }
  /// A message of ours has none.
  [[nodiscard]] std::optional<BytesView> reference(std::uint8_t) override { return std::nullopt; }
  /// What comes from others stays as it came.
  [[nodiscard]] bool enters_funs() const override { return false; }

 private:
  AtomCacheWriter& cache_;
  std::array<std::uint8_t, atom_reference_bytes> reference_{};
};

std::string_view AtomCacheWriter::text_of(const Place& place) const {
  return as_text(BytesView(texts_).subspan(place.text, place.bytes));
}

std::optional<std::uint8_t> AtomCacheWriter::refer(std::string_view text) {
  const std::size_t number = place_of(text);
  Place& place = places_[number];
  if (place.filled && place.message == message_ && text_of(place) == text) return place.index;
  if (referred_.size() == message_atoms_max) return std::nullopt;
  auto reference = static_cast<std::uint16_t>(number);
  if (!place.filled) {
    place.text = static_cast<std::uint32_t>(texts_.size());
    place.bytes = static_cast<std::uint8_t>(text.size());
    place.filled = true;
    ByteWriter(texts_).text(text);
    reference |= is_new;
  } else if (text_of(place) != text) {
    taken_.add();
    return std::nullopt;
  }
  place.message = message_;
  place.index = static_cast<std::uint8_t>(referred_.size());
  referred_.push_back(reference);
  return place.index;
}

bool AtomCacheWriter::write(BytesView message, Bytes& out) {
  ++message_;
  referred_.clear();
  body_.clear();
  const std::size_t texts_bytes = texts_.size();
  Shortening shortening(*this);
  ByteReader in(message);
  const auto copy_all = [&] {
    for (int i = 0; i < 2 && !in.at_end(); ++i) {
      if (!copy_term(in, body_, SIZE_MAX, shortening)) return false;
    }
    return in.at_end();
  };
  if (!copy_all()) {
    undo(texts_bytes);
    return false;
  }
  ByteWriter writer(out);
  write_atoms(writer);
  writer.bytes(body_);
  return true;
}

void AtomCacheWriter::undo(std::size_t texts_bytes) {
  texts_.resize(texts_bytes);
  for (const std::uint16_t reference : referred_) {
    if ((reference & is_new) != 0) places_[reference % atom_cache_places] = {};
  }
}

void AtomCacheWriter::write_atoms(ByteWriter& out) const {
  const std::size_t count = referred_.size();
  out.u8(version_byte);
  out.u8(header_whole);
  out.u8(static_cast<std::uint8_t>(count));
  if (count == 0) return;
  std::array<std::uint8_t, message_atoms_max / 2 + 1> flags{};
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint16_t reference = referred_[i];
    std::uint8_t flag = static_cast<std::uint8_t>(reference % atom_cache_places / segment_places);
    if ((reference & is_new) != 0) flag |= new_flag;
    flags[i / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? flag : flag << 4);
  }
  out.bytes(BytesView(flags).first(flag_bytes(count)));
  for (const std::uint16_t reference : referred_) {
    out.u8(static_cast<std::uint8_t>(reference % segment_places));
    if ((reference & is_new) == 0) continue;
    const std::string_view text = text_of(places_[reference % atom_cache_places]);
    out.u8(static_cast<std::uint8_t>(text.size()));
    out.text(text);
  }
}

}  // namespace barrel::dist
