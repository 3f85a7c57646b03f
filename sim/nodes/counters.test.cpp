#include "sim/nodes/counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace barrel::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Counters, ALimitThatWasHitIsAnAlarm) {
  EXPECT_THAT(alarms({{"registry.bytes_full", 2}, {"process.forged_signals", 1}}, false),
              ElementsAre("process.forged_signals is 1", "registry.bytes_full is 2"));
}

TEST(Counters, WhatABadNetworkCausesIsNone) {
  EXPECT_THAT(
      alarms({{"registry.bytes_full", 0}, {"auth.failed.timeout", 3}, {"dist.down.silent", 2}}, false),
      IsEmpty());
}

TEST(Counters, AReasonThatNoNetworkCausesIsAnAlarm) {
  EXPECT_THAT(alarms({{"auth.failed.key_mismatch", 1}, {"dist.down.protocol_error", 1}}, false),
              ElementsAre("auth.failed.key_mismatch is 1", "dist.down.protocol_error is 1"));
}

TEST(Counters, DroppedMessagesAreAnAlarmUnlessBudgetsAreSmall) {
  EXPECT_THAT(alarms({{"node.messages_dropped", 1}}, false), ElementsAre("node.messages_dropped is 1"));
  EXPECT_THAT(alarms({{"node.messages_dropped", 1}}, true), IsEmpty());
}

TEST(Counters, AllAreCountersOfANode) {
  // Most appear in a node's metrics only when they count: a name that is none would go unnoticed.
  std::ifstream file(BARREL_SOURCE_DIR "/docs/metrics.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const std::string_view name : silent_counters()) {
    EXPECT_THAT(text.str(), HasSubstr("| `" + std::string(name) + "` | counter |"));
  }
}

}  // namespace
}  // namespace barrel::sim
