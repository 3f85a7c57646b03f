#pragma once

#include "barrel/term/etf.hpp"

namespace barrel {

/// The external form of a closure without a module to speak of, around what it holds, which is one term; as
/// all here without the leading 131.
inline Bytes closure(BytesView free_variable, std::uint32_t uniq = 0, const Pid& creator = {"n@h", 1, 2, 3}) {
  Bytes body;
  ByteWriter out(body);
  out.u8(0);
  out.bytes(Bytes(16));
  out.u32(0);
  out.u32(1);
  for (const Term& part : {Term(Atom("m")), Term(0), Term(uniq), Term(creator)}) encode_etf(out, part);
  out.bytes(free_variable);
  Bytes fun;
  ByteWriter whole(fun);
  whole.u8(112);
  whole.u32(static_cast<std::uint32_t>(body.size() + 4));
  whole.bytes(body);
  return fun;
}

/// #{F0 => [], F1 => []} of closures that only their free variables tell apart, F1's being such a map again:
/// whoever reads the closures of a map to compare them, and their maps, does so exponentially often.
inline Bytes closures_as_keys(std::size_t levels) {
  Bytes inner{106};
  for (std::size_t i = 0; i < levels; ++i) {
    Bytes map{116, 0, 0, 0, 2};
    ByteWriter out(map);
    out.bytes(closure(inner));
    out.u8(106);
    out.bytes(closure(Bytes{97, 1}));
    out.u8(106);
    inner = std::move(map);
  }
  return inner;
}

}  // namespace barrel
