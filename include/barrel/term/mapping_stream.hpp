#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"
#include "barrel/term/term.hpp"

#pragma GCC visibility push(default)  // exported by the shared library

/// Where the mapping of C++ types (mapping.hpp) writes to and reads from: one Sink builds a Term, the other
/// one writes the external form; one Source walks a Term, the other one the external form. Every type is
/// mapped by one piece of code, so that both ways agree.
namespace barrel::detail {

/// Takes one term, depth first. A tuple, list or map is begun with its size, then come its parts (of a map:
/// keys in the order of Erlang's map keys, each with its value), then end().
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void integer(std::int64_t value) = 0;
  virtual void unsigned_integer(std::uint64_t value) = 0;
  virtual void real(double value) = 0;
  virtual void atom(Atom value) = 0;
  /// An atom of this program's own, by its text.
  virtual void own_atom(std::string_view text) = 0;
  virtual void binary(BytesView bytes) = 0;
  virtual void binary(const SharedBytes& bytes) = 0;
  virtual void charlist(std::string_view utf8) = 0;
  virtual void pid(const Pid& value) = 0;
  virtual void reference(const Ref& value) = 0;
  virtual void port(const Port& value) = 0;
  virtual void term(const Term& value) = 0;
  virtual void begin_tuple(std::size_t arity) = 0;
  virtual void begin_list(std::size_t count) = 0;
  virtual void begin_map(std::size_t count) = 0;
  virtual void end() = 0;
};

/// Gives one term after the other. A read that does not find what it asks for returns false and leaves the
/// place undefined: the caller gives up or rewinds to a mark. What was wrong first is kept for finish().
class Source {
 public:
  /// A place to go back to, or the surroundings to return to from inside a tuple, list or map.
  struct Mark {
    const void* at = nullptr;
    std::size_t offset = 0;
    std::uint32_t depth = 0;
    bool in_string = false;
  };

  virtual ~Source() = default;
  virtual bool integer(std::int64_t& value) = 0;
  virtual bool unsigned_integer(std::uint64_t& value) = 0;
  /// A float, or the float nearest to an integer.
  virtual bool real(double& value) = 0;
  virtual bool atom(Atom& value) = 0;
  /// Consumes the atom of that text; returns false without moving or failing when something else stands
  /// there.
  virtual bool accept_atom(std::string_view text) = 0;
  virtual bool binary(Bytes& bytes) = 0;
  /// A binary, or a charlist as UTF-8.
  virtual bool text(std::string& text) = 0;
  virtual bool pid(Pid& value) = 0;
  virtual bool reference(Ref& value) = 0;
  virtual bool port(Port& value) = 0;
  virtual bool term(Term& value) = 0;
  /// Enter puts the place to leave() to in `outer`. A list must be proper.
  virtual bool enter_tuple(std::size_t arity, Mark& outer) = 0;
  virtual bool enter_list(std::size_t& count, Mark& outer) = 0;
  virtual bool enter_map(std::size_t& count, Mark& outer) = 0;
  /// After all parts have been read.
  virtual bool leave(const Mark& outer) = 0;
  [[nodiscard]] virtual Mark mark() const = 0;
  /// Goes back and forgets what failed since.
  void rewind(const Mark& mark) {
    expected_ = nullptr;
    type_ = {};
    refusal_.clear();
    go_to(mark);
  }

  /// Notes that `expected` (a literal) was not there; the first note wins. Returns false.
  bool fail(const char* expected) {
    if (expected_ == nullptr && refusal_.empty()) expected_ = expected;
    return false;
  }
  /// The same with the error of a from_term written by hand.
  bool fail(Error error) {
    if (expected_ == nullptr && refusal_.empty()) refusal_.push_back(std::move(error));
    return false;
  }
  /// Names the type in whose field the failure was; the innermost wins. Returns false.
  bool fail_in(std::string_view type) {
    if (type_.empty()) type_ = type;
    return false;
  }
  /// What went wrong: malformed with the reason in words, or the limit that was hit.
  [[nodiscard]] virtual Error failure() const;

 protected:
  virtual void go_to(const Mark& mark) = 0;

 private:
  const char* expected_ = nullptr;
  std::string_view type_;
  std::vector<Error> refusal_;
};

/// Elements to reserve room for at most, whatever count a peer declares.
inline constexpr std::size_t reserve_max = 1024;

/// A map's entry that waits to be written: its key as a term and its place in the container.
struct PendingEntry {
  Term key;
  const void* value;
};
/// Puts them in the order of Erlang's map keys; the last of equal keys is kept.
void sort_pending(std::vector<PendingEntry>& entries);

/// True when two of the keys are equal.
[[nodiscard]] bool has_duplicate(std::vector<Term> keys);

}  // namespace barrel::detail
#pragma GCC visibility pop
