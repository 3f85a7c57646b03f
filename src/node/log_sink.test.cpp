#include "node/log_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <thread>
#include <vector>

#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

Metrics metrics;

using ::testing::HasSubstr;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(LogSink, WritesOneLineWithTimeLevelComponentAndFields) {
  const test::TempDir dir;
  const auto sink = make_log_sink({LogLevel::info, dir.path() / "node.log"}, metrics);
  ASSERT_TRUE(sink);
  const Log log(**sink, "auth");
  log.warning("peer refused", {{"peer", "bob@h"}, {"reason", "no key is pinned"}});
  const auto lines = lines_of(dir.path() / "node.log");
  ASSERT_EQ(lines.size(), 1U);
  const std::regex wanted(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning auth: )"
                          R"(peer refused peer=bob@h reason="no key is pinned")");
  EXPECT_TRUE(std::regex_match(lines[0], wanted)) << lines[0];
}

TEST(LogSink, LevelFromTheConfigurationFilters) {
  const test::TempDir dir;
  const auto sink = make_log_sink({LogLevel::warning, dir.path() / "node.log"}, metrics);
  ASSERT_TRUE(sink);
  const Log log(**sink, "node");
  EXPECT_FALSE(log.enabled(LogLevel::info));
  EXPECT_TRUE(log.enabled(LogLevel::error));
  log.debug("no");
  log.info("no");
  log.warning("yes");
  log.error("yes");
  EXPECT_EQ(lines_of(dir.path() / "node.log").size(), 2U);
}

TEST(LogSink, OffWritesNothing) {
  const test::TempDir dir;
  const auto sink = make_log_sink({LogLevel::off, dir.path() / "node.log"}, metrics);
  ASSERT_TRUE(sink);
  Log(**sink, "node").error("no");
  (*sink)->write(LogLevel::off, "node", "no", {});
  EXPECT_TRUE(lines_of(dir.path() / "node.log").empty());
}

TEST(LogSink, AppendsToAnExistingFile) {
  const test::TempDir dir;
  for (int i = 0; i < 2; ++i)
    Log(**make_log_sink({LogLevel::info, dir.path() / "node.log"}, metrics), "node").info("start");
  EXPECT_EQ(lines_of(dir.path() / "node.log").size(), 2U);
}

TEST(LogSink, StandardErrorIsTheDefault) {
  ::testing::internal::CaptureStderr();
  const auto sink = make_log_sink({}, metrics);
  ASSERT_TRUE(sink);
  Log(**sink, "node").info("hello", {{"n", "1"}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("info node: hello n=1\n"));
}

TEST(LogSink, ForeignTextCannotForgeALine) {
  const std::vector<LogField> fields{
      {"a", "x\ny"}, {"b", "\x1b[2J"}, {"c", "say \"hi\" \\"}, {"d", ""}, {"e", "k=v"}};
  EXPECT_EQ(format_log_text("first\nsecond", fields),
            R"(first\nsecond a="x\ny" b=\x1b[2J c="say \"hi\" \\" d="" e="k=v")");
}

TEST(LogSink, FileThatCannotBeOpenedIsAnError) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  const auto sink = make_log_sink({LogLevel::info, dir.path() / "file" / "node.log"}, metrics);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, Errc::io);
  EXPECT_THAT(sink.error().message(), HasSubstr("set log_file"));
}

TEST(LogSink, FullDiskDoesNotThrow) {
  const auto sink = make_log_sink({LogLevel::info, "/dev/full"}, metrics);
  ASSERT_TRUE(sink);
  const Log log(**sink, "node");
  const std::uint64_t before = metrics.counter("log.lines_lost").value();
  for (int i = 0; i < 10; ++i) log.info("lost", {{"n", std::string(10'000, 'x')}});
  EXPECT_GE(metrics.counter("log.lines_lost").value(), before + 10);
}

TEST(LogSink, ThreadsDoNotMixTheirLines) {
  const test::TempDir dir;
  const auto sink = make_log_sink({LogLevel::info, dir.path() / "node.log"}, metrics);
  ASSERT_TRUE(sink);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const Log log(**sink, "node");
        for (int j = 0; j < 100; ++j) log.info("line", {{"text", std::string(100, 'x')}});
      });
    }
  }
  const auto lines = lines_of(dir.path() / "node.log");
  ASSERT_EQ(lines.size(), 400U);
  for (const std::string& line : lines) EXPECT_THAT(line, HasSubstr("Z info node: line text=xxx"));
}

}  // namespace
}  // namespace barrel::node
