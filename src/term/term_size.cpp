#include "barrel/term/term_size.hpp"

#include "barrel/term/big_int.hpp"
#include "term/term_node.hpp"

namespace barrel {
namespace {

// Tag and fixed fields of the forms that NEW_PID_EXT, NEWER_REFERENCE_EXT and V4_PORT_EXT carry.
constexpr std::size_t pid_bytes = 15;
constexpr std::size_t port_bytes = 15;
constexpr std::size_t header_bytes = 5;

std::size_t atom_bytes(std::string_view text) {
  return 2 + text.size();
}

std::size_t integer_bytes(const Term& term) {
  if (const auto small = term.as_int64())
    return *small >= 0 && *small < 256 ? 2 : (*small >> 31) + 1 <= 1 ? 5 : 11;
  const auto big = term.as_big_int();
  return big ? header_bytes + 1 + big->magnitude().size() : 11;
}

std::size_t leaf_bytes(const Term& term) {
  switch (term.kind()) {
    case Term::Kind::integer: return integer_bytes(term);
    case Term::Kind::real: return 9;
    case Term::Kind::atom: return atom_bytes(term.atom_text());
    case Term::Kind::reference: return 7 + 4 * Ref::words_max + 16;
    case Term::Kind::port: return port_bytes + 16;
    case Term::Kind::pid: return pid_bytes + 16;
    case Term::Kind::fun:
    case Term::Kind::binary:
    case Term::Kind::bitstring: return header_bytes + 1 + term.bytes().size();
    case Term::Kind::nil: return 1;
    case Term::Kind::tuple:
    case Term::Kind::map:
    case Term::Kind::list: return header_bytes;
  }
  return header_bytes;
}

void count(const Term& term, std::size_t enough, std::size_t& bytes) {
  bytes += leaf_bytes(term);
  for (const Term& element : term.elements()) {
    if (bytes > enough) return;
    count(element, enough, bytes);
  }
  for (const auto& [key, value] : term.entries()) {
    if (bytes > enough) return;
    count(key, enough, bytes);
    count(value, enough, bytes);
  }
  if (term.is_list()) count(term.tail(), enough, bytes);
}

}  // namespace

std::size_t memory_of(const Term& term) {
  using detail::Form;
  using detail::TermAccess;
  // The heads of all nodes, and what the allocator adds to a block.
  constexpr std::size_t node_bytes = sizeof(detail::PidNode) + 16;
  if (!TermAccess::on_heap(term)) return 0;
  detail::TermNode& node = TermAccess::node(term);
  std::size_t bytes = node_bytes;
  switch (TermAccess::form(term)) {
    case Form::tuple:
    case Form::list:
    case Form::map:
      bytes += node.size * sizeof(Term);
      for (const Term& slot : std::span(detail::slots_of(node), node.size)) bytes += memory_of(slot);
      return bytes;
    case Form::fun: {
      const detail::FunParts& parts = TermAccess::node<detail::FunNode>(term).parts;
      bytes += sizeof(detail::FunNode) + parts.free_variables.size() * sizeof(Term);
      for (const Term& variable : parts.free_variables) bytes += memory_of(variable);
      return bytes;
    }
    case Form::bytes:
    case Form::atom_text: return bytes + node.size;
    case Form::big_integer: return bytes + TermAccess::node<detail::BigNode>(term).value.magnitude().size();
    default: return bytes;
  }
}

std::size_t estimate_bytes(const Term& term, std::size_t enough) {
  std::size_t bytes = 0;
  count(term, enough, bytes);
  return bytes;
}

}  // namespace barrel
