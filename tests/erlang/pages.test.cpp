// The pages for users of Erlang and Elixir, followed as they are: every command runs, and what is shown
// appears.

#include <gmock/gmock.h>

#include <fstream>

#include "erlang/page.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;

TEST(Pages, ErlangIsAsShown) {
  EXPECT_EQ(PageRun().follow("docs/erlang.md"), "");
}

TEST(Pages, ElixirIsAsShown) {
  ASSERT_TRUE(in_path("iex")) << "this test needs Elixir: scripts/setup --test, or put iex into PATH";
  EXPECT_EQ(PageRun().follow("docs/elixir.md"), "");
}

class WrongPage : public testing::Test {
 protected:
  [[nodiscard]] std::string follow(const std::string& text) const {
    const auto path = directory_.path() / "page.md";
    std::ofstream(path) << text;
    return PageRun(2s).follow(path);
  }
  TempDir directory_;
};

const std::string shell = "<!-- start: e -->\n```sh\nerl -name page@127.0.0.1\n```\n";

TEST_F(WrongPage, AnotherAnswerIsNoticed) {
  EXPECT_EQ(follow(shell + "<!-- in: e -->\n```\n(page@127.0.0.1)1> 1 + 1.\n2\n```\n"), "");
  EXPECT_THAT(follow(shell + "<!-- in: e -->\n```\n(page@127.0.0.1)1> 1 + 1.\n3\n```\n"),
              HasSubstr("page.md:6: e does not show"));
}

TEST_F(WrongPage, WhatIsNotShownIsNoticedWithTheNextAnswer) {
  EXPECT_THAT(follow(shell + "<!-- in: e -->\n```\n(page@127.0.0.1)1> io:put_chars(\"x\\n\").\nx\n"
                             "(page@127.0.0.1)2> 7.\n7\n```\n"),
              HasSubstr("page.md:6: e does not show"));
}

TEST_F(WrongPage, CommandsThatFailAreNoticed) {
  EXPECT_THAT(follow("<!-- run -->\n```sh\ntrue\nfalse\n```\n"), HasSubstr("page.md:2: the commands fail"));
}

TEST_F(WrongPage, WhatCommandsPrintIsCompared) {
  const std::string run = "<!-- run -->\n```sh\necho 42\n```\n";
  EXPECT_EQ(follow(run + "<!-- shown -->\n```\n42\n```\n"), "");
  EXPECT_THAT(follow(run + "<!-- shown -->\n```\n43\n```\n"), HasSubstr("page.md:6: this was not shown"));
}

TEST_F(WrongPage, BlocksWithoutATestAreNoticed) {
  EXPECT_THAT(follow("text\n```sh\ntrue\n```\n"), HasSubstr("page.md:2: this block says not how"));
  EXPECT_THAT(follow("text\n```cpp\nint a;\n```\n"), HasSubstr("page.md:2: this block says not how"));
  EXPECT_THAT(follow("text\n\n    true\n"), HasSubstr("page.md:3: this block says not how"));
  EXPECT_THAT(follow("text\n"), HasSubstr("nothing to follow"));
}

}  // namespace
}  // namespace barrel::test
