#include "barrel/term/mapping.hpp"

#include <algorithm>

#include "term/term_node.hpp"

namespace barrel::detail {

Error Source::failure() const {
  if (!refusal_.empty()) return refusal_.front();
  std::string words = std::string("expected ") + (expected_ != nullptr ? expected_ : "another term");
  if (!type_.empty()) words.append(" in ").append(type_);
  return Error{Errc::malformed, words};
}

void sort_pending(std::vector<PendingEntry>& entries) {
  const auto not_rising = [](const PendingEntry& a, const PendingEntry& b) {
    return key_order(a.key, b.key) >= 0;
  };
  if (std::ranges::adjacent_find(entries, not_rising) == entries.end()) return;
  std::vector<PendingEntry> sorted;
  sorted.reserve(entries.size());
  for (PendingEntry* entry : sorted_by_key(std::span(entries), &PendingEntry::key))
    sorted.push_back(std::move(*entry));
  entries = std::move(sorted);
}

bool has_duplicate(std::vector<Term> keys) {
  std::ranges::sort(keys);
  return std::ranges::adjacent_find(keys) != keys.end();
}

namespace {

constexpr std::int64_t million = 1'000'000;

}  // namespace

void Codec<SharedBytes>::write(Sink& sink, const SharedBytes& value) {
  sink.binary(value);
}
bool Codec<SharedBytes>::read(Source& source, SharedBytes& value) {
  Term term;
  if (!source.term(term)) return false;
  if (!term.is_binary()) return source.fail("a binary");
  value = term.shared_bytes();
  return true;
}

void Codec<SystemTime>::write(Sink& sink, SystemTime value) {
  using std::chrono::seconds;
  const auto since = value.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since);
  std::int64_t mega = whole.count() / million;
  if (whole.count() % million < 0) --mega;
  sink.begin_tuple(3);
  sink.integer(mega);
  sink.integer(whole.count() - mega * million);
  sink.integer((since - whole).count());
  sink.end();
}

bool Codec<SystemTime>::read(Source& source, SystemTime& value) {
  // What microseconds in 64 bits can hold.
  constexpr std::int64_t mega_max = 9'000'000;
  Source::Mark outer;
  std::int64_t mega = 0;
  std::int64_t seconds = 0;
  std::int64_t micros = 0;
  const bool read_all = source.enter_tuple(3, outer) && source.integer(mega) && source.integer(seconds) &&
                        source.integer(micros) && source.leave(outer);
  if (!read_all) return false;
  if (mega < -mega_max || mega > mega_max || seconds < 0 || seconds >= million || micros < 0 ||
      micros >= million) {
    return source.fail("{MegaSecs, Secs, MicroSecs}");
  }
  value = SystemTime(std::chrono::microseconds((mega * million + seconds) * million + micros));
  return true;
}

bool read_error(Source& source, const Source::Mark& start, Term& reason) {
  Source::Mark outer;
  if (source.enter_tuple(2, outer) && source.accept_atom("error") && source.term(reason) &&
      source.leave(outer)) {
    return true;
  }
  source.rewind(start);
  return false;
}

void Codec<Result<void>>::write(Sink& sink, const Result<void>& value) {
  if (value) return sink.own_atom("ok");
  sink.begin_tuple(2);
  sink.own_atom("error");
  sink.term(value.error().reason);
  sink.end();
}

bool Codec<Result<void>>::read(Source& source, Result<void>& value) {
  const Source::Mark start = source.mark();
  Term reason;
  if (source.accept_atom("ok")) value = Result<void>();
  else if (read_error(source, start, reason)) value = Error{Errc::rejected, std::move(reason)};
  else return source.fail("ok or {error, Reason}");
  return true;
}

}  // namespace barrel::detail
