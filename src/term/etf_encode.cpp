#include <algorithm>
#include <memory>

#include "barrel/base/shared_parts.hpp"
#include "barrel/term/etf.hpp"
#include "term/etf_tags.hpp"
#include "term/etf_writer.hpp"
#include "term/term_node.hpp"

namespace barrel {

using detail::Form;
using detail::TermAccess;

namespace {

bool is_byte(const Term& term) {
  return term.is_integer() && !TermAccess::on_heap(term) && TermAccess::small(term) >= 0 &&
         TermAccess::small(term) <= 255;
}

void encode_list(ByteWriter& out, const Term& list) {
  const auto elements = list.elements();
  if (list.tail().is_nil() && elements.size() <= etf::string_max && std::ranges::all_of(elements, is_byte)) {
    Bytes bytes(elements.size());
    std::ranges::transform(elements, bytes.begin(), [](const Term& byte) {
      return static_cast<std::uint8_t>(TermAccess::small(byte));
    });
    return etf::write_string(out, bytes);
  }
  etf::write_list_header(out, elements.size());
  for (const Term& element : elements) encode_etf(out, element);
  encode_etf(out, list.tail());
}

void encode_fun(ByteWriter& out, const Term& fun) {
  if (TermAccess::form(fun) == Form::fun) return out.bytes(fun.bytes());
  const auto& exported = TermAccess::node<detail::ExportNode>(fun);
  out.u8(etf::export_fun);
  etf::write_atom(out, exported.module.atom_text());
  etf::write_atom(out, exported.function.atom_text());
  etf::write_integer(out, exported.arity);
}

void encode_binary(ByteWriter& out, const Term& binary) {
  const BytesView bytes = binary.bytes();
  if (TermAccess::is(binary, Form::shared_bytes))
    return etf::write_binary(out, TermAccess::node<detail::SharedBytesNode>(binary).bytes);
  if (out.parts() == nullptr || bytes.size() < SharedParts::part_bytes_min)
    return etf::write_binary(out, bytes);
  etf::write_binary(out, SharedBytes(std::make_shared<const Term>(binary), bytes));
}

void encode_bitstring(ByteWriter& out, const Term& bitstring) {
  const BytesView bytes = bitstring.bytes();
  out.u8(etf::bit_binary);
  out.u32(static_cast<std::uint32_t>(bytes.size()));
  out.u8(static_cast<std::uint8_t>(bitstring.last_byte_bits()));
  out.bytes(bytes);
}

void encode_identifier(ByteWriter& out, const Term& term) {
  if (term.kind() == Term::Kind::pid) {
    const auto& pid = TermAccess::node<detail::PidNode>(term);
    etf::write_pid(out, pid.node.atom_text(), pid.id, pid.serial, pid.creation);
  } else if (term.kind() == Term::Kind::port) {
    const auto& port = TermAccess::node<detail::PortNode>(term);
    etf::write_port(out, port.node.atom_text(), port.id, port.creation);
  } else {
    const auto& ref = TermAccess::node<detail::RefNode>(term);
    etf::write_reference(out, ref.node.atom_text(), ref.creation, std::span(ref.words).first(ref.size));
  }
}

}  // namespace

void encode_etf(ByteWriter& out, const Term& term) {
  switch (term.kind()) {
    case Term::Kind::integer:
      if (TermAccess::on_heap(term))
        etf::write_big_integer(out, TermAccess::node<detail::BigNode>(term).value);
      else etf::write_integer(out, TermAccess::small(term));
      return;
    case Term::Kind::real: return etf::write_real(out, TermAccess::real(term));
    case Term::Kind::atom: return etf::write_atom(out, term.atom_text());
    case Term::Kind::reference:
    case Term::Kind::port:
    case Term::Kind::pid: return encode_identifier(out, term);
    case Term::Kind::fun: return encode_fun(out, term);
    case Term::Kind::tuple:
      etf::write_tuple_header(out, term.elements().size());
      for (const Term& element : term.elements()) encode_etf(out, element);
      return;
    case Term::Kind::map:
      etf::write_map_header(out, term.entries().size());
      for (const Term::MapEntry& entry : term.entries()) {
        encode_etf(out, entry.key);
        encode_etf(out, entry.value);
      }
      return;
    case Term::Kind::nil: return etf::write_nil(out);
    case Term::Kind::list: return encode_list(out, term);
    case Term::Kind::binary: return encode_binary(out, term);
    case Term::Kind::bitstring: return encode_bitstring(out, term);
  }
}

Bytes encode_etf(const Term& term) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(etf::version);
  encode_etf(out, term);
  return bytes;
}

}  // namespace barrel
