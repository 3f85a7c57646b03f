// What docs/security.md says of attacks is what happens: each family against a real node among honest ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <map>
#include <string>

#include "hostile/attack.hpp"
#include "hostile/chatter.hpp"
#include "support/sanitized.hpp"

namespace barrel::hostile {

namespace {

/// Descriptors that an attack has cost are closed when it has ended, with the limits that it waited for.
constexpr int descriptor_patience = 500;  // times 20 ms

/// Growth in KiB, which may be negative.
std::int64_t grown(std::size_t before, std::size_t after) {
  return static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before);
}

class HostileTest : public testing::TestWithParam<Family> {
 protected:
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << arena_.transcript();
  }

  void carry_out(const Attack& attack, std::size_t descriptors) {
    SCOPED_TRACE(attack.name);
    const auto before = arena_.counters(attack.counted_by);
    arena_.forget_peak();
    const std::size_t memory_before = arena_.footprint().memory_kib;
    {
      Scene scene(arena_);
      if (!run(attack, scene)) return;
      expect_ending(attack, scene);
      expect_counted(attack, scene, before);
      expect_little_memory(attack, memory_before);
    }
    expect_closed(descriptors);
  }

  /// The others talk all the time.
  bool run(const Attack& attack, Scene& scene) {
    Chatter chatter(arena_.node("bob"), arena_.node("carol"));
    bool is_over = true;
    try {
      attack.run(scene);
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
      is_over = false;
    }
    const Chatter::Outcome chat = chatter.stop();
    EXPECT_EQ(chat.missing, "") << "not heard within " << chat_limit.count() << " ms, after " << chat.words
                                << " words";
    measured(attack, "slowest_word_ms", chat.slowest.count());
    return is_over;
  }

  void expect_ending(const Attack& attack, Scene& scene) {
    EXPECT_TRUE(arena_.chats([&] {
      if (scene.last() != nullptr) scene.last()->run(5ms);
    })) << "the chat of others does not go on";
    Attacker* attacker = scene.last();
    if (attacker == nullptr) return;
    if (attack.ending == Ending::closed) {
      EXPECT_TRUE(attacker->closed_within(8s)) << "the connection should be closed";
    }
    if (attack.ending == Ending::stays) {
      EXPECT_FALSE(attacker->closed_within(20ms)) << "the connection should stay";
    }
  }

  void expect_little_memory(const Attack& attack, std::size_t before) {
    const Footprint after = arena_.footprint();
    const std::int64_t kept = grown(before, after.memory_kib);
    const std::int64_t peak = grown(before, after.peak_kib);
    measured(attack, "kept_kib", kept);
    measured(attack, "peak_kib", peak);
    if (!test::resident_tells) return;
    EXPECT_LE(kept, static_cast<std::int64_t>(attack.memory.kept_mib) * 1024) << "KiB are kept";
    EXPECT_LE(peak, static_cast<std::int64_t>(attack.memory.peak_mib) * 1024) << "KiB were used at once";
  }

  void expect_closed(std::size_t descriptors) {
    for (int i = 0; i < descriptor_patience && arena_.footprint().descriptors > descriptors; ++i)
      (void)arena_.node("carol").prints("never", 20ms);
    EXPECT_LE(arena_.footprint().descriptors, descriptors) << "descriptors stay open";
  }

  static void measured(const Attack& attack, std::string_view what, std::int64_t value) {
    RecordProperty(std::string(attack.name) + "_" + std::string(what), std::to_string(value));
  }

  void expect_counted(const Attack& attack, const Scene& scene, const Arena::Counters& before) {
    std::map<std::string, std::uint64_t> owed = scene.owed();
    const std::uint64_t times = std::max<std::uint64_t>(owed[""], 1);
    owed.erase("");
    if (!attack.counter.empty()) owed[std::string(attack.counter)] += times;
    const auto value = [](const Arena::Counters& counters, const std::string& name) {
      const auto found = counters.find(name);
      return found == counters.end() ? std::uint64_t{0} : found->second;
    };
    for (const auto& [name, least] : owed) {
      std::uint64_t growth = 0;
      // What another node has to hear of first, or a process has to get to, takes a moment.
      for (int i = 0; i < 100; ++i) {
        growth = value(arena_.counters(attack.counted_by), name) - value(before, name);
        if (growth >= least) break;
        (void)arena_.node("carol").prints("never", 20ms);
      }
      measured(attack, name + "_owed", static_cast<std::int64_t>(least));
      measured(attack, name + "_growth", static_cast<std::int64_t>(growth));
      EXPECT_GE(growth, least) << name << " does not count what was refused";
    }
  }

  Arena arena_;
};

TEST_P(HostileTest, EachAttackIsAnsweredAsDocumentedAndOthersDoNotNoticeIt) {
  ASSERT_TRUE(arena_.start(GetParam().over_tcp, GetParam().auth_timeout));
  const std::size_t descriptors = arena_.footprint().descriptors;
  for (const Attack& attack : GetParam().attacks) carry_out(attack, descriptors);
}

INSTANTIATE_TEST_SUITE_P(Families, HostileTest, testing::ValuesIn(families().begin(), families().end()),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace

void PrintTo(const Family& family, std::ostream* out) {
  *out << family.name;
}

}  // namespace barrel::hostile
