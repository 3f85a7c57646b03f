#include "node/kernel_processes.hpp"

#include <gtest/gtest.h>

#include "process/test_runtime.hpp"

namespace barrel::node {
namespace {

struct Stop {
  static constexpr std::string_view tag = "stop";
};

Task<> filler(Self self) {
  co_await self.receive<Stop>();
}

TEST(KernelProcesses, WhatCannotBeStartedIsTriedUntilThereIsRoom) {
  RuntimeConfig config = test::TestRuntime::with(RuntimeConfig::deterministic);
  config.processes_max = 16;
  test::TestRuntime runtime(config);
  const auto output = std::make_shared<const Output>();
  std::vector<Pid> fillers;
  for (int i = 0; i < 13; ++i) fillers.push_back(runtime->spawn(&filler));
  start_kernel_processes(*runtime, output);  // there is room for its keeper and two of them
  const auto pass = [&](Duration time) {
    const Instant end = runtime.manual_clock().now() + time;
    runtime.settle([&] { return runtime.manual_clock().now() >= end; });
  };
  pass(std::chrono::milliseconds(10'500));
  EXPECT_TRUE(runtime->whereis("user"));
  EXPECT_FALSE(runtime->whereis("net_kernel"));
  EXPECT_EQ(runtime.counter("node.kernel_starts_failed"), 24U) << "two of them, once a second";
  EXPECT_TRUE(runtime.log().contain("process=net_kernel"));

  ASSERT_TRUE(runtime->send(fillers.front(), Stop{}));
  pass(std::chrono::seconds(2));
  EXPECT_TRUE(runtime->whereis("net_kernel"));
  EXPECT_TRUE(runtime.log().contain("started again"));
}

TEST(KernelProcesses, WhatEndsIsStartedAgain) {
  test::TestRuntime runtime(RuntimeConfig::deterministic);
  const auto output = std::make_shared<const Output>();
  start_kernel_processes(*runtime, output);
  runtime->run_until_idle();
  for (const char* name : {"user", "rex", "net_kernel"}) {
    const Pid first = *runtime->whereis(name);
    runtime->exit(first, kill());
    runtime->run_until_idle();
    ASSERT_TRUE(runtime->whereis(name)) << name;
    EXPECT_NE(*runtime->whereis(name), first) << name;
  }
  EXPECT_EQ(runtime.counter("node.kernel_starts_failed"), 0U);
}

}  // namespace
}  // namespace barrel::node
