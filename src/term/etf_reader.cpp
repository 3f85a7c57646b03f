#include "term/etf_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "term/etf_tags.hpp"
#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel::detail {
namespace {

// Below this a binary is copied, so that it does not keep a whole message alive.
constexpr std::size_t shared_bytes_min = 64;
/// Whoever keeps a part of a message keeps all of it: of a large one, no more than so many times the part.
constexpr std::size_t kept_per_shared_byte_max = 8;
constexpr std::size_t kept_bytes_min = std::size_t{4} << 10;

bool is_worth_sharing(std::size_t bytes, const SharedBytes* whole) {
  if (whole == nullptr || bytes < shared_bytes_min) return false;
  return whole->size() <= kept_bytes_min || bytes >= whole->size() / kept_per_shared_byte_max;
}

std::string utf8_of_latin1(BytesView latin1) {
  std::string text;
  text.reserve(latin1.size());
  for (const std::uint8_t byte : latin1) utf8::append(text, byte);
  return text;
}

}  // namespace

bool EtfReader::fail(const char* what) {
  if (!error_ && in_.ok()) {
    error_ = Error{Errc::malformed, "byte " + std::to_string(in_.position()) + ": " + what};
    in_.fail();
  }
  return false;
}

bool EtfReader::exceed(const char* limit) {
  if (!error_ && in_.ok()) {
    error_ = Error{Errc::limit_exceeded, Atom(limit)};
    in_.fail();
  }
  return false;
}

Error EtfReader::error() const {
  return error_ ? *error_ : Error{Errc::malformed, "the term is cut off"};
}

bool EtfReader::count_terms(std::size_t count) {
  if (count > limits_.terms_max - terms_) return exceed("terms_max");
  terms_ += static_cast<std::uint32_t>(count);
  return true;
}

/// Checks a declared count against what is left, of which each part takes at least one byte.
bool EtfReader::sized(std::size_t parts) {
  if (!in_.ok()) return false;
  if (parts > in_.remaining()) return fail("more elements declared than bytes left");
  return true;
}

bool EtfReader::enter(std::size_t parts) {
  if (!sized(parts)) return false;
  if (depth_ >= std::min<std::uint32_t>(limits_.depth_max, Term::depth_max)) return exceed("depth_max");
  ++depth_;
  return count_terms(parts);
}

bool EtfReader::tuple_header(std::size_t& arity) {
  const std::uint8_t tag = in_.u8();
  if (tag == etf::small_tuple) arity = in_.u8();
  else if (tag == etf::large_tuple) arity = in_.u32();
  else return fail("not a tuple");
  return enter(arity);
}

bool EtfReader::list_header(std::size_t& count) {
  if (in_.u8() != etf::list) return fail("not a list");
  count = in_.u32();
  return enter(count + 1);
}

bool EtfReader::string_header(std::size_t& count) {
  if (in_.u8() != etf::string) return fail("not a string");
  count = in_.u16();
  return enter(count);
}

bool EtfReader::map_header(std::size_t& count) {
  if (in_.u8() != etf::map) return fail("not a map");
  count = in_.u32();
  return enter(count * 2);
}

bool EtfReader::term(Term& out) {
  if (terms_ == 0 && !count_terms(1)) return false;
  switch (const std::uint8_t tag = peek()) {
    case etf::small_tuple:
    case etf::large_tuple: return tuple(out);
    case etf::list: return list(out);
    case etf::string: return string(out);
    case etf::map: return map(out);
    case etf::small_atom:
    case etf::atom:
    case etf::small_latin1_atom:
    case etf::latin1_atom: return atom(out);
    case etf::new_fun: return new_fun(out);
    default: in_.skip(1); return in_.ok() && leaf(tag, out) && in_.ok();
  }
}

/// What has no parts; the tag is consumed.
bool EtfReader::leaf(std::uint8_t tag, Term& out) {
  switch (tag) {
    case etf::small_integer: out = Term(in_.u8()); return true;
    case etf::integer: out = Term(static_cast<std::int32_t>(in_.u32())); return true;
    case etf::nil: out = Term(); return true;
    case etf::new_float: return new_float(out);
    case etf::old_float: return old_float(out);
    case etf::small_big: return big_integer(in_.u8(), out);
    case etf::large_big: return big_integer(in_.u32(), out);
    case etf::binary: return binary(in_.u32(), out);
    case etf::bit_binary: return bit_binary(out);
    case etf::export_fun: return export_fun(out);
    default: return identifier(tag, out);
  }
}

/// Pids, ports and references, in their forms of today and of old, whose creation had 8 bits.
bool EtfReader::identifier(std::uint8_t tag, Term& out) {
  Term node;
  switch (tag) {
    case etf::new_pid:
    case etf::old_pid: {
      if (!atom(node)) return false;
      const std::uint32_t id = in_.u32();
      const std::uint32_t serial = in_.u32();
      out = pid_term(std::move(node), id, serial, tag == etf::new_pid ? in_.u32() : in_.u8());
      return true;
    }
    case etf::v4_port:
    case etf::new_port:
    case etf::old_port: {
      if (!atom(node)) return false;
      const std::uint64_t id = tag == etf::v4_port ? in_.u64() : in_.u32();
      out = port_term(std::move(node), id, tag == etf::old_port ? in_.u8() : in_.u32());
      return true;
    }
    case etf::newer_reference:
    case etf::new_reference:
    case etf::old_reference: return reference(tag, out);
    default: return fail("unknown tag");
  }
}

bool EtfReader::reference(std::uint8_t tag, Term& out) {
  Term node;
  std::array<std::uint32_t, Ref::words_max> words{};
  if (tag == etf::old_reference) {
    if (!atom(node)) return false;
    words[0] = in_.u32();
    out = ref_term(std::move(node), in_.u8(), std::span(words).first(1));
    return true;
  }
  const std::size_t count = in_.u16();
  if (count == 0 || count > words.size()) return fail("a reference of too many words or none");
  if (!atom(node)) return false;
  const std::uint32_t creation = tag == etf::newer_reference ? in_.u32() : in_.u8();
  for (std::uint32_t& word : std::span(words).first(count)) word = in_.u32();
  out = ref_term(std::move(node), creation, std::span(words).first(count));
  return true;
}

bool EtfReader::atom(Term& out) {
  const std::uint8_t tag = in_.u8();
  const bool latin1 = tag == etf::latin1_atom || tag == etf::small_latin1_atom;
  if (!latin1 && tag != etf::atom && tag != etf::small_atom) return fail("not an atom");
  const bool one_byte = tag == etf::small_atom || tag == etf::small_latin1_atom;
  const BytesView bytes = in_.take(one_byte ? in_.u8() : in_.u16());
  if (!in_.ok()) return false;
  if (latin1) {
    if (bytes.size() > Atom::characters_max) return fail("an atom of too many characters");
    out = atom_term(utf8_of_latin1(bytes), limits_.atom_quota);
    return true;
  }
  // A known atom needs no check.
  if (const auto known = Atom::find(as_text(bytes))) {
    out = *known;
    return true;
  }
  const auto characters = utf8::length(as_text(bytes));
  if (!characters) return fail("an atom that is not UTF-8");
  if (*characters > Atom::characters_max) return fail("an atom of too many characters");
  out = atom_term(as_text(bytes), limits_.atom_quota);
  return true;
}

bool EtfReader::new_float(Term& out) {
  const auto value = std::bit_cast<double>(in_.u64());
  if (!std::isfinite(value)) return fail("a float that is not finite");
  out = Term(value);
  return true;
}

/// "%.20e", padded with zeros.
bool EtfReader::old_float(Term& out) {
  constexpr std::size_t text_bytes = 31;
  std::string_view text = as_text(in_.take(text_bytes));
  text = text.substr(0, text.find('\0'));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return fail("a float that is not one");
  }
  out = Term(value);
  return true;
}

bool EtfReader::big_integer(std::size_t bytes, Term& out) {
  const std::uint8_t sign = in_.u8();
  const BytesView magnitude = in_.take(bytes);
  if (!in_.ok()) return false;
  if (sign > 1) return fail("an integer without sign");
  if (bytes > limits_.integer_bytes_max) return exceed("integer_bytes_max");
  out = integer_term(BigInt(sign == 1, Bytes(magnitude.begin(), magnitude.end())));
  return true;
}

bool EtfReader::binary(std::size_t bytes, Term& out) {
  const std::size_t start = in_.position();
  const BytesView content = in_.take(bytes);
  if (!in_.ok()) return false;
  const bool share = is_worth_sharing(bytes, shared_);
  out = share ? Term::binary(shared_->slice(start, bytes)) : Term::binary(content);
  return true;
}

bool EtfReader::bit_binary(Term& out) {
  const std::size_t bytes = in_.u32();
  const unsigned bits = in_.u8();
  const BytesView content = in_.take(bytes);
  if (!in_.ok()) return false;
  // Erlang sends 8 bits of an empty one as a binary; it takes (0, 0) too.
  if (bits > 8 || (bits == 0) != content.empty()) return fail("a bit string without bits");
  out = content.empty() ? Term::binary(content) : Term::bitstring(content, bits);
  return true;
}

bool EtfReader::tuple(Term& out) {
  std::size_t arity = 0;
  if (!tuple_header(arity)) return false;
  TermNode* node = make_slots(Form::tuple, arity);
  Term made = TermAccess::adopt(node, Term::Kind::tuple);
  for (Term& slot : std::span(slots_of(*node), arity)) {
    if (!term(slot)) return false;
  }
  leave();
  if (!settle_depth(*node)) return exceed("depth_max");
  out = std::move(made);
  return true;
}

bool EtfReader::list(Term& out) {
  std::size_t count = 0;
  if (!list_header(count)) return false;
  TermNode* node = make_slots(Form::list, count + 1);
  Term made = TermAccess::adopt(node, Term::Kind::list);
  const std::span slots(slots_of(*node), count + 1);
  for (Term& slot : slots.first(count)) {
    if (!term(slot)) return false;
  }
  if (count > 0 && is_list_next()) return longer_list({slots.begin(), slots.end() - 1}, out);
  const Term& tail = slots.back();
  if (!term(slots.back())) return false;
  leave();
  if (!settle_depth(*node)) return exceed("depth_max");
  if (count == 0 && !tail.is_nil()) return fail("a list without elements");
  if (count == 0) out = Term();
  else out = std::move(made);
  return true;
}

bool EtfReader::is_list_next() {
  return peek() == etf::list || peek() == etf::string;
}

/// Legal but never sent by Erlang: [1|[2]] instead of [1,2]. In a loop, so that no element is copied more
/// often the longer the chain is.
bool EtfReader::longer_list(std::vector<Term> elements, Term& out) {
  leave();
  bool is_empty = false;  // the last part: then nothing but [] may follow
  while (!is_empty && peek() == etf::list) {
    std::size_t count = 0;
    if (!list_header(count)) return false;
    is_empty = count == 0;
    for (; count > 0; --count) {
      if (!term(elements.emplace_back())) return false;
    }
    leave();
  }
  Term tail;
  if (!enter(0) || !term(tail)) return false;
  leave();
  if (is_empty && !tail.is_nil()) return fail("a list without elements");
  out = Term::list(std::move(elements), std::move(tail));
  return true;
}

bool EtfReader::string(Term& out) {
  std::size_t count = 0;
  if (!string_header(count)) return false;
  leave();
  const BytesView bytes = in_.take(count);
  if (count == 0) {
    out = Term();
    return true;
  }
  TermNode* node = make_slots(Form::list, count + 1);
  std::ranges::transform(bytes, slots_of(*node), [](std::uint8_t byte) { return Term(byte); });
  out = TermAccess::adopt(node, Term::Kind::list);
  return true;
}

bool EtfReader::map(Term& out) {
  std::size_t count = 0;
  if (!map_header(count)) return false;
  TermNode* node = make_slots(Form::map, count * 2);
  Term made = TermAccess::adopt(node, Term::Kind::map);
  for (Term& slot : std::span(slots_of(*node), count * 2)) {
    if (!term(slot)) return false;
  }
  leave();
  if (!settle_depth(*node)) return exceed("depth_max");
  if (!sort_entries(*node)) return fail("a map with equal keys");
  out = std::move(made);
  return true;
}

bool EtfReader::export_fun(Term& out) {
  Term module;
  Term function;
  if (!count_terms(3) || !atom(module) || !atom(function)) return false;
  if (peek() != etf::small_integer) return fail("a fun whose arity is not a small integer");
  in_.skip(1);
  out = export_term(std::move(module), std::move(function), in_.u8());
  return true;
}

/// Kept as it is, because it will be sent on to others, with the parts by which it is compared: to read those
/// again whenever it is, would take exponential time where closures are keys of maps in closures.
bool EtfReader::new_fun(Term& out) {
  constexpr std::size_t fixed_bytes = 4 + 1 + 16 + 4 + 4;
  ByteReader head(in_.rest());
  head.skip(1);
  const std::size_t size = head.u32();
  if (head.ok() && size < fixed_bytes) return fail("a fun that is too short");
  auto* node = make_node<FunNode>(Form::fun);
  Term made = TermAccess::adopt(node, Term::Kind::fun);
  if (!fun_bytes(1 + size, node->bytes)) return false;
  if (++funs_ > nested_funs_max) return exceed("nested_funs_max");
  const std::size_t end = in_.position() + 1 + size;
  in_.skip(1 + 4 + 1 + 16);
  node->parts.index = in_.u32();
  const std::size_t free_variables = in_.u32();
  if (!atom(node->parts.module) || !enter(free_variables)) return false;
  if (!fun_parts(free_variables, node->parts)) return false;
  leave();
  --funs_;
  if (in_.position() != end) return fail("a fun of another size than declared");
  if (!settle_depth(*node, node->parts.free_variables)) return exceed("depth_max");
  out = std::move(made);
  return true;
}

bool EtfReader::fun_parts(std::size_t free_variables, FunParts& parts) {
  for (Term* part : {&parts.old_index, &parts.old_uniq}) {
    if (!term(*part)) return false;
    if (!part->is_integer()) return fail("a fun without its old index and uniq");
  }
  Term pid;
  if (!term(pid)) return false;
  if (!pid.is_pid()) return fail("a fun without its process");
  parts.free_variables.resize(free_variables);
  return std::ranges::all_of(parts.free_variables, [this](Term& variable) { return term(variable); });
}

/// The bytes of the fun that begins here. Those within another share its block, so that they are kept once.
bool EtfReader::fun_bytes(std::size_t size, SharedBytes& out) {
  if (size > in_.remaining()) {
    in_.fail();
    return false;
  }
  const std::size_t start = in_.position();
  if (funs_ > 0) {
    // It may begin behind the end that the outer one has declared.
    const std::size_t offset = start - outer_fun_start_;
    if (offset > outer_fun_.size() || size > outer_fun_.size() - offset)
      return fail("a fun of another size than declared");
    out = outer_fun_.slice(offset, size);
    return true;
  }
  const BytesView bytes = in_.rest().first(size);
  const bool share = is_worth_sharing(size, shared_);
  out = share ? shared_->slice(start, size) : SharedBytes(Bytes(bytes.begin(), bytes.end()));
  outer_fun_ = out;
  outer_fun_start_ = start;
  return true;
}

}  // namespace barrel::detail
