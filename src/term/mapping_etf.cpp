#include "barrel/term/mapping.hpp"
#include "term/etf_reader.hpp"
#include "term/etf_tags.hpp"
#include "term/etf_writer.hpp"
#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel::detail {
namespace {

/// Writes the external form.
class EtfSink final : public Sink {
 public:
  explicit EtfSink(ByteWriter& out) : out_(out) {}

  void integer(std::int64_t value) override {
    if (pending_ && value >= 0 && value <= 255) return string_.push_back(static_cast<std::uint8_t>(value));
    settle();
    etf::write_integer(out_, value);
  }
  void unsigned_integer(std::uint64_t value) override {
    if (pending_ && value <= 255) return string_.push_back(static_cast<std::uint8_t>(value));
    settle();
    etf::write_unsigned(out_, value);
  }
  void real(double value) override {
    settle();
    etf::write_real(out_, value);
  }
  void atom(Atom value) override { own_atom(value.text()); }
  void own_atom(std::string_view text) override {
    settle();
    etf::write_atom(out_, text);
  }
  void binary(BytesView bytes) override {
    settle();
    etf::write_binary(out_, bytes);
  }
  void binary(const SharedBytes& bytes) override {
    settle();
    etf::write_binary(out_, bytes);
  }
  void charlist(std::string_view utf8) override { term(Term::charlist(utf8)); }
  void pid(const Pid& value) override {
    settle();
    etf::write_pid(out_, value.node_atom.text(), value.id, value.serial, value.creation);
  }
  void reference(const Ref& value) override { term(Term(value)); }
  void port(const Port& value) override {
    settle();
    etf::write_port(out_, value.node_atom.text(), value.id, value.creation);
  }
  void term(const Term& value) override {
    if (pending_ && value.is_integer()) {
      if (const auto small = value.as_int64()) return integer(*small);
    }
    settle();
    encode_etf(out_, value);
  }
  void begin_tuple(std::size_t arity) override {
    settle();
    etf::write_tuple_header(out_, arity);
    open(false);
  }
  void begin_list(std::size_t count) override {
    settle();
    open(count != 0);
    if (count == 0) return etf::write_nil(out_);
    count_ = count;
    pending_ = true;
    if (count > etf::string_max) settle();
  }
  void begin_map(std::size_t count) override {
    settle();
    etf::write_map_header(out_, count);
    open(false);
  }
  void end() override {
    if (pending_) {
      etf::write_string(out_, string_);
      string_.clear();
      pending_ = false;
    } else if ((lists_ & 1) != 0) {
      etf::write_nil(out_);
    }
    close();
  }

 private:
  /// The list that was begun last is not one of bytes only: writes what was held back of it.
  void settle() {
    if (!pending_) return;
    pending_ = false;
    etf::write_list_header(out_, count_);
    for (const std::uint8_t byte : string_) etf::write_integer(out_, byte);
    string_.clear();
  }

  static constexpr unsigned levels_per_word = 64;

  void open(bool list) {
    if (levels_ != 0 && levels_ % levels_per_word == 0) outer_lists_.push_back(lists_);
    lists_ = lists_ << 1 | (list ? 1 : 0);
    ++levels_;
  }
  void close() {
    --levels_;
    lists_ >>= 1;
    if (levels_ != 0 && levels_ % levels_per_word == 0) {
      lists_ = outer_lists_.back();
      outer_lists_.pop_back();
    }
  }

  ByteWriter& out_;
  // Whether each open tuple, list or map is a list, which ends in []: a bit each, the innermost lowest; whole
  // words of those further out lie aside, so that no usual message allocates for it.
  std::uint64_t lists_ = 0;
  unsigned levels_ = 0;
  std::vector<std::uint64_t> outer_lists_;
  // The elements so far of a list of count_ elements that may yet become a string.
  bool pending_ = false;
  std::size_t count_ = 0;
  Bytes string_;
};

/// Reads the external form.
class EtfSource final : public Source {
 public:
  EtfSource(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared)
      : reader_(in, limits, shared) {}

  bool integer(std::int64_t& value) override;
  bool unsigned_integer(std::uint64_t& value) override;
  bool real(double& value) override;
  bool atom(Atom& value) override;
  bool accept_atom(std::string_view text) override;
  bool binary(Bytes& bytes) override;
  bool text(std::string& text) override;
  bool pid(Pid& value) override;
  bool reference(Ref& value) override { return read_as(&Term::as_ref, value, "a reference"); }
  bool port(Port& value) override { return read_as(&Term::as_port, value, "a port"); }
  bool term(Term& value) override {
    if (in_string_) {
      value = Term(reader_.in().u8());
      return reader_.in().ok();
    }
    return reader_.term(value);
  }
  bool enter_tuple(std::size_t arity, Mark& outer) override;
  bool enter_list(std::size_t& count, Mark& outer) override;
  bool enter_map(std::size_t& count, Mark& outer) override;
  bool leave(const Mark& outer) override;
  [[nodiscard]] Mark mark() const override {
    return {.offset = position(), .depth = reader_.depth(), .in_string = in_string_};
  }
  [[nodiscard]] Error failure() const override {
    return reader_.failed() ? reader_.error() : Source::failure();
  }
  [[nodiscard]] bool failed() const { return reader_.failed(); }

 protected:
  void go_to(const Mark& mark) override {
    reader_.in().rewind(mark.offset);
    reader_.set_depth(mark.depth);
    in_string_ = mark.in_string;
  }

 private:
  [[nodiscard]] std::size_t position() const { return reader_.in().position(); }
  [[nodiscard]] std::uint8_t peek() const { return in_string_ ? 0 : reader_.peek(); }
  [[nodiscard]] static bool is_atom(std::uint8_t tag) {
    return tag == etf::small_atom || tag == etf::atom || tag == etf::small_latin1_atom ||
           tag == etf::latin1_atom;
  }
  void enter(Mark& outer, std::uint32_t depth) {
    // Where it ends is not known yet: leave() comes after all parts have been read.
    outer.depth = depth;
    outer.in_string = in_string_;
    in_string_ = false;
  }

  template <class T>
  bool read_as(std::optional<T> (Term::*as)() const, T& value, const char* expected) {
    Term read;
    if (!term(read)) return false;
    const auto found = (read.*as)();
    if (!found) return fail(expected);
    value = *found;
    return true;
  }

  // The offset of a mark that leads out of a list, which ends in [].
  static constexpr std::size_t before_tail = ~std::size_t{0};

  EtfReader reader_;
  // Inside a list that came as a string: each element is one byte.
  bool in_string_ = false;
};

bool EtfSource::integer(std::int64_t& value) {
  ByteReader& in = reader_.in();
  const std::uint8_t tag = peek();
  if (in_string_ || tag == etf::small_integer) {
    if (!in_string_) in.skip(1);
    value = in.u8();
    return in.ok();
  }
  if (tag == etf::integer) {
    in.skip(1);
    value = static_cast<std::int32_t>(in.u32());
    return in.ok();
  }
  if (tag != etf::small_big && tag != etf::large_big) return fail("an integer of 64 bits");
  Term big;
  if (!reader_.term(big)) return false;
  const auto found = big.as_int64();
  if (!found) return fail("an integer of 64 bits");
  value = *found;
  return true;
}

bool EtfSource::unsigned_integer(std::uint64_t& value) {
  const std::uint8_t tag = peek();
  if (tag == etf::small_big || tag == etf::large_big) {
    return read_as(&Term::as_uint64, value, "a positive integer of 64 bits");
  }
  std::int64_t small = 0;
  if (!integer(small)) return false;
  if (small < 0) return fail("a positive integer of 64 bits");
  value = static_cast<std::uint64_t>(small);
  return true;
}

bool EtfSource::real(double& value) {
  Term number;
  if (!term(number)) return false;
  const auto found = number.is_integer() ? number.as_big_int()->to_double() : number.as_real();
  if (!found) return fail(number.is_integer() ? "an integer in the range of a float" : "a float");
  value = *found;
  return true;
}

bool EtfSource::atom(Atom& value) {
  if (!is_atom(peek())) return fail("an atom");
  Term read;
  if (!reader_.atom(read)) return false;
  const auto found = read.as_atom();
  if (!found) return fail("an atom within the quota");
  value = *found;
  return true;
}

bool EtfSource::pid(Pid& value) {
  if (peek() != etf::new_pid) return read_as(&Term::as_pid, value, "a pid");
  ByteReader& in = reader_.in();
  in.skip(1);
  Term node;
  if (!reader_.atom(node)) return false;
  value.id = in.u32();
  value.serial = in.u32();
  value.creation = in.u32();
  if (!in.ok()) return false;
  const auto atom = node.as_atom();
  if (!atom) return fail("a pid");
  value.node_atom = *atom;
  return true;
}

bool EtfSource::accept_atom(std::string_view text) {
  const std::uint8_t tag = peek();
  if (!is_atom(tag)) return false;
  const BytesView rest = reader_.in().rest();
  if (tag == etf::small_atom) {
    if (rest.size() < 2 || rest[1] != text.size() || rest.size() - 2 < text.size()) return false;
    if (as_text(rest.subspan(2, text.size())) != text) return false;
    reader_.in().skip(2 + text.size());
    return true;
  }
  const Mark start = mark();
  Term read;
  if (reader_.atom(read) && read.is_atom(text)) return true;
  go_to(start);
  return false;
}

bool EtfSource::binary(Bytes& bytes) {
  if (peek() != etf::binary) return fail("a binary");
  ByteReader& in = reader_.in();
  in.skip(1);
  const BytesView content = in.take(in.u32());
  bytes.assign(content.begin(), content.end());
  return in.ok();
}

bool EtfSource::text(std::string& text) {
  text.clear();
  ByteReader& in = reader_.in();
  if (peek() == etf::binary) {
    in.skip(1);
    text = as_text(in.take(in.u32()));
    return in.ok();
  }
  std::size_t count = 0;
  Mark outer;
  if (peek() != etf::string && peek() != etf::list && peek() != etf::nil) return fail("text");
  if (!enter_list(count, outer)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t code = 0;
    const std::uint8_t tag = peek();
    if (!in_string_ && tag != etf::small_integer && tag != etf::integer) return fail("text");
    if (!integer(code)) return false;
    if (!utf8::is_scalar(code)) return fail("text");
    utf8::append(text, static_cast<char32_t>(code));
  }
  return leave(outer);
}

bool EtfSource::enter_tuple(std::size_t arity, Mark& outer) {
  const std::uint8_t tag = peek();
  if (tag != etf::small_tuple && tag != etf::large_tuple) return fail("a tuple of the right size");
  const std::uint32_t depth = reader_.depth();
  std::size_t found = 0;
  if (!reader_.tuple_header(found)) return false;
  if (found != arity) return fail("a tuple of the right size");
  enter(outer, depth);
  return true;
}

bool EtfSource::enter_list(std::size_t& count, Mark& outer) {
  const std::uint32_t depth = reader_.depth();
  const std::uint8_t tag = peek();
  if (tag == etf::nil) {
    reader_.in().skip(1);
    count = 0;
    enter(outer, depth);
    in_string_ = true;
    return true;
  }
  if (tag == etf::string) {
    if (!reader_.string_header(count)) return false;
    enter(outer, depth);
    in_string_ = true;
    return true;
  }
  if (tag != etf::list) return fail("a proper list");
  if (!reader_.list_header(count)) return false;
  enter(outer, depth);
  outer.offset = before_tail;
  return true;
}

bool EtfSource::enter_map(std::size_t& count, Mark& outer) {
  if (peek() != etf::map) return fail("a map");
  const std::uint32_t depth = reader_.depth();
  if (!reader_.map_header(count)) return false;
  enter(outer, depth);
  return true;
}

bool EtfSource::leave(const Mark& outer) {
  if (outer.offset == before_tail) {
    if (peek() != etf::nil) return fail("a proper list");
    reader_.in().skip(1);
  }
  reader_.set_depth(outer.depth);
  in_string_ = outer.in_string;
  return reader_.in().ok();
}

bool accept(ByteReader& in, std::uint8_t tag) {
  if (in.at_end() || in.rest()[0] != tag) return false;
  in.skip(1);
  return true;
}

Result<void> read_one(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared, ReadFunction read,
                      void* value) {
  EtfSource source(in, limits, shared);
  if (read(source, value) && !source.failed()) return {};
  return source.failure();
}

Result<void> read_body(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared, ReadFunction read,
                       void* value) {
  if (!accept(in, etf::version) || !accept(in, etf::compressed))
    return read_one(in, limits, shared, read, value);
  Result<Bytes> inflated = inflate_term(in, limits);
  if (!inflated) return std::move(inflated).error();
  ByteReader unfolded(*inflated);
  Result<void> done = read_one(unfolded, limits, nullptr, read, value);
  if (done && !unfolded.at_end()) return Error{Errc::malformed, "bytes after the term"};
  return done;
}

}  // namespace

void write_etf(ByteWriter& out, WriteFunction write, const void* value) {
  EtfSink sink(out);
  write(sink, value);
}

Result<void> read_etf(ByteReader& reader, const EtfLimits& limits, ReadFunction read, void* value) {
  return read_body(reader, limits, nullptr, read, value);
}

Result<void> read_etf(const SharedBytes& bytes, const EtfLimits& limits, ReadFunction read, void* value) {
  ByteReader in(bytes.view());
  Result<void> done = read_body(in, limits, &bytes, read, value);
  if (done && !in.at_end()) return Error{Errc::malformed, "bytes after the term"};
  return done;
}

}  // namespace barrel::detail
