#include "node/over_limit_log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barrel::node {
namespace {

class Lines final : public LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view, std::string_view, std::span<const LogField> fields) override {
    std::string line;
    for (const LogField& field : fields) line += field.value + " ";
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

TEST(OverLimitLog, TellsOfEachPeerAtOnceAndOfTheRestFromTimeToTime) {
  Lines sink;
  OverLimitLog log(Log(sink, "test"));
  const Error why(Errc::limit_exceeded, Atom("depth_max"));
  const Instant start{std::chrono::hours(1)};
  for (int i = 0; i < 100; ++i) log.dropped("a@h", why, start + std::chrono::milliseconds(i));
  log.dropped("b@h", why, start);
  EXPECT_EQ(sink.lines, (std::vector<std::string>{"a@h limit_exceeded: depth_max 1 ",
                                                  "b@h limit_exceeded: depth_max 1 "}));
  log.dropped("a@h", why, start + OverLimitLog::pause);
  ASSERT_EQ(sink.lines.size(), 3U);
  EXPECT_EQ(sink.lines[2], "a@h limit_exceeded: depth_max 100 ");
}

}  // namespace
}  // namespace barrel::node
