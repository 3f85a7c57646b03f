#include "node/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "node/discovery_endpoint.hpp"
#include "support/temp_dir.hpp"

namespace barrel::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<NodeAddress> parsed(std::string_view text) {
  auto address = parse_endpoint(as_bytes(text));
  return address ? std::optional(*address) : std::nullopt;
}

TEST(Endpoint, IsWrittenAsTheOriginalDoes) {
  EXPECT_EQ(format_endpoint({"127.0.0.1", 44285}), "{\"127.0.0.1\",44285}.\n");
  EXPECT_EQ(parsed(format_endpoint({"a.example", 1})), (NodeAddress{"a.example", 1}));
}

TEST(Endpoint, ReadsWhatErlangWouldRead) {
  const NodeAddress wanted{"127.0.0.1", 4433};
  for (const std::string_view text : {
           "{\"127.0.0.1\",4433}.",
           "\n  { \"127.0.0.1\" ,\t4433 } .\r\n",
           "% written by hand\n{\"127.0.0.1\", % the host\n 4433}. % done",
           "{\"127\\.0\\x2e0.\\061\",4433}.",
           "{\"127.0.0.\\x{31}\",4433}.\n\n%\n",
           "{<<\"127.0.0.1\">>,4433}.",
           "{<< \"127.0.0.1\" >>,4433}.",
           "{'127.0.0.1',4433}.",
           "{{127,0,0,1},4433}.",
           "{ { 127 , 0,0, 1 },04433}.",
       }) {
    EXPECT_EQ(parsed(text), wanted) << text;
  }
}

TEST(Endpoint, RefusesEverythingElse) {
  for (const std::string_view text : {
           "",
           "%",
           ".",
           "{}.",
           "{\"h\"}.",
           "{\"h\",1}",
           "{\"h\",1}.x",
           "{\"h\",1}. {\"h\",1}.",
           "{\"h\",1,2}.",
           "{\"h\",0}.",
           "{\"h\",65536}.",
           "{\"h\",99999999999999999999}.",
           "{\"h\",-1}.",
           "{\"h\",\"1\"}.",
           "{\"h\",1.0}.",
           "{\"\",1}.",
           "{\"h h\",1}.",
           "{\"h\n\",1}.",
           "{\"h\\n\",1}.",
           "{\"h,1}.",
           "{\"h\\",
           "{\"h\\x{}\",1}.",
           "{\"h\\x{110000000000}\",1}.",
           "{\"h\\x4\",1}.",
           "{\"h\\xff\",1}.",
           "{\"h\\377\",1}.",
           "{\"\xc3\xa9\",1}.",
           "{host,1}.",
           "{{1,2,3},1}.",
           "{{1,2,3,256},1}.",
           "{<<\"h\",1}.",
           "[\"h\",1].",
       }) {
    EXPECT_EQ(parsed(text), std::nullopt) << text;
  }
  EXPECT_EQ(parsed("{\"" + std::string(256, 'h') + "\",1}."), std::nullopt);
  EXPECT_EQ(parsed(std::string(endpoint_bytes_max, ' ') + "{\"h\",1}."), std::nullopt);
}

class FileDiscoveryTest : public ::testing::Test {
 protected:
  test::TempDir dir;
  std::filesystem::path path = dir.path() / "data" / "discovery";
  FileDiscovery files{path};

  void write(const std::string& name, std::string_view content) {
    std::filesystem::create_directories(path);
    std::ofstream(path / name) << content;
  }
};

TEST_F(FileDiscoveryTest, PublishedNodeIsFound) {
  ASSERT_TRUE(files.publish("bob@127.0.0.1", {"127.0.0.1", 4001}));
  EXPECT_THAT(*files.lookup("bob@127.0.0.1"), ElementsAre(NodeAddress{"127.0.0.1", 4001}));
  ASSERT_TRUE(files.publish("bob@127.0.0.1", {"127.0.0.1", 4002}));
  EXPECT_THAT(*files.lookup("bob@127.0.0.1"), ElementsAre(NodeAddress{"127.0.0.1", 4002}));
  std::ifstream in(path / "bob@127.0.0.1.endpoint");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "{\"127.0.0.1\",4002}.\n");
  EXPECT_FALSE(std::filesystem::exists(path / "bob@127.0.0.1.endpoint.tmp"));
}

TEST_F(FileDiscoveryTest, UnknownNodeIsNotFound) {
  EXPECT_EQ(files.lookup("bob@h").error().code, Errc::not_found);
}

TEST_F(FileDiscoveryTest, BrokenFileIsNamed) {
  write("bob@h.endpoint", "{\"h\",oops}.\n");
  const auto found = files.lookup("bob@h");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::malformed);
  EXPECT_THAT(found.error().message(), HasSubstr((path / "bob@h.endpoint").string()));
  EXPECT_THAT(found.error().message(), HasSubstr("delete the file"));
}

TEST_F(FileDiscoveryTest, ListHasEveryNodeWithAFile) {
  EXPECT_THAT(*files.list(), ElementsAre()) << "a missing directory holds none";
  ASSERT_TRUE(files.publish("carol@h", {"h", 1}));
  write("bob@h.endpoint", "broken");
  write("no-at.endpoint", "{\"h\",1}.");
  write("dave@h.endpoint.tmp", "{\"h\",1}.");
  write("README", "");
  EXPECT_THAT(*files.list(), ElementsAre("bob@h", "carol@h"));
}

TEST_F(FileDiscoveryTest, UnusableDirectoryIsNamed) {
  std::ofstream(dir.path() / "data") << "in the way";
  const auto published = files.publish("bob@h", {"h", 1});
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, Errc::io);
  EXPECT_THAT(published.error().message(), HasSubstr("discovery_dir"));
  EXPECT_EQ(files.publish("bob@h", {"a \"quoted\" host", 1}).error().code, Errc::invalid_argument);
}

TEST_F(FileDiscoveryTest, ChainAsksInOrderAndSkipsBrokenBackends) {
  NodeConfig config;
  config.discovery.directory = path;
  config.discovery.static_nodes = {{"al@h", {"10.0.0.1", 1}}};
  config.listen.port = 5000;
  const auto chain = make_discovery(config);
  write("al@h.endpoint", "{\"10.0.0.2\",2}.");
  write("bob@h.endpoint", "{\"10.0.0.3\",3}.");
  write("carol@h.example.endpoint", "broken");
  EXPECT_THAT(*chain->lookup("al@h"), ElementsAre(NodeAddress{"10.0.0.1", 1}));
  EXPECT_THAT(*chain->lookup("bob@h"), ElementsAre(NodeAddress{"10.0.0.3", 3}));
  EXPECT_THAT(*chain->lookup("carol@h.example"), ElementsAre(NodeAddress{"h.example", 5000}));

  config.discovery.backends = {DiscoveryBackend::file, DiscoveryBackend::static_nodes};
  const auto reversed = make_discovery(config);
  EXPECT_THAT(*reversed->lookup("al@h"), ElementsAre(NodeAddress{"10.0.0.2", 2}));
  const auto missing = reversed->lookup("carol@h.example");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message(), HasSubstr("carol@h.example.endpoint is broken"));
  EXPECT_THAT(missing.error().message(), HasSubstr("static: carol@h.example is not in static_nodes"));
}

TEST(DnsDiscovery, UsesTheHostPartAndOurPort) {
  EXPECT_THAT(*DnsDiscovery(5000).lookup("bob@db.example"), ElementsAre(NodeAddress{"db.example", 5000}));
  EXPECT_THAT(*DnsDiscovery(0).lookup("bob@db.example"), ElementsAre(NodeAddress{"db.example", 4433}));
}

}  // namespace
}  // namespace barrel::node
