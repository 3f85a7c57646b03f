#include "dist/term_copy.hpp"

#include <algorithm>
#include <vector>

#include "term/etf_tags.hpp"

namespace barrel::dist {
namespace {

/// Closures within closures; as deep as terms may nest.
constexpr int funs_max = 256;

/// Goes over terms in the external format and says where their atoms and closures are. Terms are counted, not
/// nested: a tuple adds its elements to what is still to come.
template <class Visitor>
class Walk {
 public:
  Walk(BytesView bytes, Visitor& visitor) : bytes_(bytes), visitor_(visitor) {}

  [[nodiscard]] std::size_t position() const { return at_; }

  [[nodiscard]] bool terms(std::uint64_t count, int funs = 0) {
    while (count > 0) {
      // Each takes a byte at least.
      if (count > bytes_.size() - at_) return false;
      std::uint64_t parts = 0;
      if (!one(parts, funs)) return false;
      visitor_.passed(parts);
      count += parts - 1;
    }
    return true;
  }

 private:
  [[nodiscard]] bool one(std::uint64_t& parts, int funs) {
    const std::uint8_t tag = bytes_[at_];
    switch (tag) {
      case etf::small_tuple: return number(1, parts);
      case etf::large_tuple: return number(4, parts);
      case etf::list:
        if (!number(4, parts)) return false;
        ++parts;
        return true;
      case etf::map:
        if (!number(4, parts)) return false;
        parts *= 2;
        return true;
      case etf::export_fun: parts = 3; return skip(1);
      case etf::new_fun: return fun(funs);
      case etf::new_pid: return skip(1) && atom() && skip(12);
      case etf::old_pid: return skip(1) && atom() && skip(9);
      case etf::v4_port: return skip(1) && atom() && skip(12);
      case etf::new_port: return skip(1) && atom() && skip(8);
      case etf::old_port:
      case etf::old_reference: return skip(1) && atom() && skip(5);
      case etf::newer_reference: return reference(4);
      case etf::new_reference: return reference(1);
      case etf::small_atom:
      case etf::atom:
      case etf::small_latin1_atom:
      case etf::latin1_atom:
      case atom_reference_tag: return atom();
      default: return leaf(tag);
    }
  }

  [[nodiscard]] bool leaf(std::uint8_t tag) {
    std::uint64_t size = 0;
    switch (tag) {
      case etf::small_integer: return skip(2);
      case etf::integer: return skip(5);
      case etf::nil: return skip(1);
      case etf::new_float: return skip(9);
      case etf::old_float: return skip(32);
      case etf::small_big: return number(1, size) && skip(size + 1);
      case etf::large_big: return number(4, size) && skip(size + 1);
      case etf::binary: return number(4, size) && skip(size);
      case etf::bit_binary: return number(4, size) && skip(size + 1);
      case etf::string: return number(2, size) && skip(size);
      default: return false;
    }
  }

  [[nodiscard]] bool skip(std::uint64_t count) {
    if (count > bytes_.size() - at_) return false;
    at_ += count;
    return true;
  }

  /// The tag and a number of so many bytes behind it.
  [[nodiscard]] bool number(std::size_t width, std::uint64_t& value) {
    if (bytes_.size() - at_ < 1 + width) return false;
    value = 0;
    for (std::size_t i = 1; i <= width; ++i) value = value << 8 | bytes_[at_ + i];
    at_ += 1 + width;
    return true;
  }

  [[nodiscard]] bool atom() {
    if (at_ >= bytes_.size()) return false;
    const std::size_t start = at_;
    const std::uint8_t tag = bytes_[at_];
    std::uint64_t value = 0;
    switch (tag) {
      case atom_reference_tag:
        return number(1, value) && visitor_.reference(start, static_cast<std::uint8_t>(value));
      case etf::small_atom:
      case etf::small_latin1_atom:
        return number(1, value) && skip(value) && visitor_.spelled(start, at_ - start);
      case etf::atom:
      case etf::latin1_atom: return number(2, value) && skip(value) && visitor_.spelled(start, at_ - start);
      default: return false;
    }
  }

  [[nodiscard]] bool reference(std::size_t creation_bytes) {
    std::uint64_t words = 0;
    return number(2, words) && atom() && skip(creation_bytes + 4 * words);
  }

  [[nodiscard]] bool fun(int funs) {
    const std::size_t start = at_;
    std::uint64_t size = 0;
    if (!number(4, size) || size < 4) return false;
    if (!visitor_.enters_funs()) return skip(size - 4);
    if (funs >= funs_max) return false;
    const std::size_t resume = visitor_.fun_begins(start);
    constexpr std::size_t before_count = 1 + 16 + 4;  // arity, uniq, index
    std::uint64_t free_variables = 0;
    if (bytes_.size() - at_ < before_count + 4) return false;
    at_ += before_count - 1;  // number() skips one byte as a tag
    if (!number(4, free_variables)) return false;
    // Module, old index, old uniq, process.
    if (!terms(4 + free_variables, funs + 1) || at_ - start != 1 + size) return false;
    visitor_.fun_ends(resume, at_);
    return true;
  }

  BytesView bytes_;
  Visitor& visitor_;
  std::size_t at_ = 0;
};

class Copy {
 public:
  Copy(BytesView in, Bytes& out, std::size_t bytes_max, AtomTranslation& atoms)
      : in_(in), out_(out), bytes_max_(bytes_max), atoms_(atoms) {}

  static void passed(std::uint64_t) {}
  [[nodiscard]] bool enters_funs() const { return atoms_.enters_funs(); }
  [[nodiscard]] bool spelled(std::size_t at, std::size_t size) {
    const BytesView atom = in_.subspan(at, size);
    const BytesView other = atoms_.spelled(atom);
    return other.data() == atom.data() || replace(at, size, other);
  }
  [[nodiscard]] bool reference(std::size_t at, std::uint8_t index) {
    const auto other = atoms_.reference(index);
    return other && replace(at, atom_reference_bytes, *other);
  }
  /// Where the size of the fun stands, which other atoms change.
  [[nodiscard]] std::size_t fun_begins(std::size_t at) {
    flush(at + 1);
    return out_.size();
  }
  void fun_ends(std::size_t size_at, std::size_t end) {
    flush(end);
    const std::size_t size = out_.size() - size_at;
    for (std::size_t i = 0; i < 4; ++i) out_[size_at + i] = static_cast<std::uint8_t>(size >> (8 * (3 - i)));
  }
  /// What has been gone over is copied up to `end`.
  void flush(std::size_t end) {
    ByteWriter(out_).bytes(in_.subspan(copied_, end - copied_));
    copied_ = end;
  }
  [[nodiscard]] bool finish(std::size_t end) {
    if (out_.size() + (end - copied_) > bytes_max_) return false;
    flush(end);
    return true;
  }

 private:
  [[nodiscard]] bool replace(std::size_t at, std::size_t size, BytesView other) {
    if (out_.size() + (at - copied_) + other.size() > bytes_max_) return false;
    flush(at);
    copied_ = at + size;
    ByteWriter(out_).bytes(other);
    return true;
  }

  BytesView in_;
  Bytes& out_;
  const std::size_t bytes_max_;
  AtomTranslation& atoms_;
  std::size_t copied_ = 0;  // bytes of in_ that out_ has, or has others for
};

struct Look {
  bool found = false;
  static void passed(std::uint64_t) {}
  [[nodiscard]] static bool enters_funs() { return true; }
  [[nodiscard]] static bool spelled(std::size_t, std::size_t) { return true; }
  [[nodiscard]] bool reference(std::size_t, std::uint8_t) {
    found = true;
    return true;
  }
  [[nodiscard]] static std::size_t fun_begins(std::size_t) { return 0; }
  static void fun_ends(std::size_t, std::size_t) {}
};

/// How deep the terms nest that have been gone over.
struct Depth {
  std::size_t deepest = 0;
  std::vector<std::uint64_t> open{};  // of each that has begun, the parts to come
  void passed(std::uint64_t parts) {
    if (parts > 0) {
      open.push_back(parts);
      deepest = std::max(deepest, open.size());
      return;
    }
    while (!open.empty() && --open.back() == 0) open.pop_back();
  }
  [[nodiscard]] static bool enters_funs() { return false; }
  [[nodiscard]] static bool spelled(std::size_t, std::size_t) { return true; }
  [[nodiscard]] static bool reference(std::size_t, std::uint8_t) { return true; }
  [[nodiscard]] static std::size_t fun_begins(std::size_t) { return 0; }
  static void fun_ends(std::size_t, std::size_t) {}
};

}  // namespace

bool copy_term(ByteReader& in, Bytes& out, std::size_t bytes_max, AtomTranslation& atoms) {
  const BytesView bytes = in.rest();
  Copy copy(bytes, out, bytes_max, atoms);
  Walk walk(bytes, copy);
  if (!walk.terms(1) || !copy.finish(walk.position())) return false;
  in.skip(walk.position());
  return true;
}

std::optional<TermExtent> extent_of(BytesView bytes) {
  Depth depth;
  Walk walk(bytes, depth);
  if (!walk.terms(1)) return std::nullopt;
  return TermExtent{walk.position(), depth.deepest};
}

bool may_nest_deeper(BytesView bytes, std::size_t depth) {
  // One range of tags, blocks of one size and narrow sums: so the compiler counts 16 bytes at once.
  static_assert(etf::small_tuple < etf::large_tuple && etf::large_tuple < etf::list &&
                etf::list < etf::export_fun && etf::export_fun < etf::map);
  constexpr std::size_t block = 128;
  std::size_t begins = 0;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), block))) {
    const auto count = [](auto some) {
      std::uint8_t among = 0;
      for (std::size_t i = 0; i < some.size(); ++i)
        among =
            static_cast<std::uint8_t>(among + (some[i] >= etf::small_tuple && some[i] <= etf::map ? 1 : 0));
      return among;
    };
    begins += bytes.size() >= block ? count(bytes.first<block>()) : count(bytes);
  }
  return begins > depth;
}

std::optional<bool> has_atom_references(BytesView bytes) {
  Look look;
  Walk walk(bytes, look);
  if (!walk.terms(1)) return std::nullopt;
  return look.found;
}

}  // namespace barrel::dist
