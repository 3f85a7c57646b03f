#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "crdt/term_hash.hpp"

namespace barrel {

/// A map from terms to values that never changes: set() and erase() give a new one that shares all but the
/// nodes on one path (hash array mapped trie, Bagwell 2001). Copies are cheap and may be read by any thread.
/// The depth is bounded by the hash's bits; keys with equal hashes share a leaf.
template <class Value>
class PersistentMap {
 public:
  /// `seed` makes the hashes of this map its own, so that peers cannot choose keys that collide.
  explicit PersistentMap(std::uint64_t seed = 0) : seed_(seed) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The value under `key`, or null. Valid as long as this map or a copy of it.
  [[nodiscard]] const Value* find(const Term& key) const {
    const std::uint64_t hash = hash_term(key, seed_);
    const Node* node = root_.get();
    for (unsigned shift = 0; node != nullptr && !node->is_leaf(); shift += bits) {
      const std::uint32_t bit = bit_of(hash, shift);
      node = (node->bitmap & bit) != 0 ? node->children[rank(node->bitmap, bit)].get() : nullptr;
    }
    if (node == nullptr || node->hash != hash) return nullptr;
    for (const auto& [held, value] : node->items) {
      if (held == key) return &value;
    }
    return nullptr;
  }

  [[nodiscard]] PersistentMap set(const Term& key, Value value) const {
    PersistentMap changed = *this;
    const std::uint64_t hash = hash_term(key, seed_);
    changed.root_ = insert(root_, hash, 0, key, std::move(value), changed.size_);
    return changed;
  }

  [[nodiscard]] PersistentMap erase(const Term& key) const {
    PersistentMap changed = *this;
    changed.root_ = remove(root_, hash_term(key, seed_), 0, key, changed.size_);
    return changed;
  }

  /// Calls f(key, value) for each, in an order that depends on the hashes only.
  template <class F>
  void for_each(F&& f) const {
    visit(root_.get(), f);
  }

 private:
  static constexpr unsigned bits = 4;

  struct Node;
  using NodePtr = std::shared_ptr<const Node>;
  /// A branch (children by the set bits of bitmap) or a leaf (items of one hash, bitmap 0).
  struct Node {
    std::uint32_t bitmap = 0;
    std::uint64_t hash = 0;
    std::vector<NodePtr> children;
    std::vector<std::pair<Term, Value>> items;
    [[nodiscard]] bool is_leaf() const { return bitmap == 0; }
  };

  static std::uint32_t bit_of(std::uint64_t hash, unsigned shift) {
    return std::uint32_t{1} << ((hash >> shift) & ((1U << bits) - 1));
  }
  static std::size_t rank(std::uint32_t bitmap, std::uint32_t bit) {
    return static_cast<std::size_t>(std::popcount(bitmap & (bit - 1)));
  }

  static NodePtr leaf(std::uint64_t hash, const Term& key, Value value) {
    auto made = std::make_shared<Node>();
    made->hash = hash;
    made->items.emplace_back(key, std::move(value));
    return made;
  }

  /// A branch that tells two leaves of different hashes apart.
  static NodePtr split(const NodePtr& a, const NodePtr& b, unsigned shift) {
    auto made = std::make_shared<Node>();
    const std::uint32_t a_bit = bit_of(a->hash, shift);
    const std::uint32_t b_bit = bit_of(b->hash, shift);
    made->bitmap = a_bit | b_bit;
    if (a_bit == b_bit) made->children = {split(a, b, shift + bits)};
    else if (a_bit < b_bit) made->children = {a, b};
    else made->children = {b, a};
    return made;
  }

  static NodePtr insert(const NodePtr& node, std::uint64_t hash, unsigned shift, const Term& key, Value value,
                        std::size_t& size) {
    if (node == nullptr) {
      ++size;
      return leaf(hash, key, std::move(value));
    }
    if (node->is_leaf()) return insert_at_leaf(node, hash, shift, key, std::move(value), size);
    const std::uint32_t bit = bit_of(hash, shift);
    const std::size_t at = rank(node->bitmap, bit);
    auto made = std::make_shared<Node>(*node);
    if ((node->bitmap & bit) != 0) {
      made->children[at] = insert(node->children[at], hash, shift + bits, key, std::move(value), size);
    } else {
      made->bitmap |= bit;
      made->children.insert(made->children.begin() + static_cast<std::ptrdiff_t>(at),
                            leaf(hash, key, std::move(value)));
      ++size;
    }
    return made;
  }

  static NodePtr insert_at_leaf(const NodePtr& node, std::uint64_t hash, unsigned shift, const Term& key,
                                Value value, std::size_t& size) {
    if (node->hash != hash) {
      ++size;
      return split(node, leaf(hash, key, std::move(value)), shift);
    }
    auto made = std::make_shared<Node>(*node);
    for (auto& [held, old] : made->items) {
      if (held == key) {
        old = std::move(value);
        return made;
      }
    }
    made->items.emplace_back(key, std::move(value));
    ++size;
    return made;
  }

  static NodePtr remove(const NodePtr& node, std::uint64_t hash, unsigned shift, const Term& key,
                        std::size_t& size) {
    if (node == nullptr) return nullptr;
    if (node->is_leaf()) return remove_from_leaf(node, hash, key, size);
    const std::uint32_t bit = bit_of(hash, shift);
    if ((node->bitmap & bit) == 0) return node;
    const std::size_t at = rank(node->bitmap, bit);
    NodePtr child = remove(node->children[at], hash, shift + bits, key, size);
    if (child == node->children[at]) return node;
    // A branch whose only child is a leaf gives way to it, so that equal maps keep equal shapes.
    if (child != nullptr && child->is_leaf() && node->children.size() == 1) return child;
    auto made = std::make_shared<Node>(*node);
    if (child != nullptr) {
      made->children[at] = std::move(child);
      return made;
    }
    made->bitmap &= ~bit;
    made->children.erase(made->children.begin() + static_cast<std::ptrdiff_t>(at));
    if (made->children.empty()) return nullptr;
    if (made->children.size() == 1 && made->children.front()->is_leaf()) return made->children.front();
    return made;
  }

  static NodePtr remove_from_leaf(const NodePtr& node, std::uint64_t hash, const Term& key,
                                  std::size_t& size) {
    if (node->hash != hash) return node;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      if (!(node->items[i].first == key)) continue;
      --size;
      if (node->items.size() == 1) return nullptr;
      auto made = std::make_shared<Node>(*node);
      made->items.erase(made->items.begin() + static_cast<std::ptrdiff_t>(i));
      return made;
    }
    return node;
  }

  template <class F>
  static void visit(const Node* node, F& f) {
    if (node == nullptr) return;
    for (const auto& [key, value] : node->items) f(key, value);
    for (const NodePtr& child : node->children) visit(child.get(), f);
  }

  NodePtr root_;
  std::size_t size_ = 0;
  std::uint64_t seed_;
};

}  // namespace barrel
