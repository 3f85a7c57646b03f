#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "barrel/base/assert.hpp"
#include "barrel/term/atom_quota.hpp"
#include "barrel/term/big_int.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

/// What lies behind a TermNode.
enum class Form : std::uint8_t {
  big_integer,   // BigNode
  atom_text,     // AtomTextNode, `size` bytes of text
  reference,     // RefNode, `size` words in use
  fun,           // FunNode
  export_fun,    // ExportNode
  port,          // PortNode
  pid,           // PidNode
  tuple,         // `size` terms
  list,          // `size` terms, the last one is the tail
  map,           // `size` terms: key, value, key, value, ...
  bytes,         // `size` bytes
  shared_bytes,  // SharedBytesNode
};

struct BigNode : TermNode {
  BigInt value;
};
/// An atom that no code has interned.
struct AtomTextNode : TermNode {
  std::shared_ptr<AtomQuota> quota;
};
struct PidNode : TermNode {
  Term node;
  std::uint32_t id = 0;
  std::uint32_t serial = 0;
  std::uint32_t creation = 0;
};
struct RefNode : TermNode {
  Term node;
  std::uint32_t creation = 0;
  std::array<std::uint32_t, Ref::words_max> words{};
};
struct PortNode : TermNode {
  Term node;
  std::uint64_t id = 0;
  std::uint32_t creation = 0;
};
struct ExportNode : TermNode {
  Term module;
  Term function;
  std::uint8_t arity = 0;
};
/// What tells closures apart in Erlang, and what it prints of them (`#Fun<module.old_index.old_uniq>`).
struct FunParts {
  Term module;
  std::uint32_t index = 0;
  Term old_index;
  Term old_uniq;
  std::vector<Term> free_variables;
};
struct FunNode : TermNode {
  /// The whole external form with its tag.
  SharedBytes bytes;
  FunParts parts;
};
struct SharedBytesNode : TermNode {
  SharedBytes bytes;
};

/// The way to the inside of a Term, for the files of this layer only.
struct TermAccess {
  [[nodiscard]] static bool on_heap(const Term& term) noexcept { return term.on_heap(); }
  /// Only when on_heap().
  template <class Node = TermNode>
  [[nodiscard]] static Node& node(const Term& term) noexcept {
    return static_cast<Node&>(*term.payload_.node);
  }
  [[nodiscard]] static Form form(const Term& term) noexcept {
    return static_cast<Form>(term.payload_.node->form);
  }
  [[nodiscard]] static bool is(const Term& term, Form wanted) noexcept {
    return term.on_heap() && form(term) == wanted;
  }
  /// Only for an integer that is not on the heap.
  [[nodiscard]] static std::int64_t small(const Term& term) noexcept { return term.payload_.integer; }
  /// Only for a float.
  [[nodiscard]] static double real(const Term& term) noexcept { return term.payload_.real; }
  [[nodiscard]] static Atom atom(const Term& term) noexcept { return Atom::from_index(term.extra_); }
  /// The one that has this index().
  [[nodiscard]] static Atom atom_at(std::uint32_t index) noexcept { return Atom::from_index(index); }

  /// A Term that takes over the caller's reference to `node`.
  [[nodiscard]] static Term adopt(TermNode* node, Term::Kind kind) noexcept {
    Term term;
    term.tag_ = Term::tag_of(kind) | Term::heap_flag;
    term.payload_.node = node;
    return term;
  }
};

/// What follows the head of a tuple, list or map.
[[nodiscard]] inline Term* slots_of(TermNode& node) noexcept {
  return reinterpret_cast<Term*>(&node + 1);
}
/// What follows the head of bytes.
[[nodiscard]] inline std::uint8_t* bytes_of(TermNode& node) noexcept {
  return reinterpret_cast<std::uint8_t*>(&node + 1);
}

/// A node of its own type, without anything behind it.
template <class Node>
[[nodiscard]] Node* make_node(Form form) {
  auto* node = new Node();
  node->form = static_cast<std::uint8_t>(form);
  return node;
}
/// The head of a tuple, list or map, with `count` slots that hold [].
[[nodiscard]] TermNode* make_slots(Form form, std::size_t count);
/// Bytes, copied.
[[nodiscard]] TermNode* make_bytes(Form form, BytesView bytes, unsigned bits = 8);

/// Sets the depth of a node that holds `parts`. False when it passes Term::depth_max.
[[nodiscard]] bool settle_depth(TermNode& node, std::span<const Term> parts) noexcept;
/// The same for a node whose slots are filled.
[[nodiscard]] inline bool settle_depth(TermNode& node) noexcept {
  return settle_depth(node, std::span(slots_of(node), node.size));
}

/// Sorts the entries of a map node by key_order(). False when two keys are equal.
[[nodiscard]] bool sort_entries(TermNode& map) noexcept;
/// The order of keys in a map: as <=>, but every integer before every float.
[[nodiscard]] std::strong_ordering key_order(const Term& a, const Term& b) noexcept;

/// Pointers to the entries in the order of their keys; of entries with equal keys only the last one.
template <class Entry>
[[nodiscard]] std::vector<Entry*> sorted_by_key(std::span<Entry> entries, Term Entry::* key) {
  std::vector<Entry*> order;
  order.reserve(entries.size());
  for (Entry& entry : entries) order.push_back(&entry);
  // The later of two equal ones first, so that unique() keeps it.
  std::ranges::sort(order, [key](const Entry* a, const Entry* b) {
    const auto by_key = key_order(a->*key, b->*key);
    return by_key != 0 ? by_key < 0 : a > b;
  });
  const auto same = [key](const Entry* a, const Entry* b) { return a->*key == b->*key; };
  order.erase(std::unique(order.begin(), order.end(), same), order.end());
  return order;
}

/// The atom of that text: interned if some code did that, else text that carries `quota`. The text must be
/// valid UTF-8 of at most Atom::characters_max characters.
[[nodiscard]] Term atom_term(std::string_view text, const std::shared_ptr<AtomQuota>& quota = nullptr);
[[nodiscard]] Term pid_term(Term node, std::uint32_t id, std::uint32_t serial, std::uint32_t creation);
[[nodiscard]] Term ref_term(Term node, std::uint32_t creation, std::span<const std::uint32_t> words);
[[nodiscard]] Term port_term(Term node, std::uint64_t id, std::uint32_t creation);
[[nodiscard]] Term export_term(Term module, Term function, std::uint8_t arity);
/// An integer of any size in its shortest form.
[[nodiscard]] Term integer_term(BigInt value);

}  // namespace barrel::detail
