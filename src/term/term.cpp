#include "barrel/term/term.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel {

using detail::Form;
using detail::TermAccess;

namespace {

/// Words of a default Ref count as one word 0, the least that the external form can carry.
std::span<const std::uint32_t> words_of(const Ref& ref) {
  return std::span(ref.words).first(std::clamp<std::size_t>(ref.word_count, 1, Ref::words_max));
}

}  // namespace

Term::Term(bool value)
    : Term([](bool is_true) {
        static const Atom false_atom("false");
        static const Atom true_atom("true");
        return is_true ? true_atom : false_atom;
      }(value)) {}

Term::Term(double value) : tag_(tag_of(Kind::real)) {
  BARREL_ASSERT(std::isfinite(value));
  payload_.real = value;
}

Term::Term(const Pid& value)
    : Term(detail::pid_term(value.node_atom, value.id, value.serial, value.creation)) {}
Term::Term(const Ref& value) : Term(detail::ref_term(value.node_atom, value.creation, words_of(value))) {}
Term::Term(const Port& value) : Term(detail::port_term(value.node_atom, value.id, value.creation)) {}
Term::Term(const BigInt& value) : Term(detail::integer_term(value)) {}
Term::Term(std::string_view text) : Term(binary(as_bytes(text))) {}

void Term::set_unsigned(std::uint64_t value) {
  tag_ = tag_of(Kind::nil);
  if (value <= static_cast<std::uint64_t>(INT64_MAX)) set_integer(static_cast<std::int64_t>(value));
  else *this = Term(BigInt::from_uint64(value));
}

Term Term::tuple(std::vector<Term> elements) {
  detail::TermNode* node = detail::make_slots(Form::tuple, elements.size());
  std::ranges::move(elements, detail::slots_of(*node));
  BARREL_ASSERT(detail::settle_depth(*node));
  return TermAccess::adopt(node, Kind::tuple);
}

Term Term::list(std::vector<Term> elements, Term tail) {
  if (elements.empty()) return tail;
  const std::span<const Term> more = tail.is_list() ? tail.elements() : std::span<const Term>{};
  detail::TermNode* node = detail::make_slots(Form::list, elements.size() + more.size() + 1);
  Term* slot = std::ranges::move(elements, detail::slots_of(*node)).out;
  slot = std::ranges::copy(more, slot).out;
  if (tail.is_list()) *slot = tail.tail();
  else *slot = std::move(tail);
  BARREL_ASSERT(detail::settle_depth(*node));
  return TermAccess::adopt(node, Kind::list);
}

Term Term::charlist(std::string_view utf8) {
  std::vector<Term> characters;
  characters.reserve(utf8.size());
  for (std::size_t position = 0; position < utf8.size();) {
    const auto code = utf8::next(utf8, position);
    characters.emplace_back(code ? static_cast<std::uint32_t>(*code)
                                 : static_cast<unsigned char>(utf8[position++]));
  }
  return list(std::move(characters));
}

Term Term::map(std::vector<MapEntry> entries) {
  const auto order = detail::sorted_by_key(std::span(entries), &MapEntry::key);
  detail::TermNode* node = detail::make_slots(Form::map, order.size() * 2);
  Term* slot = detail::slots_of(*node);
  for (MapEntry* entry : order) {
    *slot++ = std::move(entry->key);
    *slot++ = std::move(entry->value);
  }
  BARREL_ASSERT(detail::settle_depth(*node));
  return TermAccess::adopt(node, Kind::map);
}

Term Term::binary(BytesView bytes) {
  return TermAccess::adopt(detail::make_bytes(Form::bytes, bytes), Kind::binary);
}

Term Term::binary(SharedBytes bytes) {
  auto* node = detail::make_node<detail::SharedBytesNode>(Form::shared_bytes);
  node->bits = 8;
  node->bytes = std::move(bytes);
  return TermAccess::adopt(node, Kind::binary);
}

Term Term::bitstring(BytesView bytes, unsigned bits) {
  BARREL_ASSERT(bits >= 1 && bits <= 8);
  if (bits == 8 || bytes.empty()) return binary(bytes);
  detail::TermNode* node = detail::make_bytes(Form::bytes, bytes, bits);
  std::uint8_t& last = detail::bytes_of(*node)[bytes.size() - 1];
  last = static_cast<std::uint8_t>(last & (0xff00U >> bits));
  return TermAccess::adopt(node, Kind::bitstring);
}

Term Term::export_fun(Atom module, Atom function, std::uint8_t arity) {
  return detail::export_term(module, function, arity);
}

bool Term::is_tagged(std::string_view tag, std::size_t arity) const noexcept {
  return is_tuple(arity) && arity > 0 && elements()[0].is_atom(tag);
}

std::optional<std::int64_t> Term::as_int64() const noexcept {
  // Every integer that fits is kept off the heap.
  return is_integer() && !on_heap() ? std::optional(payload_.integer) : std::nullopt;
}

std::optional<std::uint64_t> Term::as_uint64() const noexcept {
  if (!is_integer()) return std::nullopt;
  if (on_heap()) return TermAccess::node<detail::BigNode>(*this).value.to_uint64();
  return payload_.integer < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(payload_.integer));
}

std::optional<BigInt> Term::as_big_int() const {
  if (!is_integer()) return std::nullopt;
  return on_heap() ? TermAccess::node<detail::BigNode>(*this).value : BigInt(payload_.integer);
}

std::optional<double> Term::as_real() const noexcept {
  return kind() == Kind::real ? std::optional(payload_.real) : std::nullopt;
}

std::optional<bool> Term::as_bool() const noexcept {
  if (is_atom("true")) return true;
  if (is_atom("false")) return false;
  return std::nullopt;
}

std::optional<Atom> Term::as_atom() const {
  if (!is_atom()) return std::nullopt;
  if (!on_heap()) return TermAccess::atom(*this);
  if (const auto known = Atom::find(atom_text())) return known;
  AtomQuota* quota = TermAccess::node<detail::AtomTextNode>(*this).quota.get();
  if (quota != nullptr && !quota->charge()) return std::nullopt;
  const auto interned = Atom::intern(atom_text());
  if (!interned && quota != nullptr) quota->refund();
  return interned;
}

std::optional<Pid> Term::as_pid() const {
  if (!is_pid()) return std::nullopt;
  const auto& node = TermAccess::node<detail::PidNode>(*this);
  const auto atom = node.node.as_atom();
  return atom ? std::optional(Pid{*atom, node.id, node.serial, node.creation}) : std::nullopt;
}

std::optional<Ref> Term::as_ref() const {
  if (kind() != Kind::reference) return std::nullopt;
  const auto& node = TermAccess::node<detail::RefNode>(*this);
  const auto atom = node.node.as_atom();
  if (!atom) return std::nullopt;
  return Ref{*atom, node.creation, static_cast<std::uint32_t>(node.size), node.words};
}

std::optional<Port> Term::as_port() const {
  if (kind() != Kind::port) return std::nullopt;
  const auto& node = TermAccess::node<detail::PortNode>(*this);
  const auto atom = node.node.as_atom();
  return atom ? std::optional(Port{*atom, node.id, node.creation}) : std::nullopt;
}

std::optional<std::string_view> Term::as_text() const noexcept {
  return is_binary() ? std::optional(barrel::as_text(bytes())) : std::nullopt;
}

std::string_view Term::atom_text() const noexcept {
  if (!is_atom()) return {};
  if (!on_heap()) return TermAccess::atom(*this).text();
  const auto& node = TermAccess::node<detail::AtomTextNode>(*this);
  return {reinterpret_cast<const char*>(&node + 1), node.size};
}

std::span<const Term> Term::elements() const noexcept {
  if (!is_tuple() && !is_list()) return {};
  return {detail::slots_of(*payload_.node), payload_.node->size - (is_list() ? 1 : 0)};
}

const Term& Term::tail() const noexcept {
  static const Term nil;
  return is_list() ? detail::slots_of(*payload_.node)[payload_.node->size - 1] : nil;
}

std::span<const Term::MapEntry> Term::entries() const noexcept {
  if (!is_map()) return {};
  return {reinterpret_cast<const MapEntry*>(detail::slots_of(*payload_.node)), payload_.node->size / 2};
}

const Term* Term::find(const Term& key) const noexcept {
  const auto all = entries();
  const auto found = std::ranges::lower_bound(
      all, key, [](const Term& a, const Term& b) { return detail::key_order(a, b) < 0; }, &MapEntry::key);
  return found != all.end() && found->key == key ? &found->value : nullptr;
}

const Term* Term::find_atom(std::string_view key) const noexcept {
  const auto before = [&](const Term& other) {
    return other.is_atom() ? other.atom_text() < key
                           : other.kind() == Kind::integer || other.kind() == Kind::real;
  };
  const auto all = entries();
  const auto found = std::ranges::partition_point(all, before, &MapEntry::key);
  return found != all.end() && found->key.is_atom(key) ? &found->value : nullptr;
}

BytesView Term::bytes() const noexcept {
  if (TermAccess::is(*this, Form::shared_bytes))
    return TermAccess::node<detail::SharedBytesNode>(*this).bytes.view();
  if (TermAccess::is(*this, Form::fun)) return TermAccess::node<detail::FunNode>(*this).bytes.view();
  if (!TermAccess::is(*this, Form::bytes)) return {};
  return {detail::bytes_of(*payload_.node), payload_.node->size};
}

SharedBytes Term::shared_bytes() const {
  if (TermAccess::is(*this, Form::shared_bytes))
    return TermAccess::node<detail::SharedBytesNode>(*this).bytes;
  if (TermAccess::is(*this, Form::fun)) return TermAccess::node<detail::FunNode>(*this).bytes;
  const BytesView view = bytes();
  return SharedBytes(Bytes(view.begin(), view.end()));
}

unsigned Term::last_byte_bits() const noexcept {
  return is_binary() || kind() == Kind::bitstring ? payload_.node->bits : 0;
}

}  // namespace barrel
