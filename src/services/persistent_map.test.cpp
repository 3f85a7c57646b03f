#include "services/persistent_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "barrel/base/random.hpp"

namespace barrel {
namespace {

TEST(PersistentMap, agrees_with_a_plain_map_through_many_changes_and_never_changes_old_versions) {
  Random random(9);
  std::map<Term, int> plain;
  PersistentMap<int> map(3);
  std::vector<std::pair<PersistentMap<int>, std::map<Term, int>>> versions;
  for (int i = 0; i < 20'000; ++i) {
    const Term key(random.between(0, 700));
    if (random.chance(600'000)) {
      map = map.set(key, i);
      plain[key] = i;
    } else {
      map = map.erase(key);
      plain.erase(key);
    }
    if (i % 4'000 == 0) versions.emplace_back(map, plain);
  }
  versions.emplace_back(map, plain);
  for (const auto& [version, expected] : versions) {
    EXPECT_EQ(version.size(), expected.size());
    std::map<Term, int> found;
    version.for_each([&](const Term& key, int value) { found[key] = value; });
    EXPECT_EQ(found, expected);
    for (int k = 0; k < 700; ++k) {
      const int* value = version.find(Term(k));
      EXPECT_EQ(value != nullptr, expected.contains(Term(k)));
    }
  }
}

}  // namespace
}  // namespace barrel
