#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "dist/control.hpp"

namespace barrel::dist {

/// Reads the control tuple of one envelope. The first thing that is wrong is kept; everything read afterwards
/// is empty, so that a message is read whole and checked once.
class ControlReader {
 public:
  ControlReader(BytesView frame, NodeName self, NodeName peer, const EtfLimits& limits)
      : reader_(frame), self_(self), peer_(peer), limits_(limits) {}

  [[nodiscard]] bool ok() const { return !error_ && reader_.ok(); }
  [[nodiscard]] ByteReader& reader() { return reader_; }
  [[nodiscard]] Error error() {
    return error_ ? std::move(*error_) : Error{Errc::malformed, "a truncated control message"};
  }
  void fail(Errc code, std::string_view what) {
    if (error_) return;
    error_.emplace(code, Term(what));
    reader_.fail();
  }

  Term term() {
    if (!ok()) return {};
    auto decoded = decode_etf(reader_, limits_);
    if (!decoded) {
      if (!error_) error_.emplace(std::move(decoded).error());
      reader_.fail();
      return {};
    }
    return *std::move(decoded);
  }
  void skip_term() {
    const BytesView rest = reader_.rest();
    if (rest.size() >= 2 && rest[0] == 119 && rest[1] == 0) {  // '', which stands where nothing is said
      reader_.skip(2);
    } else {
      (void)term();
    }
  }

  std::uint64_t integer() {
    if (!reader_.rest().empty() && reader_.rest()[0] == 97) {
      reader_.skip(1);
      return reader_.u8();
    }
    const auto value = term().as_uint64();
    if (!value) fail(Errc::malformed, "no unsigned integer where one belongs");
    return value.value_or(0);
  }

  /// `{...}` of `arity` elements, of which the first, the operation, is read too.
  std::uint8_t operation(std::uint8_t& arity) {
    if (reader_.u8() != 104) fail(Errc::malformed, "the control message is no tuple");
    arity = reader_.u8();
    if (reader_.u8() != 97) fail(Errc::malformed, "the control message has no operation");
    return reader_.u8();
  }

  Pid pid() {
    if (const auto known = known_pid()) return *known;
    return interned(&Term::as_pid, Term::Kind::pid, "no pid where one belongs");
  }

  /// A pid that can be done without: Pid{} when the peer's quota has no atom for its node.
  Pid dispensable_pid() {
    if (const auto known = known_pid()) return *known;
    const Term value = term();
    if (ok() && !value.is_pid()) fail(Errc::malformed, "no pid where one belongs");
    return value.as_pid().value_or(Pid{});
  }

  /// The sender of a message, who may be no process at all (a port): then Pid{}.
  Pid sender() {
    const BytesView rest = reader_.rest();
    if (!rest.empty() && rest[0] != 88 && rest[0] != 103) {
      skip_term();
      return {};
    }
    return own_pid();
  }

  /// A pid that must be of the peer's node.
  Pid own_pid() {
    const Pid from = pid();
    if (ok() && from.node_atom != peer_.atom()) {
      fail(Errc::protocol_violation, "a message in the name of a process of another node");
    }
    return from;
  }

  Ref ref() {
    if (!reader_.rest().empty() && reader_.rest()[0] == 90) {
      const std::size_t start = reader_.position();
      reader_.skip(1);
      const std::uint16_t words = reader_.u16();
      if (words == 0 || words > Ref::words_max) {
        fail(Errc::malformed, "a reference of an impossible length");
        return {};
      }
      if (const auto node = known_atom(false)) {
        Ref ref;
        ref.node_atom = *node;
        ref.creation = reader_.u32();
        ref.word_count = words;
        for (std::uint32_t i = 0; i < words; ++i) ref.words[i] = reader_.u32();
        return ref;
      }
      reader_.rewind(start);
    }
    return interned(&Term::as_ref, Term::Kind::reference, "no reference where one belongs");
  }

  /// A registered name that may be unknown here: then nobody can have it, and it is ''.
  Atom name() {
    if (const auto atom = known_atom(true)) return *atom;
    const Term text = term();
    if (ok() && !text.is_atom()) fail(Errc::malformed, "no name where one belongs");
    return Atom::find(text.atom_text()).value_or(Atom());
  }

  /// A process, or a name: as the term that it is when there is no atom for it here, since it has to be sent
  /// back.
  std::variant<Pid, Atom, Term> target() {
    if (starts_with_pid()) {
      if (const auto known = known_pid()) return *known;
      Term value = term();
      if (const auto pid = value.as_pid()) return *pid;
      return value;
    }
    if (const auto atom = known_atom(true)) return *atom;
    Term text = term();
    if (ok() && !text.is_atom()) fail(Errc::malformed, "neither pid nor name where one of them belongs");
    if (const auto known = text.is_atom() ? Atom::find(text.atom_text()) : std::nullopt) return *known;
    return text;
  }
  /// A name that is unknown here is '': then nobody here can have monitored it.
  Target own_target() {
    if (starts_with_pid()) return own_pid();
    return name();
  }

 private:
  /// The pid at the reader's place, of a node that the program knows: nearly always. Otherwise nothing is
  /// consumed.
  std::optional<Pid> known_pid() {
    if (reader_.rest().empty() || reader_.rest()[0] != 88) return std::nullopt;
    const std::size_t start = reader_.position();
    reader_.skip(1);
    const auto node = known_atom(false);
    if (!node) {
      reader_.rewind(start);
      return std::nullopt;
    }
    Pid pid;
    pid.node_atom = *node;
    pid.id = reader_.u32();
    pid.serial = reader_.u32();
    pid.creation = reader_.u32();
    return pid;
  }

  [[nodiscard]] bool starts_with_pid() const {
    const BytesView rest = reader_.rest();
    return !rest.empty() && (rest[0] == 88 || rest[0] == 103);
  }

  /// The atom at the reader's place, when it is a short UTF-8 one that the program knows: nearly always.
  /// Otherwise nothing is consumed. `any`: other names than of the two nodes are worth the look-up too.
  std::optional<Atom> known_atom(bool any) {
    const BytesView rest = reader_.rest();
    if (rest.size() < 2 || rest[0] != 119 || rest.size() < 2U + rest[1]) return std::nullopt;
    const std::string_view text = as_text(rest.subspan(2, rest[1]));
    std::optional<Atom> atom;
    if (!any && text == peer_.text()) {
      atom = peer_.atom();
    } else if (!any && text == self_.text()) {
      atom = self_.atom();
    } else {
      atom = Atom::find(text);
    }
    if (atom) reader_.skip(2 + text.size());
    return atom;
  }

  /// The slow way: through a Term, which charges the peer's quota for an atom that is new.
  template <class T>
  T interned(std::optional<T> (Term::*convert)() const, Term::Kind kind, std::string_view what) {
    const Term value = term();
    if (!ok()) return {};
    if (value.kind() != kind) {
      fail(Errc::malformed, what);
      return {};
    }
    auto converted = (value.*convert)();
    if (!converted) fail(Errc::limit_exceeded, "the peer's atom quota is used up");
    return converted.value_or(T{});
  }

  ByteReader reader_;
  NodeName self_;
  NodeName peer_;
  const EtfLimits& limits_;
  std::optional<Error> error_;
};

}  // namespace barrel::dist
