#include "term/cut_text.hpp"

#include <algorithm>
#include <span>

#include "term/characters.hpp"
#include "term/io_format.hpp"

namespace barrel {

namespace {

constexpr std::string_view more = "...";

/// Prints what is cut; what is not is printed as always.
class CutPrinter {
 public:
  CutPrinter(std::string& out, bool raw, NodeName local) : out_(out), local_(local), raw_(raw) {}

  void print(const Term& term, std::int64_t depth) {
    if (depth == 0) {
      out_ += more;
      return;
    }
    switch (term.kind()) {
      case Term::Kind::tuple: return tuple(term, depth);
      case Term::Kind::list: return list(term, depth);
      case Term::Kind::map: return map(term, depth);
      case Term::Kind::binary:
      case Term::Kind::bitstring: return binary(term, depth);
      default: return whole(term);
    }
  }

 private:
  void whole(const Term& term) { out_ += raw_ ? to_raw_string(term, local_) : to_string(term, local_); }

  void tuple(const Term& term, std::int64_t depth) {
    const auto elements = term.elements();
    if (elements.empty()) return whole(term);
    out_ += '{';
    for (const Term& element : elements) {
      if (&element != elements.data()) out_ += ',';
      if (--depth == 0) {
        out_ += more;
        break;
      }
      print(element, depth);
    }
    out_ += '}';
  }

  void list(const Term& term, std::int64_t depth) {
    if (depth == 1) {
      out_ += "[...]";
      return;
    }
    if (!raw_ && is_printable_charlist(term)) return whole(term);
    out_ += '[';
    bool is_cut = false;
    const auto elements = term.elements();
    for (const Term& element : elements) {
      is_cut = --depth == 0;
      if (is_cut) break;
      if (&element != elements.data()) out_ += ',';
      print(element, depth);
    }
    if (!is_cut && !term.tail().is_nil()) {
      is_cut = --depth == 0;
      if (!is_cut) {
        out_ += '|';
        print(term.tail(), depth);
      }
    }
    out_ += is_cut ? "|...]" : "]";
  }

  void map(const Term& term, std::int64_t depth) {
    const auto entries = term.entries();
    if (entries.empty()) return whole(term);
    if (depth == 1) {
      out_ += raw_ ? "#{}" : "#{...}";  // so does Erlang
      return;
    }
    out_ += "#{";
    const std::int64_t inner = depth - 1;
    for (const Term::MapEntry& entry : entries) {
      if (&entry != entries.data()) out_ += ',';
      if (--depth == 0) {
        out_ += more;
        break;
      }
      print(entry.key, inner);
      out_ += " => ";
      print(entry.value, inner);
    }
    // Erlang's ~W, but not ~P, says so too where it has just printed the last one.
    if (raw_ && depth == 1) out_ += ",...";
    out_ += '}';
  }

  void binary(const Term& term, std::int64_t depth) {
    const BytesView bytes = term.bytes();
    if (bytes.empty()) return whole(term);
    if (depth == 1) {
      out_ += "<<...>>";
      return;
    }
    if (!raw_ && term.is_binary() && text(bytes, static_cast<std::size_t>(depth - 1))) return;
    // Numbers, of which one is left out at the most.
    const auto shown = static_cast<std::size_t>(depth - 1);
    if (bytes.size() <= shown) return numbers(term);
    numbers(Term::binary(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(shown))));
    out_.insert(out_.size() - 2, ",...");
  }
  void numbers(const Term& term) { out_ += to_raw_string(term, local_); }

  /// Of text four characters are shown for each level that is left. Text that goes over into something else
  /// is shown as such when there are as many characters of it as levels.
  bool text(BytesView bytes, std::size_t levels) {
    constexpr std::size_t characters_per_level = 4;
    const std::size_t shown =
        levels > bytes.size() ? bytes.size() : std::min(characters_per_level * levels, bytes.size());
    const auto printable = [](std::uint8_t c) { return characters::printable_latin1(c); };
    const auto end =
        std::find_if_not(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(shown), printable);
    const auto length = static_cast<std::size_t>(end - bytes.begin());
    if (length < shown && length < levels) return false;
    out_ += to_string(Term::binary(Bytes(bytes.begin(), end)), local_);
    if (length < bytes.size()) out_.insert(out_.size() - 2, more);
    return true;
  }

  std::string& out_;
  NodeName local_;
  bool raw_;
};

}  // namespace

std::string cut_text(const Term& term, std::int64_t depth, bool raw, NodeName local) {
  if (depth < 0) return raw ? to_raw_string(term, local) : to_string(term, local);
  std::string text;
  CutPrinter(text, raw, local).print(term, depth);
  return text;
}

}  // namespace barrel
