// What docs/security.md says of attacks is what happens: each family against a real node among honest ones.
#include <gtest/gtest.h>

#include <exception>

#include "hostile/attack.hpp"

namespace barrel::hostile {

namespace {

/// How much a family of attacks may leave the victim with beyond what it had before: what the limits let a
/// peer keep, a second copy of it while it is dealt with, and what the allocator does not give back.
constexpr std::size_t memory_growth_max = std::size_t{160} << 20;
/// Files are opened for a moment to look up pins and addresses.
constexpr std::size_t descriptor_growth_max = 4;

class HostileTest : public testing::TestWithParam<Family> {
 protected:
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << arena_.transcript();
  }

  void carry_out(const Attack& attack) {
    SCOPED_TRACE(attack.name);
    const auto before = arena_.counters(attack.counted_by);
    Scene scene(arena_);
    try {
      attack.run(scene);
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
      return;
    }
    EXPECT_TRUE(arena_.chats([&] {
      if (scene.last() != nullptr) scene.last()->run(5ms);
    })) << "the chat of others does not go on";
    if (Attacker* attacker = scene.last()) {
      if (attack.ending == Ending::closed) {
        EXPECT_TRUE(attacker->closed_within(8s)) << "the connection should be closed";
      }
      if (attack.ending == Ending::stays) {
        EXPECT_FALSE(attacker->closed_within(20ms)) << "the connection should stay";
      }
    }
    expect_counted(attack, before);
  }

  void expect_counted(const Attack& attack, const Arena::Counters& before) {
    if (attack.counter.empty()) return;
    const auto value = [&](const Arena::Counters& counters) {
      const auto found = counters.find(std::string(attack.counter));
      return found == counters.end() ? std::uint64_t{0} : found->second;
    };
    // What another node has to hear of first takes a moment.
    for (int i = 0; i < 100; ++i) {
      if (value(arena_.counters(attack.counted_by)) > value(before)) return;
      (void)arena_.node("carol").prints("never", 20ms);
    }
    ADD_FAILURE() << attack.counter << " does not grow";
  }

  Arena arena_;
};

TEST_P(HostileTest, EachAttackIsAnsweredAsDocumentedAndOthersDoNotNoticeIt) {
  ASSERT_TRUE(arena_.start(GetParam().over_tcp));
  const Footprint before = arena_.footprint();
  for (const Attack& attack : GetParam().attacks) carry_out(attack);
  const Footprint after = arena_.footprint();
  RecordProperty("memory_growth_kib", static_cast<int>((static_cast<std::int64_t>(after.memory_bytes) -
                                                        static_cast<std::int64_t>(before.memory_bytes)) /
                                                       1024));
  EXPECT_LE(after.memory_bytes, before.memory_bytes + memory_growth_max);
  EXPECT_LE(after.descriptors, before.descriptors + descriptor_growth_max);
}

INSTANTIATE_TEST_SUITE_P(Families, HostileTest, testing::ValuesIn(families().begin(), families().end()),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace

void PrintTo(const Family& family, std::ostream* out) {
  *out << family.name;
}

}  // namespace barrel::hostile
