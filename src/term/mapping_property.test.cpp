#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <unordered_map>

#include "barrel/term/big_int.hpp"
#include "barrel/term/mapping.hpp"
#include "barrel/term/metadata.hpp"
#include "term/random_term.hpp"

namespace barrel {
namespace {

struct Leaf {
  Atom name;
  std::int16_t number = 0;
  bool flag = false;
};
struct Nothing {};
struct Options {
  static constexpr Keys<3> keys{"zeta", "alpha", "mid"};
  int zeta = 0;
  std::optional<std::string> alpha;
  double mid = 0;
};
struct Everything {
  static constexpr std::string_view tag = "all of it";
  std::uint64_t large = 0;
  std::vector<std::int64_t> numbers;
  std::vector<std::variant<std::int64_t, Nothing, std::string>> mixed;
  std::map<std::variant<std::int64_t, double, std::string>, Leaf> by_key;
  std::unordered_map<std::string, std::vector<Leaf>> by_text;
  std::optional<Options> options;
  Result<Charlist> outcome;
  std::pair<Pid, Ref> identifiers;
  std::tuple<Port, SystemTime, Bytes> more;
  Metadata metadata;
  Term anything;
  std::vector<Everything> inner;
};

std::string random_string(Random& random) {
  Bytes bytes(random.below(6));
  random.fill(bytes);
  return std::string(as_text(bytes));
}

std::int64_t random_int(Random& random) {
  return static_cast<std::int64_t>(random.next()) >> random.below(64);
}

Atom random_atom(Random& random) {
  constexpr std::array<const char*, 4> names = {"a", "mapping property", "é", "undefined"};
  return names[random.below(names.size())];
}

double random_real(Random& random) {
  return static_cast<double>(random.between(-1'000, 1'000)) / 8;
}

Leaf random_leaf(Random& random) {
  return {random_atom(random), static_cast<std::int16_t>(random_int(random)), random.chance(500'000)};
}

template <class F>
void times(Random& random, std::uint64_t most, F&& f) {
  for (std::uint64_t i = random.below(most + 1); i > 0; --i) f();
}

void fill_containers(Random& random, Everything& all) {
  const bool bytes_only = random.chance(500'000);
  times(random, 5, [&] { all.numbers.push_back(bytes_only ? random.between(0, 255) : random_int(random)); });
  times(random, 4, [&] {
    switch (random.below(bytes_only ? 1 : 3)) {
      case 0: all.mixed.emplace_back(random.between(0, 300)); break;
      case 1: all.mixed.emplace_back(Nothing{}); break;
      default: all.mixed.emplace_back(random_string(random));
    }
  });
  times(random, 4, [&] {
    switch (random.below(3)) {
      case 0: all.by_key.emplace(random_real(random), random_leaf(random)); break;
      case 1: all.by_key.emplace(random_int(random), random_leaf(random)); break;
      default: all.by_key.emplace(random_string(random), random_leaf(random));
    }
  });
  times(random, 4, [&] { all.by_text[random_string(random)].push_back(random_leaf(random)); });
}

Everything random_everything(Random& random, unsigned depth = 0) {
  Everything all;
  all.large = random.next() >> random.below(64);
  fill_containers(random, all);
  if (random.chance(500'000))
    all.options = Options{static_cast<int>(random.below(1'000)), {}, random_real(random)};
  if (all.options && random.chance(500'000)) all.options->alpha = random_string(random);
  if (random.chance(500'000)) all.outcome = Error{Errc::rejected, random_term(random, {.depth_max = 1})};
  else all.outcome = Charlist{"text ÿλ"};
  const auto word = [&] { return static_cast<std::uint32_t>(random.next()); };
  all.identifiers = {Pid{random_atom(random), word(), word(), word()},
                     Ref{random_atom(random), word(), 3, {word(), word(), word()}}};
  all.more = {
      Port{random_atom(random), random.next(), word()},
      SystemTime(std::chrono::microseconds(random.between(-1'000'000'000'000, 2'000'000'000'000'000))),
      Bytes(random.below(100), 7)};
  all.metadata = {{"load", random_int(random)}, {"from", random_atom(random)}};
  all.anything = random_term(random, {.depth_max = 2});
  if (depth < 2) times(random, 2, [&] { all.inner.push_back(random_everything(random, depth + 1)); });
  return all;
}

template <class T>
void check_agreement(const T& value) {
  const Term term = to_term(value);
  Bytes straight;
  ByteWriter straight_out(straight);
  encode_etf(straight_out, value);
  Bytes by_term;
  ByteWriter by_term_out(by_term);
  encode_etf(by_term_out, term);
  RC_ASSERT(to_hex(straight) == to_hex(by_term));

  const auto from_memory = from_term<T>(term);
  ByteReader in(straight);
  const auto from_bytes = decode_etf_as<T>(in);
  if (!from_memory) RC_FAIL(from_memory.error().message());
  if (!from_bytes) RC_FAIL(from_bytes.error().message());
  RC_ASSERT(in.at_end());
  RC_ASSERT(to_term(*from_memory) == term);
  RC_ASSERT(to_term(*from_bytes) == term);
}

RC_GTEST_PROP(MappingProperty, BothWaysGiveTheSameBytesAndTheSameValues, (std::uint64_t seed)) {
  Random random(seed);
  check_agreement(random_everything(random));
  check_agreement(random_leaf(random));
  check_agreement(Nothing{});
}

/// Reads damaged bytes straight and by a term: what both accept must be the same.
template <class T>
void check_damaged(const Bytes& bytes) {
  ByteReader straight(bytes);
  const auto from_bytes = decode_etf_as<T>(straight);
  ByteReader in(bytes);
  const auto term = decode_etf(in);
  if (!term) return;
  const auto from_memory = from_term<T>(*term);
  if (from_bytes && from_memory) RC_ASSERT(to_term(*from_bytes) == to_term(*from_memory));
  if (from_bytes) RC_ASSERT(from_memory.has_value());
}

RC_GTEST_PROP(MappingProperty, DamagedBytesAreReadTheSameByBothWays, (std::uint64_t seed)) {
  Random random(seed);
  Bytes bytes;
  ByteWriter out(bytes);
  encode_etf(out, random_everything(random, 1));
  for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
    bytes[random.below(bytes.size())] =
        static_cast<std::uint8_t>(random.chance(500'000) ? 97 + random.below(24) : random.next());
  }
  check_damaged<Everything>(bytes);
  check_damaged<std::variant<Leaf, Nothing, Everything, Term>>(bytes);
}

RC_GTEST_PROP(MappingProperty, AnyTermIsReadTheSameByBothWays, (std::uint64_t seed)) {
  Random random(seed);
  const Term term = random_term(random, {.depth_max = 3});
  Bytes bytes;
  ByteWriter out(bytes);
  encode_etf(out, term);
  using Any = std::variant<bool, std::int64_t, std::uint64_t, double, std::map<Term, std::optional<Atom>>,
                           Result<Term>, std::string, std::vector<std::variant<std::string, Atom, Term>>, Pid,
                           Ref, Port, Bytes, Atom>;
  const auto from_memory = from_term<Any>(term);
  ByteReader in(bytes);
  const auto from_bytes = decode_etf_as<Any>(in);
  RC_ASSERT(from_memory.has_value() == from_bytes.has_value());
  if (from_memory) {
    RC_ASSERT(from_memory->index() == from_bytes->index());
    RC_ASSERT(to_term(*from_memory) == to_term(*from_bytes));
  }
}

}  // namespace
}  // namespace barrel
