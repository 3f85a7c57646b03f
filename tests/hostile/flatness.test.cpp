// What attacks cost is given back: however often they are repeated, the victim holds no more than before.
#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "hostile/attack.hpp"
#include "hostile/families.hpp"
#include "support/sanitized.hpp"

namespace barrel::hostile {

namespace {

/// The first rounds fill caches and pools, and spread what stays over the heap.
constexpr std::size_t warm_up_rounds = 3;
constexpr std::size_t rounds = 5;

/// Strangers are gone, and descriptors closed, when the limits that the attack waited for are over.
constexpr int patience = 500;  // times 20 ms

struct Repeated {
  const Family* family;
  /// What the rounds after the first ones may add to what is held, in KiB: twice what was seen.
  std::int64_t growth_kib_max;
  /// Those that take long, need a victim that they have not met, or leave what runs or is owed for a while.
  std::vector<std::string_view> but;
};
void PrintTo(const Repeated& repeated, std::ostream* out) {
  *out << repeated.family->name;
}

class FlatnessTest : public testing::TestWithParam<Repeated> {
 protected:
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << arena_.transcript();
  }

  /// All attacks, each until the attacker has gone. What the victim holds then, in KiB.
  std::int64_t round(std::size_t descriptors) {
    for (const Attack& attack : GetParam().family->attacks) {
      if (std::ranges::find(GetParam().but, attack.name) != GetParam().but.end()) continue;
      SCOPED_TRACE(attack.name);
      Scene scene(arena_);
      try {
        attack.run(scene);
      } catch (const std::exception& failed) {
        ADD_FAILURE() << failed.what();
      }
    }
    const auto have_gone = [&] {
      return arena_.footprint().descriptors <= descriptors && arena_.counters()["auth.pending"] == 0;
    };
    for (int i = 0; i < patience && !have_gone(); ++i) (void)arena_.node("carol").prints("never", 20ms);
    EXPECT_LE(arena_.footprint().descriptors, descriptors) << "descriptors stay open";
    EXPECT_EQ(arena_.counters()["auth.pending"], 0U) << "strangers are still there";
    EXPECT_TRUE(arena_.chats());
    return static_cast<std::int64_t>(arena_.footprint().memory_kib);
  }

  Arena arena_;
};

TEST_P(FlatnessTest, RepeatedAttacksLeaveNoMoreThanTheFirstOnes) {
  arena_.give_memory_back();
  const Family& family = *GetParam().family;
  ASSERT_TRUE(arena_.start(family.over_tcp, family.auth_timeout));
  const std::size_t descriptors = arena_.footprint().descriptors;
  std::int64_t warm = 0;
  std::int64_t kept = 0;
  for (std::size_t i = 1; i <= rounds && !HasFailure(); ++i) {
    kept = round(descriptors);
    RecordProperty("round_" + std::to_string(i) + "_kib", std::to_string(kept));
    if (i <= warm_up_rounds) warm = kept;
  }
  if (test::resident_tells) {
    EXPECT_LE(kept - warm, GetParam().growth_kib_max) << "KiB more than after the first rounds";
  }
}

const Repeated all[] = {
    {&strangers, 1'024, {"SilentConnections", "OtherVersions"}},
    // Of 2,048 connections: less than 2 KiB each.
    {&unauthenticated, 3'072, {}},
    {&handshakes, 512, {"SlowHello", "StopsHalfWay", "EarlyMessages"}},
    {&envelopes, 1'024, {}},
    {&fragments, 1'024, {}},
    {&payloads, 1'024, {"CompressedBomb", "EndlessAtoms"}},
    {&streams, 1'024, {"SlowDrip"}},
    {&calls_family, 4'608, {}},
    {&bombs, 1'024, {"KeptArguments"}},
    {&mutations, 1'536, {}},
    {&impostors, 1'024, {}},
    {&floods, 1'536, {"Prunes", "Names"}},
    {&quotas, 1'024, {"InventedOwners", "InventedBeacon"}},
    {&handshake_mutants, 512, {}},
    {&silence, 512, {}},
    {&servers, 512, {}},
    {&tcp_strangers, 512, {}},
    {&tcp_nodes, 1'536, {"Spawns", "Calls"}},
    {&unread_family, 512, {}},
};

INSTANTIATE_TEST_SUITE_P(Families, FlatnessTest, testing::ValuesIn(all),
                         [](const auto& repeated) { return std::string(repeated.param.family->name); });

}  // namespace

}  // namespace barrel::hostile
