#include <algorithm>

#include "barrel/term/mapping.hpp"
#include "term/term_node.hpp"
#include "term/utf8.hpp"

namespace barrel::detail {
namespace {

/// Builds a Term.
class TermSink final : public Sink {
 public:
  void integer(std::int64_t value) override { parts_.emplace_back(value); }
  void unsigned_integer(std::uint64_t value) override { parts_.emplace_back(value); }
  void real(double value) override { parts_.emplace_back(value); }
  void atom(Atom value) override { parts_.emplace_back(value); }
  void own_atom(std::string_view text) override { parts_.emplace_back(Atom(text)); }
  void binary(BytesView bytes) override { parts_.push_back(Term::binary(bytes)); }
  void binary(const SharedBytes& bytes) override { parts_.push_back(Term::binary(bytes)); }
  void charlist(std::string_view utf8) override { parts_.push_back(Term::charlist(utf8)); }
  void pid(const Pid& value) override { parts_.emplace_back(value); }
  void reference(const Ref& value) override { parts_.emplace_back(value); }
  void port(const Port& value) override { parts_.emplace_back(value); }
  void term(const Term& value) override { parts_.push_back(value); }
  void begin_tuple(std::size_t arity) override { begin(Form::tuple, arity); }
  void begin_list(std::size_t count) override { begin(Form::list, count); }
  void begin_map(std::size_t count) override { begin(Form::map, count * 2); }
  void end() override;

  [[nodiscard]] Term take() { return std::move(parts_.back()); }

 private:
  struct Open {
    Form form;
    std::size_t first;
  };

  void begin(Form form, std::size_t parts) {
    open_.push_back({form, parts_.size()});
    parts_.reserve(parts_.size() + std::min(parts, reserve_max) + 1);
  }

  std::vector<Term> parts_;
  std::vector<Open> open_;
};

void TermSink::end() {
  const Open closing = open_.back();
  open_.pop_back();
  const auto first = parts_.begin() + static_cast<std::ptrdiff_t>(closing.first);
  const std::size_t count = parts_.size() - closing.first;
  Term made;
  if (closing.form != Form::list || count != 0) {
    TermNode* node = make_slots(closing.form, count + (closing.form == Form::list ? 1 : 0));
    std::move(first, parts_.end(), slots_of(*node));
    BARREL_ASSERT(settle_depth(*node));
    const auto kind = closing.form == Form::tuple ? Term::Kind::tuple
                      : closing.form == Form::map ? Term::Kind::map
                                                  : Term::Kind::list;
    made = TermAccess::adopt(node, kind);
  }
  parts_.erase(first, parts_.end());
  parts_.push_back(std::move(made));
}

/// Walks a Term: a pointer to the next one of a row of terms.
class TermSource final : public Source {
 public:
  explicit TermSource(const Term& term) : next_(&term) {}

  bool integer(std::int64_t& value) override {
    return take(next_->as_int64(), value, "an integer of 64 bits");
  }
  bool unsigned_integer(std::uint64_t& value) override {
    return take(next_->as_uint64(), value, "a positive integer of 64 bits");
  }
  bool real(double& value) override {
    if (!next_->is_integer()) return take(next_->as_real(), value, "a float");
    return take(next_->as_big_int()->to_double(), value, "an integer in the range of a float");
  }
  bool atom(Atom& value) override {
    return take(next_->as_atom(), value, next_->is_atom() ? "an atom within the quota" : "an atom");
  }
  bool accept_atom(std::string_view text) override {
    if (!next_->is_atom(text)) return false;
    ++next_;
    return true;
  }
  bool binary(Bytes& bytes) override {
    if (!next_->is_binary()) return fail("a binary");
    const BytesView content = next_++->bytes();
    bytes.assign(content.begin(), content.end());
    return true;
  }
  bool text(std::string& text) override;
  bool pid(Pid& value) override { return take(next_->as_pid(), value, "a pid"); }
  bool reference(Ref& value) override { return take(next_->as_ref(), value, "a reference"); }
  bool port(Port& value) override { return take(next_->as_port(), value, "a port"); }
  bool term(Term& value) override {
    value = *next_++;
    return true;
  }
  bool enter_tuple(std::size_t arity, Mark& outer) override {
    if (!next_->is_tuple(arity)) return fail("a tuple of the right size");
    return enter(next_->elements().data(), outer);
  }
  bool enter_list(std::size_t& count, Mark& outer) override {
    if (!next_->is_proper_list()) return fail("a proper list");
    count = next_->elements().size();
    return enter(next_->elements().data(), outer);
  }
  bool enter_map(std::size_t& count, Mark& outer) override {
    if (!next_->is_map()) return fail("a map");
    count = next_->entries().size();
    // Keys and values lie in one row of terms.
    return enter(slots_of(TermAccess::node(*next_)), outer);
  }
  bool leave(const Mark& outer) override {
    next_ = static_cast<const Term*>(outer.at);
    return true;
  }
  [[nodiscard]] Mark mark() const override { return {.at = next_}; }

 protected:
  void go_to(const Mark& mark) override { next_ = static_cast<const Term*>(mark.at); }

 private:
  bool enter(const Term* parts, Mark& outer) {
    outer.at = next_ + 1;
    next_ = parts;
    return true;
  }

  template <class T>
  bool take(std::optional<T> found, T& value, const char* expected) {
    if (!found) return fail(expected);
    value = *found;
    ++next_;
    return true;
  }

  const Term* next_;
};

bool TermSource::text(std::string& text) {
  text.clear();
  if (const auto binary = next_->as_text()) {
    text = *binary;
  } else if (next_->is_proper_list()) {
    for (const Term& element : next_->elements()) {
      const auto code = element.as_int64();
      if (!code || !utf8::is_scalar(*code)) return fail("text");
      utf8::append(text, static_cast<char32_t>(*code));
    }
  } else {
    return fail("text");
  }
  ++next_;
  return true;
}

}  // namespace

Term build_term(WriteFunction write, const void* value) {
  TermSink sink;
  write(sink, value);
  return sink.take();
}

Result<void> read_term(const Term& term, ReadFunction read, void* value) {
  TermSource source(term);
  if (!read(source, value)) return source.failure();
  return {};
}

}  // namespace barrel::detail
