#include "term/term_node.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace barrel::detail {
namespace {

void* allocate(std::size_t bytes) {
  return ::operator new(bytes);
}

std::uint16_t depth_of(const Term& term) noexcept {
  return TermAccess::on_heap(term) ? TermAccess::node(term).depth : std::uint16_t{0};
}

void destroy_slots(TermNode* node) noexcept {
  std::destroy_n(slots_of(*node), node->size);
  std::destroy_at(node);
  ::operator delete(node);
}

template <class Node>
void destroy_as(TermNode* node) noexcept {
  delete static_cast<Node*>(node);
}

}  // namespace

void destroy(TermNode* node) noexcept {
  switch (static_cast<Form>(node->form)) {
    case Form::big_integer: return destroy_as<BigNode>(node);
    case Form::reference: return destroy_as<RefNode>(node);
    case Form::export_fun: return destroy_as<ExportNode>(node);
    case Form::port: return destroy_as<PortNode>(node);
    case Form::pid: return destroy_as<PidNode>(node);
    case Form::shared_bytes: return destroy_as<SharedBytesNode>(node);
    case Form::tuple:
    case Form::list:
    case Form::map: return destroy_slots(node);
    case Form::atom_text: std::destroy_at(static_cast<AtomTextNode*>(node)); return ::operator delete(node);
    case Form::fun: return destroy_as<FunNode>(node);
    case Form::bytes: std::destroy_at(node); return ::operator delete(node);
  }
}

TermNode* make_slots(Form form, std::size_t count) {
  auto* node = ::new (allocate(sizeof(TermNode) + count * sizeof(Term))) TermNode;
  node->form = static_cast<std::uint8_t>(form);
  node->depth = 1;
  node->size = count;
  std::uninitialized_default_construct_n(slots_of(*node), count);
  return node;
}

TermNode* make_bytes(Form form, BytesView bytes, unsigned bits) {
  auto* node = ::new (allocate(sizeof(TermNode) + bytes.size())) TermNode;
  node->form = static_cast<std::uint8_t>(form);
  node->bits = static_cast<std::uint8_t>(bits);
  node->size = bytes.size();
  if (!bytes.empty()) std::memcpy(bytes_of(*node), bytes.data(), bytes.size());
  return node;
}

bool settle_depth(TermNode& node, std::span<const Term> parts) noexcept {
  std::uint16_t deepest = 0;
  for (const Term& part : parts) deepest = std::max(deepest, depth_of(part));
  if (deepest >= Term::depth_max) return false;
  node.depth = static_cast<std::uint16_t>(deepest + 1);
  return true;
}

bool sort_entries(TermNode& map) noexcept {
  const std::span entries(reinterpret_cast<Term::MapEntry*>(slots_of(map)), map.size / 2);
  const auto before = [](const Term::MapEntry& a, const Term::MapEntry& b) {
    return key_order(a.key, b.key) < 0;
  };
  if (!std::ranges::is_sorted(entries, before)) std::ranges::sort(entries, before);
  const auto equal = [](const Term::MapEntry& a, const Term::MapEntry& b) { return a.key == b.key; };
  return std::ranges::adjacent_find(entries, equal) == entries.end();
}

Term atom_term(std::string_view text, const std::shared_ptr<AtomQuota>& quota) {
  if (const auto known = Atom::find(text)) return *known;
  auto* node = ::new (allocate(sizeof(AtomTextNode) + text.size())) AtomTextNode;
  node->form = static_cast<std::uint8_t>(Form::atom_text);
  node->size = text.size();
  node->quota = quota;
  std::memcpy(static_cast<void*>(node + 1), text.data(), text.size());
  return TermAccess::adopt(node, Term::Kind::atom);
}

Term pid_term(Term node_atom, std::uint32_t id, std::uint32_t serial, std::uint32_t creation) {
  auto* node = make_node<PidNode>(Form::pid);
  node->node = std::move(node_atom);
  node->id = id;
  node->serial = serial;
  node->creation = creation;
  return TermAccess::adopt(node, Term::Kind::pid);
}

Term ref_term(Term node_atom, std::uint32_t creation, std::span<const std::uint32_t> words) {
  BARREL_ASSERT(!words.empty() && words.size() <= Ref::words_max);
  auto* node = make_node<RefNode>(Form::reference);
  node->node = std::move(node_atom);
  node->creation = creation;
  node->size = words.size();
  std::ranges::copy(words, node->words.begin());
  return TermAccess::adopt(node, Term::Kind::reference);
}

Term port_term(Term node_atom, std::uint64_t id, std::uint32_t creation) {
  auto* node = make_node<PortNode>(Form::port);
  node->node = std::move(node_atom);
  node->id = id;
  node->creation = creation;
  return TermAccess::adopt(node, Term::Kind::port);
}

Term export_term(Term module, Term function, std::uint8_t arity) {
  auto* node = make_node<ExportNode>(Form::export_fun);
  node->module = std::move(module);
  node->function = std::move(function);
  node->arity = arity;
  return TermAccess::adopt(node, Term::Kind::fun);
}

Term integer_term(BigInt value) {
  if (const auto small = value.to_int64()) return *small;
  auto* node = make_node<BigNode>(Form::big_integer);
  node->value = std::move(value);
  return TermAccess::adopt(node, Term::Kind::integer);
}

}  // namespace barrel::detail
