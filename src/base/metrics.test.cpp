#include "barrel/base/metrics.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "barrel/base/log.hpp"

namespace barrel {
namespace {

TEST(Metrics, ACounterIsMadeOnFirstUseAndKeepsItsPlace) {
  Metrics metrics;
  Counter& dropped = metrics.counter("quic.packets_dropped");
  for (int i = 0; i < 100; ++i) (void)metrics.counter("other." + std::to_string(i));
  dropped.add();
  dropped.add(4);
  EXPECT_EQ(&metrics.counter("quic.packets_dropped"), &dropped);
  EXPECT_EQ(metrics.snapshot().at("quic.packets_dropped"), 5U);
  EXPECT_EQ(metrics.snapshot().size(), 101U);
}

TEST(Metrics, AGaugeGoesUpAndDown) {
  Metrics metrics;
  Gauge& open = metrics.gauge("quic.connections");
  open.add(3);
  open.subtract();
  EXPECT_EQ(metrics.snapshot().at("quic.connections"), 2U);
  open.set(7);
  EXPECT_EQ(open.value(), 7U);
}

TEST(Metrics, AHistogramTellsCountSumAndPercentiles) {
  Metrics metrics;
  Histogram& took = metrics.histogram("took_ms");
  EXPECT_EQ(took.percentile(50), 0U);
  for (int i = 0; i < 98; ++i) took.record(3);
  took.record(400);
  took.record(400);
  EXPECT_EQ(took.at_most(2), 98U);
  auto values = metrics.snapshot();
  EXPECT_EQ(values.at("took_ms.count"), 100U);
  EXPECT_EQ(values.at("took_ms.sum"), 98U * 3 + 800);
  EXPECT_EQ(values.at("took_ms.p50"), 5U) << "the bound that is not exceeded";
  EXPECT_EQ(values.at("took_ms.p99"), 500U);
  for (int i = 0; i < 100; ++i) took.record(1'000'000);
  EXPECT_GT(took.percentile(99), Histogram::bounds.back());
}

TEST(MetricsDeathTest, ANameHasOneKind) {
  Metrics metrics;
  (void)metrics.counter("a");
  EXPECT_DEATH((void)metrics.gauge("a"), "");
}

TEST(Metrics, CountsFromManyThreads) {
  Metrics metrics;
  {
    std::vector<std::jthread> running;
    for (int t = 0; t < 4; ++t) {
      running.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) metrics.counter("shared").add();
      });
    }
  }
  EXPECT_EQ(metrics.snapshot().at("shared"), 40'000U);
}

class Recorder : public LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= LogLevel::info; }
  void write(LogLevel, std::string_view component, std::string_view text,
             std::span<const LogField> fields) override {
    std::string line = std::string(component) + ": " + std::string(text);
    for (const LogField& field : fields) line.append(" ").append(field.key).append("=").append(field.value);
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

TEST(Log, WritesWhatIsEnabledUnderItsComponentsName) {
  Recorder recorder;
  const Log log(recorder, "quic");
  log.debug("not seen");
  log.info("connected", {{"node", "n1@h"}, {"port", "4433"}});
  log.named("dist").error("broken");
  EXPECT_EQ(recorder.lines,
            (std::vector<std::string>{"quic: connected node=n1@h port=4433", "dist: broken"}));
  EXPECT_FALSE(Log().enabled(LogLevel::error));
  Log().error("dropped");
}

}  // namespace
}  // namespace barrel
