#pragma once

#include <optional>
#include <string>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term.hpp"

namespace barrel::detail {

struct FunParts;  // term_node.hpp

/// Reads terms in the external format from a ByteReader and keeps their count and nesting within the limits.
/// The first failure is kept; what is read after it is nothing.
class EtfReader {
 public:
  /// `shared` is null or what `in` reads from, for binaries to share. All must outlive the reader.
  EtfReader(ByteReader& in, const EtfLimits& limits, const SharedBytes* shared = nullptr)
      : in_(in), limits_(limits), shared_(shared) {}

  [[nodiscard]] bool term(Term& out);
  /// A tag that is an atom's, with its text and the term for it.
  [[nodiscard]] bool atom(Term& out);
  /// The header of a tuple, with its tag. Enters the nesting; leave() ends it.
  [[nodiscard]] bool tuple_header(std::size_t& arity);
  /// The header of a list that is not a string; its elements and its tail follow.
  [[nodiscard]] bool list_header(std::size_t& count);
  [[nodiscard]] bool map_header(std::size_t& count);
  /// The header of a string: as many bytes follow, each an element.
  [[nodiscard]] bool string_header(std::size_t& count);
  void leave() { --depth_; }

  /// The tag that comes next, without consuming it; 0 at the end.
  [[nodiscard]] std::uint8_t peek() const { return in_.at_end() ? 0 : in_.rest()[0]; }
  [[nodiscard]] ByteReader& in() const { return in_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  void set_depth(std::uint32_t depth) { depth_ = depth; }
  /// Counts terms that the caller reads itself; false when there are too many.
  [[nodiscard]] bool count_terms(std::size_t count);

  /// Closures that hold closures. A guess far above real ones.
  static constexpr std::uint32_t nested_funs_max = 16;

  /// Each notes the failure and returns false.
  bool fail(const char* what);
  bool exceed(const char* limit);
  [[nodiscard]] bool failed() const { return error_.has_value() || !in_.ok(); }
  /// The failure; also when the input ended too early.
  [[nodiscard]] Error error() const;

 private:
  bool leaf(std::uint8_t tag, Term& out);
  bool identifier(std::uint8_t tag, Term& out);
  bool enter(std::size_t parts);
  bool sized(std::size_t parts);
  bool new_float(Term& out);
  bool old_float(Term& out);
  bool big_integer(std::size_t bytes, Term& out);
  bool binary(std::size_t bytes, Term& out);
  bool bit_binary(Term& out);
  bool tuple(Term& out);
  bool list(Term& out);
  bool is_list_next();
  bool longer_list(std::vector<Term> elements, Term& out);
  bool string(Term& out);
  bool map(Term& out);
  bool reference(std::uint8_t tag, Term& out);
  bool new_fun(Term& out);
  bool fun_parts(std::size_t free_variables, FunParts& parts);
  bool fun_bytes(std::size_t size, SharedBytes& out);
  bool export_fun(Term& out);

  ByteReader& in_;
  const EtfLimits& limits_;
  const SharedBytes* shared_;
  std::uint32_t depth_ = 0;
  std::uint32_t terms_ = 0;
  std::uint32_t funs_ = 0;  // within each other
  // Of the outermost of them, whose bytes those within it share.
  SharedBytes outer_fun_;
  std::size_t outer_fun_start_ = 0;
  std::optional<Error> error_;
};

/// The bytes of a compressed term, whose tag 80 has been read from `in`: the declared size and the zlib
/// stream. Consumes both.
[[nodiscard]] Result<Bytes> inflate_term(ByteReader& in, const EtfLimits& limits);

}  // namespace barrel::detail
