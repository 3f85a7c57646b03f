#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "barrel/base/keyed_hash.hpp"
#include "term/term_node.hpp"

namespace barrel {

using detail::Form;
using detail::TermAccess;

namespace {

using Order = std::weak_ordering;

/// How numbers compare with each other.
enum class Numbers : std::uint8_t {
  by_value,  // 1 == 1.0, as Erlang's <
  by_kind,   // every integer before every float, as Erlang sorts the keys of a map
};

Order order_of(int difference) noexcept {
  return difference <=> 0;
}

Order compare_bytes(BytesView a, BytesView b) noexcept {
  const std::size_t common = std::min(a.size(), b.size());
  const int difference = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return difference != 0 ? order_of(difference) : a.size() <=> b.size();
}

/// `value` against a finite `real`, without rounding either.
Order compare_int_with_real(std::int64_t value, double real) noexcept {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (real >= limit) return Order::less;
  if (real < -limit) return Order::greater;
  const double whole = std::trunc(real);
  if (const Order order = value <=> static_cast<std::int64_t>(whole); order != 0) return order;
  return 0.0 < real - whole ? Order::less : real - whole < 0.0 ? Order::greater : Order::equivalent;
}

/// An integer against a float.
Order compare_mixed(const Term& integer, double real) noexcept {
  if (!TermAccess::on_heap(integer)) return compare_int_with_real(TermAccess::small(integer), real);
  // Beyond 64 bits a float has no fraction.
  const BigInt& big = TermAccess::node<detail::BigNode>(integer).value;
  constexpr double limit = 9223372036854775808.0;
  if (std::fabs(real) < limit) return big.negative() ? Order::less : Order::greater;
  return big <=> BigInt::truncate(real);
}

/// Erlang has two zeros since OTP 27.
Order compare_reals_exactly(double a, double b) noexcept {
  if (a < b) return Order::less;
  if (a > b) return Order::greater;
  return std::signbit(b) <=> std::signbit(a);
}

Order compare_integers(const Term& a, const Term& b) noexcept {
  if (!TermAccess::on_heap(a) && !TermAccess::on_heap(b))
    return TermAccess::small(a) <=> TermAccess::small(b);
  const auto big = [](const Term& term) -> const BigInt& {
    return TermAccess::node<detail::BigNode>(term).value;
  };
  // An integer on the heap is out of the range of all others.
  if (!TermAccess::on_heap(a)) return big(b).negative() ? Order::greater : Order::less;
  if (!TermAccess::on_heap(b)) return big(a).negative() ? Order::less : Order::greater;
  return big(a) <=> big(b);
}

/// Compares two terms by Erlang's order and remembers the first place where the order calls different terms
/// equal.
class Comparison {
 public:
  explicit Comparison(Numbers numbers) noexcept : numbers_(numbers) {}

  Order compare(const Term& a, const Term& b) noexcept;
  /// Decides between terms that compare() calls equivalent.
  [[nodiscard]] Order tie() const noexcept { return tie_; }

 private:
  Order compare_numbers(const Term& a, const Term& b) noexcept;
  Order compare_atoms(const Term& a, const Term& b) noexcept;
  Order compare_nodes(const Term& a, std::uint32_t creation_a, const Term& b,
                      std::uint32_t creation_b) noexcept;
  Order compare_pids(const Term& a, const Term& b) noexcept;
  Order compare_refs(const Term& a, const Term& b) noexcept;
  Order compare_ports(const Term& a, const Term& b) noexcept;
  Order compare_funs(const Term& a, const Term& b) noexcept;
  Order compare_closures(const Term& a, const Term& b) noexcept;
  Order compare_bits(const Term& a, const Term& b) noexcept;
  Order compare_tuples(const Term& a, const Term& b) noexcept;
  Order compare_lists(const Term& a, const Term& b) noexcept;
  Order compare_maps(const Term& a, const Term& b) noexcept;

  Order equal_but(Order difference) noexcept {
    if (tie_ == 0) tie_ = difference;
    return Order::equivalent;
  }

  Numbers numbers_;
  Order tie_ = Order::equivalent;
};

/// Places in Erlang's order of kinds; numbers share one, and so do binaries and bitstrings.
unsigned rank(Term::Kind kind) noexcept {
  switch (kind) {
    case Term::Kind::integer:
    case Term::Kind::real: return 0;
    case Term::Kind::atom: return 1;
    case Term::Kind::reference: return 2;
    case Term::Kind::fun: return 3;
    case Term::Kind::port: return 4;
    case Term::Kind::pid: return 5;
    case Term::Kind::tuple: return 6;
    case Term::Kind::map: return 7;
    case Term::Kind::nil: return 8;
    case Term::Kind::list: return 9;
    case Term::Kind::binary:
    case Term::Kind::bitstring: return 10;
  }
  return 11;
}

Order Comparison::compare(const Term& a, const Term& b) noexcept {
  const Term::Kind kind = a.kind();
  if (const Order order = rank(kind) <=> rank(b.kind()); order != 0) return order;
  if (TermAccess::on_heap(a) && TermAccess::on_heap(b) && &TermAccess::node(a) == &TermAccess::node(b)) {
    return Order::equivalent;
  }
  switch (kind) {
    case Term::Kind::integer:
    case Term::Kind::real: return compare_numbers(a, b);
    case Term::Kind::atom: return compare_atoms(a, b);
    case Term::Kind::reference: return compare_refs(a, b);
    case Term::Kind::fun: return compare_funs(a, b);
    case Term::Kind::port: return compare_ports(a, b);
    case Term::Kind::pid: return compare_pids(a, b);
    case Term::Kind::tuple: return compare_tuples(a, b);
    case Term::Kind::map: return compare_maps(a, b);
    case Term::Kind::nil: return Order::equivalent;
    case Term::Kind::list: return compare_lists(a, b);
    case Term::Kind::binary:
    case Term::Kind::bitstring: return compare_bits(a, b);
  }
  return Order::equivalent;
}

Order Comparison::compare_numbers(const Term& a, const Term& b) noexcept {
  const bool a_whole = a.is_integer();
  const bool b_whole = b.is_integer();
  if (a_whole && b_whole) return compare_integers(a, b);
  if (!a_whole && !b_whole) {
    const double x = TermAccess::real(a);
    const double y = TermAccess::real(b);
    if (x == y) return equal_but(compare_reals_exactly(x, y));
    return x < y ? Order::less : Order::greater;
  }
  const Order by_kind = a_whole ? Order::less : Order::greater;
  if (numbers_ == Numbers::by_kind) return by_kind;
  const Order order =
      a_whole ? compare_mixed(a, TermAccess::real(b)) : 0 <=> compare_mixed(b, TermAccess::real(a));
  return order == 0 ? equal_but(by_kind) : order;
}

Order Comparison::compare_atoms(const Term& a, const Term& b) noexcept {
  if (!TermAccess::on_heap(a) && !TermAccess::on_heap(b) && TermAccess::atom(a) == TermAccess::atom(b)) {
    return Order::equivalent;
  }
  return order_of(a.atom_text().compare(b.atom_text()));
}

Order Comparison::compare_nodes(const Term& a, std::uint32_t creation_a, const Term& b,
                                std::uint32_t creation_b) noexcept {
  if (const Order order = compare_atoms(a, b); order != 0) return order;
  return creation_a <=> creation_b;
}

Order Comparison::compare_pids(const Term& a, const Term& b) noexcept {
  const auto& x = TermAccess::node<detail::PidNode>(a);
  const auto& y = TermAccess::node<detail::PidNode>(b);
  if (x.serial != y.serial) return x.serial <=> y.serial;
  if (x.id != y.id) return x.id <=> y.id;
  return compare_nodes(x.node, x.creation, y.node, y.creation);
}

Order Comparison::compare_refs(const Term& a, const Term& b) noexcept {
  const auto& x = TermAccess::node<detail::RefNode>(a);
  const auto& y = TermAccess::node<detail::RefNode>(b);
  if (const Order order = compare_nodes(x.node, x.creation, y.node, y.creation); order != 0) return order;
  const Order words = std::lexicographical_compare_three_way(x.words.rbegin(), x.words.rend(),
                                                             y.words.rbegin(), y.words.rend());
  // Erlang takes high words of 0 for absent; on the wire they are not.
  return words != 0 ? words : equal_but(x.size <=> y.size);
}

Order Comparison::compare_ports(const Term& a, const Term& b) noexcept {
  const auto& x = TermAccess::node<detail::PortNode>(a);
  const auto& y = TermAccess::node<detail::PortNode>(b);
  if (const Order order = compare_nodes(x.node, x.creation, y.node, y.creation); order != 0) return order;
  return x.id <=> y.id;
}

Order Comparison::compare_funs(const Term& a, const Term& b) noexcept {
  const bool a_exported = TermAccess::form(a) == Form::export_fun;
  const bool b_exported = TermAccess::form(b) == Form::export_fun;
  if (a_exported != b_exported) return a_exported <=> b_exported;
  if (!a_exported) return compare_closures(a, b);
  const auto& x = TermAccess::node<detail::ExportNode>(a);
  const auto& y = TermAccess::node<detail::ExportNode>(b);
  if (const Order order = compare_atoms(x.module, y.module); order != 0) return order;
  if (const Order order = compare_atoms(x.function, y.function); order != 0) return order;
  return x.arity <=> y.arity;
}

/// Not by their bytes: another Erlang may write the same closure with other tags.
Order Comparison::compare_closures(const Term& a, const Term& b) noexcept {
  if (compare_bytes(a.bytes(), b.bytes()) == 0) return Order::equivalent;
  const detail::FunParts& x = TermAccess::node<detail::FunNode>(a).parts;
  const detail::FunParts& y = TermAccess::node<detail::FunNode>(b).parts;
  if (const Order order = compare_atoms(x.module, y.module); order != 0) return order;
  if (x.index != y.index) return x.index <=> y.index;
  if (const Order order = compare(x.old_uniq, y.old_uniq); order != 0) return order;
  if (x.free_variables.size() != y.free_variables.size())
    return x.free_variables.size() <=> y.free_variables.size();
  for (std::size_t i = 0; i < x.free_variables.size(); ++i) {
    if (const Order order = compare(x.free_variables[i], y.free_variables[i]); order != 0) return order;
  }
  return Order::equivalent;
}

Order Comparison::compare_bits(const Term& a, const Term& b) noexcept {
  // Unused low bits are 0, so that comparing whole bytes only fails to see which one has more bits.
  if (const Order order = compare_bytes(a.bytes(), b.bytes()); order != 0) return order;
  return a.last_byte_bits() <=> b.last_byte_bits();
}

Order Comparison::compare_tuples(const Term& a, const Term& b) noexcept {
  const auto x = a.elements();
  const auto y = b.elements();
  if (x.size() != y.size()) return x.size() <=> y.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (const Order order = compare(x[i], y[i]); order != 0) return order;
  }
  return Order::equivalent;
}

Order Comparison::compare_lists(const Term& a, const Term& b) noexcept {
  const auto x = a.elements();
  const auto y = b.elements();
  const std::size_t common = std::min(x.size(), y.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const Order order = compare(x[i], y[i]); order != 0) return order;
  }
  if (x.size() == y.size()) return compare(a.tail(), b.tail());
  // The rest of the longer one is a list, which its kind sets apart from every tail.
  constexpr unsigned list_rank = 9;
  if (x.size() < y.size()) return rank(a.tail().kind()) <=> list_rank;
  return list_rank <=> rank(b.tail().kind());
}

Order Comparison::compare_maps(const Term& a, const Term& b) noexcept {
  const auto x = a.entries();
  const auto y = b.entries();
  if (x.size() != y.size()) return x.size() <=> y.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (const Order order = detail::key_order(x[i].key, y[i].key); order != 0) return order;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (const Order order = compare(x[i].value, y[i].value); order != 0) return order;
  }
  return Order::equivalent;
}

std::strong_ordering strong(Order order) noexcept {
  if (order < 0) return std::strong_ordering::less;
  return order > 0 ? std::strong_ordering::greater : std::strong_ordering::equal;
}

}  // namespace

std::weak_ordering compare(const Term& a, const Term& b) noexcept {
  return Comparison(Numbers::by_value).compare(a, b);
}

std::strong_ordering Term::order(const Term& other) const noexcept {
  Comparison comparison(Numbers::by_value);
  const Order order = comparison.compare(*this, other);
  return strong(order != 0 ? order : comparison.tie());
}

std::strong_ordering detail::key_order(const Term& a, const Term& b) noexcept {
  Comparison comparison(Numbers::by_kind);
  const Order order = comparison.compare(a, b);
  return strong(order != 0 ? order : comparison.tie());
}

namespace {

std::size_t mixed(std::size_t hash, std::uint64_t value) noexcept {
  return detail::keyed_mix(detail::hash_key(), hash, value);
}

std::size_t hash_bytes(BytesView bytes) noexcept {
  return detail::keyed_hash(as_text(bytes));
}

std::size_t hash_fun(const Term& fun, std::size_t hash) noexcept {
  if (TermAccess::form(fun) == Form::export_fun) {
    const auto& exported = TermAccess::node<detail::ExportNode>(fun);
    return mixed(mixed(hash, exported.module.hash()), exported.function.hash() + exported.arity);
  }
  const detail::FunParts& parts = TermAccess::node<detail::FunNode>(fun).parts;
  hash = mixed(mixed(hash, parts.module.hash()), parts.old_uniq.hash() + parts.index);
  for (const Term& variable : parts.free_variables) hash = mixed(hash, variable.hash());
  return hash;
}

}  // namespace

std::size_t Term::hash() const noexcept {
  std::size_t hash = static_cast<std::size_t>(kind());
  switch (kind()) {
    case Kind::integer:
      return mixed(hash, on_heap() ? hash_bytes(TermAccess::node<detail::BigNode>(*this).value.magnitude())
                                   : static_cast<std::uint64_t>(payload_.integer));
    case Kind::real: return mixed(hash, std::bit_cast<std::uint64_t>(payload_.real));
    case Kind::atom: return mixed(hash, hash_bytes(as_bytes(atom_text())));
    case Kind::reference: {
      const auto& ref = TermAccess::node<detail::RefNode>(*this);
      for (const std::uint32_t word : ref.words) hash = mixed(hash, word);
      return mixed(hash, ref.node.hash() + ref.creation);
    }
    case Kind::fun: return hash_fun(*this, hash);
    case Kind::port: {
      const auto& port = TermAccess::node<detail::PortNode>(*this);
      return mixed(mixed(hash, port.id), port.node.hash() + port.creation);
    }
    case Kind::pid: {
      const auto& pid = TermAccess::node<detail::PidNode>(*this);
      hash = mixed(hash, std::uint64_t{pid.id} << 32 | pid.serial);
      return mixed(hash, pid.node.hash() + pid.creation);
    }
    case Kind::nil: return mixed(hash, 0);
    case Kind::tuple:
    case Kind::list:
    case Kind::map:
      for (const Term& slot : std::span(detail::slots_of(*payload_.node), payload_.node->size)) {
        hash = mixed(hash, slot.hash());
      }
      return hash;
    case Kind::binary:
    case Kind::bitstring: return mixed(hash, hash_bytes(bytes()) + last_byte_bits());
  }
  return hash;
}

}  // namespace barrel
