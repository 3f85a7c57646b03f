#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "documents.hpp"
#include "layers.hpp"
#include "metrics.hpp"
#include "rules.hpp"
#include "source_file.hpp"

namespace tidy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> shown(const std::vector<Violation>& violations) {
  std::vector<std::string> lines;
  for (const auto& v : violations) lines.push_back(std::to_string(v.line) + " " + v.rule);
  return lines;
}

std::vector<std::string> banned(const std::string& path, const std::string& text) {
  std::vector<Violation> out;
  check_banned(SourceFile(path, text), out);
  return shown(out);
}

std::vector<std::string> lengths(const std::string& text) {
  std::vector<Violation> out;
  check_lengths(SourceFile("src/base/x.cpp", text), out);
  return shown(out);
}

std::vector<std::string> awaits(const std::string& text) {
  const SourceFile file("src/base/x.cpp", text);
  Aggregates aggregates;
  aggregates.add(file);
  std::vector<Violation> out;
  check_co_await(file, aggregates, out);
  return shown(out);
}

std::vector<std::string> includes(const Layers& layers, const std::string& path, const std::string& text) {
  std::vector<Violation> out;
  layers.check(SourceFile(path, text), out);
  return shown(out);
}

std::string function_of(int lines) {
  std::string text = "void f() {\n";
  for (int i = 2; i < lines; ++i) text += "  g();\n";
  return text + "}\n";
}

TEST(TidySource, CommentsAndLiteralsAreBlankedAndOffsetsKept) {
  const std::string text = "a(\"b{\\\"\", 'c'); // d{\nint n = 1'000; /* e\n{ */ R\"x(f{)\")x\" g\n";
  const std::string code = blank_comments_and_literals(text);
  ASSERT_EQ(code.size(), text.size());
  EXPECT_EQ(code.find('{'), std::string::npos);
  EXPECT_EQ(code.find("1'000"), text.find("1'000"));
  EXPECT_EQ(code.find('g'), text.rfind('g'));
  EXPECT_EQ(SourceFile("x", text).line_of(text.rfind('g')), 3U);
}

TEST(TidyLayers, IncludeOutsideTheLayersDependencies) {
  const Layers layers;
  EXPECT_THAT(
      includes(layers, "src/gossip/x.cpp", "#include \"barrel/term/term.hpp\"\n#include \"gossip/y.hpp\"\n"),
      IsEmpty());
  EXPECT_THAT(includes(layers, "src/gossip/x.cpp", "\n#include \"quic/endpoint.hpp\"\n"),
              ElementsAre("2 layering"));
  EXPECT_THAT(includes(layers, "include/barrel/term/x.hpp", "#include \"barrel/process/self.hpp\"\n"),
              ElementsAre("1 layering"));
  EXPECT_THAT(includes(layers, "src/services/x.cpp", "#include \"barrel/base/bytes.hpp\"\n"), IsEmpty());
}

TEST(TidyLayers, PublicHeadersAndExamplesDoNotReachIntoSrc) {
  const Layers layers;
  EXPECT_THAT(includes(layers, "include/barrel/node/x.hpp", "#include \"quic/endpoint.hpp\"\n"),
              ElementsAre("1 layering"));
  EXPECT_THAT(includes(layers, "examples/chat/main.cpp", "#include \"quic/endpoint.hpp\"\n"),
              ElementsAre("1 layering"));
  EXPECT_THAT(includes(layers, "examples/chat/main.cpp", "#include \"barrel/node/node.hpp\"\n"), IsEmpty());
}

TEST(TidyLayers, DeclaredDependenciesNarrowTheTableAndMayNotWidenIt) {
  Layers layers;
  std::vector<Violation> out;
  layers.declare("src/gossip/CMakeLists.txt", "barrel_layer(gossip\n  DEPENDS base\n  LINK fmt::fmt)", out);
  EXPECT_THAT(shown(out), IsEmpty());
  EXPECT_THAT(includes(layers, "src/gossip/x.cpp", "#include \"barrel/term/term.hpp\"\n"),
              ElementsAre("1 layering"));
  layers.declare("src/quic/CMakeLists.txt", "barrel_layer(quic DEPENDS term node)", out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_THAT(out.front().text, HasSubstr("quic must not depend on node"));
}

TEST(TidyLayers, TestsMayUseWhatTheyLink) {
  Layers layers;
  std::vector<Violation> out;
  layers.declare("src/quic/CMakeLists.txt", "barrel_layer(quic DEPENDS term TEST_LINK barrel_loop)", out);
  EXPECT_THAT(includes(layers, "src/quic/x.test.cpp", "#include \"loop/loop.hpp\"\n"), IsEmpty());
  EXPECT_THAT(includes(layers, "src/quic/x.cpp", "#include \"loop/loop.hpp\"\n"), ElementsAre("1 layering"));
}

TEST(TidyBanned, PublicHeadersAreExported) {
  const std::string once = "#pragma once\n";
  const std::string body = "\nnamespace barrel {\n}  // namespace barrel\n";
  const std::string exported =
      "#pragma GCC visibility push(default)  // why\n" + body.substr(1) + "#pragma GCC visibility pop\n";
  EXPECT_THAT(banned("include/barrel/base/x.hpp", once + body), ElementsAre("3 visibility"));
  EXPECT_THAT(banned("include/barrel/base/x.hpp", once + exported), IsEmpty());
  EXPECT_THAT(banned("include/barrel/base/x.hpp", once + exported + body), ElementsAre("3 visibility"));
  EXPECT_THAT(banned("include/barrel/base/x.hpp", once + "#define X 1\n"), IsEmpty());
  EXPECT_THAT(banned("src/base/x.hpp", once + body), IsEmpty());
}

TEST(TidyBanned, ClocksOnlyInLoopBenchAndTheHarness) {
  const std::string reads = "\nauto t = std::chrono::steady_clock::now();\n";
  EXPECT_THAT(banned("src/node/x.cpp", reads), ElementsAre("2 clock"));
  EXPECT_THAT(banned("examples/chat/x.cpp", reads), ElementsAre("2 clock"));
  EXPECT_THAT(banned("src/loop/x.cpp", reads), IsEmpty());
  EXPECT_THAT(banned("bench/x.cpp", reads), IsEmpty());
  EXPECT_THAT(banned("src/node/x.cpp", "clock_gettime(CLOCK_MONOTONIC, &t);"), ElementsAre("1 clock"));
  EXPECT_THAT(banned("src/node/x.cpp", "gettimeofday(&t, nullptr);"), ElementsAre("1 clock"));
  EXPECT_THAT(banned("src/node/x.cpp", "auto t = time(nullptr);"), ElementsAre("1 clock"));
  EXPECT_THAT(banned("src/node/x.cpp", "// steady_clock::now() is for loop\nx.time(0); clock.now();"),
              IsEmpty());
}

TEST(TidyBanned, SocketsOnlyInLoop) {
  EXPECT_THAT(banned("src/quic/x.cpp", "#include <sys/socket.h>\n"), ElementsAre("1 socket"));
  EXPECT_THAT(banned("src/quic/x.cpp", "#include <asio/ip/udp.hpp>\n"), ElementsAre("1 socket"));
  EXPECT_THAT(banned("src/quic/x.cpp", "int fd = ::socket(AF_INET, SOCK_DGRAM, 0);\n"),
              ElementsAre("1 socket"));
  EXPECT_THAT(banned("src/loop/x.cpp", "#include <sys/socket.h>\n"), IsEmpty());
  EXPECT_THAT(banned("tests/x.cpp", "#include <sys/socket.h>\n"), IsEmpty());
}

TEST(TidyBanned, PromisesOfLaterWork) {
  EXPECT_THAT(banned("src/base/x.cpp",
                     "\n// TO"
                     "DO: later\n"),
              ElementsAre("2 word"));
  EXPECT_THAT(banned("src/base/x.cpp",
                     "// TO"
                     "DOS is a word\n"),
              IsEmpty());
}

TEST(TidyBanned, HeadersBeginWithPragmaOnce) {
  EXPECT_THAT(banned("src/base/x.hpp", "#pragma once\nint x;\n"), IsEmpty());
  EXPECT_THAT(banned("src/base/x.hpp", "// about\n#pragma once\n"), ElementsAre("1 header"));
}

TEST(TidyLengths, LinesAreCountedInColumnsNotBytes) {
  EXPECT_THAT(lengths("// " + std::string(columns_max - 3, 'x') + "\n"), IsEmpty());
  EXPECT_THAT(lengths("// " + std::string(columns_max - 2, 'x') + "\n"), ElementsAre("1 line length"));
  std::string umlauts = "// ";
  for (std::size_t i = 3; i < columns_max; ++i) umlauts += "\xc3\xa4";
  EXPECT_THAT(lengths(umlauts + "\n"), IsEmpty());
}

TEST(TidyLengths, FilesOverTheLimit) {
  std::string text;
  for (std::size_t i = 0; i < file_lines_max; ++i) text += "int x;\n";
  EXPECT_THAT(lengths(text), IsEmpty());
  EXPECT_THAT(lengths(text + "int x;\n"), ElementsAre("501 file length"));
}

TEST(TidyLengths, FunctionsOverTheLimit) {
  EXPECT_THAT(lengths(function_of(70)), IsEmpty());
  EXPECT_THAT(lengths(function_of(71)), ElementsAre("1 function length"));
  EXPECT_THAT(
      lengths("namespace a {\nclass B final : public C<D> {\n public:\n" + function_of(71) + "};\n}\n"),
      ElementsAre("4 function length"));
  EXPECT_THAT(lengths("X::X(int a) : a_{a}, b_(f(2)), c_{1, 2} {\n" + function_of(71) + "}\n"),
              ElementsAre("1 function length"));
  EXPECT_THAT(lengths("template <class T>\n  requires(Mapped<T>)\nauto f(T t) const -> int {\n" +
                      function_of(71) + "}\n"),
              ElementsAre("1 function length"));
  EXPECT_THAT(lengths("TEST(A, B) {\n" + function_of(71) + "}\n"), ElementsAre("1 function length"));
}

TEST(TidyLengths, ManyShortFunctionsAreNotOneLongOne) {
  std::string text = "namespace {\nstruct S {\n";
  for (int i = 0; i < 20; ++i) text += "  int x{0};\n  S(int a, int b) : x{a}, y_{b} {}\n" + function_of(10);
  EXPECT_THAT(lengths(text + "};\n}\n"), IsEmpty());
}

constexpr const char* owning_message = "struct Msg { static constexpr int tag = 1; std::string text; };\n";
constexpr const char* trivial_message = "struct Join { Pid member; using Reply = Result<void>; };\n";

TEST(TidyCoAwait, OwningAggregateInTheStatement) {
  const std::string owning = owning_message;
  EXPECT_THAT(awaits(owning + "auto r = co_await self.call(pid, Msg{text});\n"), ElementsAre("2 co_await"));
  EXPECT_THAT(awaits(owning + "if (co_await f(Msg{text})) g();\n"), ElementsAre("2 co_await"));
  EXPECT_THAT(awaits(owning + "g(Msg{text},\n  co_await f());\n"), ElementsAre("2 co_await"));
  EXPECT_THAT(awaits(owning + "Outer a{Msg{text}, co_await f()};\n"), ElementsAre("2 co_await"));
  EXPECT_THAT(awaits(owning + "struct Outer { Msg inner; };\nco_await f(Outer{m});\n"),
              ElementsAre("3 co_await"));
  EXPECT_THAT(awaits("co_await f({.name = text});\n"), ElementsAre("1 co_await"));
}

TEST(TidyCoAwait, CapturingLambdaInTheStatement) {
  EXPECT_THAT(awaits("co_await self.blocking([text] { return text; });\n"), ElementsAre("1 co_await"));
  EXPECT_THAT(awaits("auto n = co_await on(a[i], [](int x) { return x; });\n"), IsEmpty());
}

TEST(TidyCoAwait, WhatIsSafe) {
  const std::string owning = owning_message;
  EXPECT_THAT(awaits(trivial_message + std::string("co_await self.call(pid, Join{self.pid()});\n")),
              IsEmpty());
  EXPECT_THAT(
      awaits(owning + "Msg m{text};\nauto r = co_await self.call(pid, m);\nself.send(p, Msg{text});\n"),
      IsEmpty());
  EXPECT_THAT(awaits("auto p = co_await registry.whereis(self, name, {.retries = 3});\n"), IsEmpty());
  EXPECT_THAT(awaits(owning + "if (x) {\n  auto r = co_await f();\n}\nself.send(p, Msg{text});\n"),
              IsEmpty());
  EXPECT_THAT(awaits(owning + "while (auto x = co_await f()) { g(Msg{text}); h([x] { return x; }); }\n"),
              IsEmpty());
  EXPECT_THAT(awaits("struct C { C(std::string t); std::string text; };\nco_await f(C{text});\n"), IsEmpty());
}

TEST(TidyDocuments, CodeStandsInTheFileItClaimsToBeFrom) {
  const ReadFile read = [](const std::string& path) -> std::optional<std::string> {
    if (path != "x.cpp") return std::nullopt;
    return "class X {\n  int a;\n\n  int b;\n};\n";
  };
  const auto check = [&read](const std::string& markdown) {
    std::vector<Violation> out;
    check_document("docs/x.md", markdown, read, out);
    return shown(out);
  };
  EXPECT_THAT(check("text\n<!-- from: x.cpp -->\n```cpp\nint a;\n\nint b;\n```\n"), IsEmpty());
  EXPECT_THAT(check("text\n<!-- from: x.cpp -->\n```cpp\nint a;\nint b;\n```\n"), ElementsAre("2 document"));
  EXPECT_THAT(check("<!-- from: y.cpp -->\n```cpp\nint a;\n```\n"), ElementsAre("1 document"));
  EXPECT_THAT(check("<!-- from: x.cpp -->\nno code\n"), ElementsAre("1 document"));
  EXPECT_THAT(check("```cpp\nanything;\n```\n"), ElementsAre("1 document"));
  EXPECT_THAT(check("```sh\nanything\n```\n"), IsEmpty());
}

TEST(TidyDocuments, LinksLeadToFiles) {
  const ReadFile read = [](const std::string& path) -> std::optional<std::string> {
    if (path != "README.md" && path != "docs/x.md") return std::nullopt;
    return "";
  };
  std::vector<Violation> out;
  check_document("docs/y.md", "[x](x.md) [y](x.md#part)\n[z](../README.md), [w](https://w/w.md)\n", read,
                 out);
  EXPECT_THAT(shown(out), IsEmpty());
  check_document("docs/y.md", "[x](x.md)\n[z](README.md)\n", read, out);
  EXPECT_THAT(shown(out), ElementsAre("2 link"));
}

TEST(TidyDocuments, CommentsNameFilesThatExist) {
  const ReadFile read = [](const std::string& path) -> std::optional<std::string> {
    if (path != "docs/x.md") return std::nullopt;
    return "";
  };
  const SourceFile file("src/a.cpp",
                        "// As docs/x.md says.\nint a;  ///< See x.md.\nopen(\"y.md\");\n"
                        "open(\"file://y.md\");  // docs/x.md, docs/z.md\n// https://example.org/y.md\n");
  std::vector<Violation> out;
  check_citations(file, read, out);
  EXPECT_THAT(shown(out), ElementsAre("2 citation", "4 citation"));
}

TEST(TidyMetrics, EveryMetricHasARowAndEveryRowAMetric) {
  const std::vector<SourceFile> files{
      {"src/a.cpp", "counter(\"a.made\");\ngauge(\n\"a.forgotten\");\ncount(\"a.failed.\" + why);\n"},
      {"src/a.test.cpp", "counter(\"a.of_a_test\");\n"}};
  std::vector<Violation> out;
  check_metrics(files, "docs/m.md",
                "| `a.made` | counter | x |\n| `a.failed.<why>` | counter | x |\n| `a.gone` | gauge | x |\n",
                out);
  EXPECT_THAT(shown(out), ElementsAre("2 metric", "3 metric"));
}

TEST(TidyMetrics, ARowHasTheKindOfItsMetricAndStandsOnce) {
  const std::vector<SourceFile> files{
      {"src/a.cpp", "counter(\"a.made\");\ngauge(\"a.level\");\ncount(\"a.failed.\" + why);\n"}};
  std::vector<Violation> out;
  check_metrics(files, "docs/m.md",
                "| `a.made` | gauge | x |\n| `a.level` | gauge | x |\n| `a.failed.<why>` | counter | x |\n"
                "| `a.level` | gauge | y |\n",
                out);
  EXPECT_THAT(shown(out), ElementsAre("1 metric", "4 metric"));
}

}  // namespace
}  // namespace tidy
