#include "barrel/node/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "barrel/node/config_flags.hpp"
#include "node/config_settings.hpp"
#include "support/temp_dir.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigTest : public ::testing::Test {
 protected:
  test::TempDir dir;
  ConfigSources sources{.arguments = {"--name", "me@127.0.0.1"}, .environment = {}, .file = {}};

  void file(std::string_view toml) {
    sources.file = dir.path() / "barrel.toml";
    std::ofstream(*sources.file) << toml;
  }
  std::string problems() {
    const auto config = load_config(sources);
    EXPECT_FALSE(config);
    if (config) return {};
    return config.error().message();
  }
};

TEST_F(ConfigTest, NameAloneIsEnough) {
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  NodeConfig wanted;
  wanted.name = "me@127.0.0.1";
  EXPECT_EQ(*config, wanted);
  EXPECT_TRUE(validate(wanted));
}

TEST_F(ConfigTest, CommandLineOverEnvironmentOverFileOverDefault) {
  NodeConfig defaults;
  defaults.membership.arwl = 9;
  file("active_size = 1\npassive_size = 11\nshuffle_length = 3\n");
  sources.environment = {{"BARREL_ACTIVE_SIZE", "2"}, {"BARREL_PASSIVE_SIZE", "12"}, {"PATH", "/bin"}};
  sources.arguments = {"--active_size=3", "--name=me@h"};
  const auto config = load_config(sources, defaults);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->membership.active_size, 3U);
  EXPECT_EQ(config->membership.passive_size, 12U);
  EXPECT_EQ(config->membership.shuffle_length, 3U);
  EXPECT_EQ(config->membership.arwl, 9U);
  EXPECT_EQ(config->membership.prwl, 3U);
}

TEST_F(ConfigTest, FileIsNamedByFlagThenEnvironmentThenProgram) {
  for (const char* name : {"flag", "environment", "program"}) {
    std::ofstream(dir.path() / name) << "dist_cookie = \"" << name << "\"\n";
  }
  sources.file = dir.path() / "program";
  EXPECT_EQ(load_config(sources)->cookie, "program");
  sources.environment["BARREL_CONFIG"] = dir.path() / "environment";
  EXPECT_EQ(load_config(sources)->cookie, "environment");
  sources.arguments.push_back("--config=" + (dir.path() / "flag").string());
  EXPECT_EQ(load_config(sources)->cookie, "flag");
  sources.arguments.back() += "-missing";
  const auto missing = load_config(sources);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::io);
  EXPECT_THAT(missing.error().message(), HasSubstr("flag-missing does not exist"));
}

TEST_F(ConfigTest, EveryFormOfValueIsReadFromAFile) {
  file(R"(
auth_trust_mode = "strict"
listen_port = 4433
shuffle_period = 250
auth_enabled = true
cookie_only_nodes = []
contact_nodes = ["al@h", "bob@h"]
discovery_backends = ["file", "static"]
log_level = "debug"
[static_nodes]
"carol@10.0.0.3" = "10.0.0.3:4434"
"dave@h" = "d.example:1"
)");
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->auth.trust_mode, TrustMode::strict);
  EXPECT_EQ(config->listen.port, 4433);
  EXPECT_EQ(config->membership.shuffle_period, 250ms);
  EXPECT_THAT(config->membership.contact_nodes, ElementsAre(NodeName("al@h"), NodeName("bob@h")));
  EXPECT_THAT(config->discovery.backends,
              ElementsAre(DiscoveryBackend::file, DiscoveryBackend::static_nodes));
  EXPECT_EQ(config->log.level, LogLevel::debug);
  EXPECT_EQ(config->discovery.static_nodes.at("carol@10.0.0.3"), (NodeAddress{"10.0.0.3", 4434}));
  EXPECT_EQ(config->discovery.static_nodes.at("dave@h"), (NodeAddress{"d.example", 1}));
}

TEST_F(ConfigTest, ListsAreSeparatedByCommasElsewhere) {
  sources.environment = {{"BARREL_CONTACT_NODES", " al@h, bob@h "},
                         {"BARREL_STATIC_NODES", "carol@h=10.0.0.3:4434,dave@h=d:1"}};
  sources.arguments.push_back("--discovery-backends=static");
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->membership.contact_nodes, ElementsAre(NodeName("al@h"), NodeName("bob@h")));
  EXPECT_EQ(config->discovery.static_nodes.size(), 2U);
  EXPECT_THAT(config->discovery.backends, ElementsAre(DiscoveryBackend::static_nodes));
}

TEST_F(ConfigTest, AddressesOfIpv6MayStandInBrackets) {
  sources.arguments.push_back("--static-nodes=carol@h=[2001:db8::1]:4434,dave@h=::1:4435");
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->discovery.static_nodes.at("carol@h"), (NodeAddress{"2001:db8::1", 4434}));
  EXPECT_EQ(config->discovery.static_nodes.at("dave@h"), (NodeAddress{"::1", 4435}));
}

TEST_F(ConfigTest, AllProblemsAreReportedTogether) {
  file("listen_port = 99999\nlisten_prot = 1\nshuffle_period = \"soon\"\ndist_cookie = [1]\n");
  sources.environment = {{"BARREL_ACTIVE_SIZE", "0"}, {"BARREL_ACTIVE_SIZ", "3"}};
  sources.arguments = {"--log_level=loud", "--passive-sise=3", "stray"};
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("listen_port = 99999 ("));
  EXPECT_THAT(text, HasSubstr("barrel.toml, line 1): allowed: 0 to 65535"));
  EXPECT_THAT(text, HasSubstr("barrel.toml, line 2): no such key; did you mean listen_port?"));
  EXPECT_THAT(text, HasSubstr("shuffle_period = soon ("));
  EXPECT_THAT(text, HasSubstr("dist_cookie = (hidden) ("));
  EXPECT_THAT(text, HasSubstr("active_size = 0 (BARREL_ACTIVE_SIZE): allowed: 1 to 1000"));
  EXPECT_THAT(text,
              HasSubstr("BARREL_ACTIVE_SIZ (environment): no such key; did you mean BARREL_ACTIVE_SIZE?"));
  EXPECT_THAT(text, HasSubstr("log_level = loud (--log_level): allowed: debug, info, warning, error, off"));
  EXPECT_THAT(text, HasSubstr("--passive-sise=3 (command line): no such key; did you mean --passive_size?"));
  EXPECT_THAT(text, HasSubstr("stray (command line): not a flag"));
  EXPECT_THAT(text, HasSubstr("name = (nothing): allowed: name@host"));
}

TEST_F(ConfigTest, NodeNameMustFitIntoTheNamesOfItsFiles) {
  const std::string longest = std::string(240, 'n') + "@h";
  sources.arguments.push_back("--name=" + longest);
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->name.text(), longest);
  sources.arguments.back() = "--name=n" + longest;
  EXPECT_THAT(problems(), HasSubstr("242 bytes at most, as files are named after it"));
  NodeConfig too_long = *config;
  too_long.name = NodeName(Atom("n" + longest));
  EXPECT_FALSE(validate(too_long));
}

TEST_F(ConfigTest, WhoMayCallFunctionsIsSaidByPatternsThatSomeNameFits) {
  sources.environment["BARREL_NAME"] = "me@h";
  for (const char* wrong :
       {"-1", "bank", "bank@h,friend", "a@b@c", "@10.0.0.1", "bank@", "a@*@b", "b nk@h"}) {
    sources.environment["BARREL_FUNCTIONS_ALLOWED_NODES"] = wrong;
    EXPECT_THAT(problems(),
                HasSubstr(std::string("functions_allowed_nodes = ") + wrong +
                          " (BARREL_FUNCTIONS_ALLOWED_NODES): allowed: node names (name@host), `*`"))
        << wrong;
  }
  for (const char* right : {"", "*", "bank@h", "*@10.0.0.1", "bank*", "b*k@*.example", "a@h, *h"}) {
    sources.environment["BARREL_FUNCTIONS_ALLOWED_NODES"] = right;
    EXPECT_TRUE(load_config(sources)) << right;
  }
}

TEST_F(ConfigTest, OtherProgramsVariablesAreTheirs) {
  sources.environment = {{"BARREL_DEMO_DIRECTORY", "x"}, {"BARREL_NODE", "1"}, {"BARREL_", "x"}};
  EXPECT_TRUE(load_config(sources));
}

TEST_F(ConfigTest, RulesOverSeveralKeys) {
  sources.arguments.insert(sources.arguments.end(),
                           {"--suspect_after_ms=1000", "--down_after_ms=900", "--prwl=7"});
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("suspect_after_ms = 1000: must be more than ping_after_ms, which is 1000"));
  EXPECT_THAT(text, HasSubstr("down_after_ms = 900: must be more than suspect_after_ms, which is 1000"));
  EXPECT_THAT(text, HasSubstr("prwl = 7: must be at most arwl, which is 6"));
}

// What a peer says beyond it is lowered, so that more would not be walked anyway.
TEST_F(ConfigTest, WalksAreNoLongerThanPeersLetThemBe) {
  sources.arguments.insert(sources.arguments.end(), {"--arwl=32", "--prwl=32"});
  EXPECT_TRUE(load_config(sources));
  sources.arguments.insert(sources.arguments.end(), {"--arwl=33", "--prwl=33"});
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("arwl = 33 (--arwl): allowed: 0 to 32"));
  EXPECT_THAT(text, HasSubstr("prwl = 33 (--prwl): allowed: 0 to 32"));
}

TEST_F(ConfigTest, RuleOverARefusedKeyIsNotReportedToo) {
  sources.arguments.push_back("--ping_after_ms=never");
  sources.arguments.push_back("--suspect_after_ms=500");
  EXPECT_THAT(problems(), Not(HasSubstr("must be more than ping_after_ms")));
}

TEST_F(ConfigTest, AuthenticationCannotBeSwitchedOff) {
  sources.environment = {{"BARREL_AUTH_ENABLED", "false"}, {"BARREL_COOKIE_ONLY_NODES", "*@*"}};
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("auth_enabled = false (BARREL_AUTH_ENABLED): allowed: true"));
  EXPECT_THAT(text, HasSubstr("cookie_only_nodes = *@*"));
}

TEST_F(ConfigTest, KeysOfLaterVersionsSaySo) {
  file("ring_size = 64\n");
  sources.environment = {{"BARREL_REPLICATED_MAPS", "x"}};
  sources.arguments.push_back("--reminder_scan_ms=5");
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("line 1): shards are not part of this version"));
  EXPECT_THAT(text, HasSubstr("BARREL_REPLICATED_MAPS: maps are not part of this version"));
  EXPECT_THAT(text, HasSubstr("reminders are not part of this version"));
}

TEST_F(ConfigTest, BrokenTomlNamesTheLine) {
  file("name = \"a@b\"\nlisten_port = = 3\n");
  EXPECT_THAT(problems(), HasSubstr("barrel.toml, line 2"));
}

// toml++ 3.3 aborts on these, or worse.
TEST_F(ConfigTest, WhatABrokenFileMayHaveSetIsNotCalledMissing) {
  sources.arguments.clear();
  file("name = \"me@127.0.0.1\"\nlisten_port = \n");
  EXPECT_THAT(problems(), HasSubstr("barrel.toml, line 2"));
  EXPECT_THAT(problems(), Not(HasSubstr("allowed: ")));
}

TEST_F(ConfigTest, HeaderWithoutAKeyIsAProblemNotACrash) {
  for (const std::string_view toml :
       {"[[[x]]]", "[.x]", "[=]",    "[[?",    "a = 1\n[ [x]", "[",    "[[",
        "[x",      "[a.]", "[a..b]", "a. = 1", ".a = 1",       "= 1",  "a",
        "{",       "'",    "\"\"\"", "a = {",  "a = [",        "\xff", "a = \xff"}) {
    file(toml);
    EXPECT_THAT(problems(), HasSubstr("barrel.toml")) << toml;
  }
}

TEST_F(ConfigTest, OtherCharactersThanAsciiBelongIntoStringsAndComments) {
  file(
      "\xef\xbb\xbf# J\xc3\xbcrgen's \"node\nlog_file = '/home/j\xc3\xbc\\' # \xd0\xa4\n"
      "dist_cookie = 'a~7e~b'\ndata_dir = \"\"\"\n\xd0\xa4 \"\\\" \xd0\xa4\"\"\"\nactive_size = 4\n");
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->log.file, "/home/j\xc3\xbc\\");
  EXPECT_EQ(config->cookie, "a~7e~b");
  EXPECT_EQ(config->data_dir, "\xd0\xa4 \"\" \xd0\xa4");
  EXPECT_EQ(config->membership.active_size, 4U);
  for (const std::string_view toml : {"active_size = 1\n\xd0\xa4", "\xd0\xa4 = 1", "l=[0\x01['\xef\xba\xbf",
                                      "a = 'x' \xd0\xa4", "a = 'x\n\xd0\xa4'"}) {
    file(toml);
    EXPECT_THAT(problems(), HasSubstr("barrel.toml, line ")) << toml;
  }
}

TEST_F(ConfigTest, WrongKindsInAFileAreRefused) {
  for (const std::string_view toml :
       {"listen_port = [4433]", "listen_port = 1.5", "listen_port = {a = 1}", "contact_nodes = {a = 'b@h'}",
        "contact_nodes = [['a@h']]", "static_nodes = ['a']", "contact_nodes = ['a@h,b@h']",
        "log_file = 2024-01-01", "active_size = true", "[static_nodes]\n'a@h' = 'h'",
        "[static_nodes]\n'a@h' = 'h:0'", "[static_nodes]\na = 'h:1'",
        "discovery_backends = ['file', 'file']"}) {
    file(toml);
    EXPECT_THAT(problems(), HasSubstr("allowed: ")) << toml;
  }
}

TEST_F(ConfigTest, FlagWithoutAValueIsAProblem) {
  sources.arguments.push_back("--listen_port");
  EXPECT_EQ(problems(), "invalid_argument: command line: --listen_port: 1 required TEXT missing");
}

TEST_F(ConfigTest, LongOrBinaryValuesAreShownSafely) {
  sources.environment = {{"BARREL_LOG_LEVEL", std::string(1000, 'x') + "\n"},
                         {"BARREL_DIST_COOKIE", "a\x1b[2Jb"}};
  const std::string text = problems();
  EXPECT_LT(text.size(), 600U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(ConfigTest, FilledInByAProgramIsCheckedToo) {
  NodeConfig config;
  config.name = "me@h";
  config.cookie = "two words";
  config.membership.active_size = 0;
  config.failure.down_after = -1ms;
  config.listen.address = "localhost";
  config.discovery.static_nodes = {{"x", {"h", 1}}};
  config.channel.bytes_max = SIZE_MAX;
  const auto checked = validate(config);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::invalid_argument);
  const std::string text = checked.error().message();
  for (const char* key : {"dist_cookie = (hidden)", "active_size = 0", "down_after_ms = -1",
                          "listen_address = localhost", "static_nodes = x=h:1", "channel_bytes_max = "}) {
    EXPECT_THAT(text, HasSubstr(key));
  }
}

TEST_F(ConfigTest, DirectoriesLieBelowTheDataDirectoryUnlessSet) {
  NodeConfig config;
  EXPECT_EQ(config.key_dir(), "data/keys");
  EXPECT_EQ(config.certificate_dir(), "data/quic");
  EXPECT_EQ(config.discovery_dir(), "data/discovery");
  config.data_dir = "/var/lib/barrel";
  config.discovery.directory = "/run/barrel";
  EXPECT_EQ(config.key_dir(), "/var/lib/barrel/keys");
  EXPECT_EQ(config.discovery_dir(), "/run/barrel");
}

TEST_F(ConfigTest, KeysAndCertificateLieInDifferentDirectories) {
  NodeConfig config;
  config.name = "me@h";
  config.auth.key_dir = "data/quic";
  for (const char* path : {"data/quic", "data/quic/", "data/./keys/../quic"}) {
    config.listen.certificate_dir = path;
    const auto checked = validate(config);
    ASSERT_FALSE(checked) << path;
    EXPECT_THAT(checked.error().message(), HasSubstr("quic_cert_dir and auth_key_dir are both data/quic"))
        << path;
  }
  config.listen.certificate_dir.clear();
  EXPECT_FALSE(validate(config)) << "the default is the same";
  config.listen.certificate_dir = "data/tls";
  EXPECT_TRUE(validate(config));
}

// Whatever a setting shows is what it reads, so that a configuration can be written down and read again.
TEST_F(ConfigTest, EverySettingReadsWhatItShows) {
  NodeConfig config;
  config.name = "me@h";
  config.membership.contact_nodes = {"al@h", "bob@h"};
  config.discovery.static_nodes = {{"al@h", {"10.0.0.1", 1}}, {"bob@h", {"b.example", 65'535}}};
  config.log.file = "log file, with comma";
  NodeConfig copy;
  copy.membership.active_size = 17;
  for (const node::Setting& setting : node::settings()) {
    EXPECT_TRUE(setting.assign(copy, setting.show(config))) << setting.key;
    EXPECT_TRUE(setting.valid(config)) << setting.key;
  }
  EXPECT_EQ(copy, config);
}

TEST_F(ConfigTest, FlagsLiveBesideAProgramsOwn) {
  CLI::App app{"chat"};
  std::string room;
  app.add_option("--room", room);
  const ConfigFlags flags(app);
  app.parse("--room general --name me@h --listen-port 7000 --config " + (dir.path() / "x.toml").string());
  std::ofstream(dir.path() / "x.toml") << "active_size = 4\nlisten_port = 1\n";
  const auto config = flags.load();
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(room, "general");
  EXPECT_EQ(config->listen.port, 7000);
  EXPECT_EQ(config->membership.active_size, 4U);
  EXPECT_THAT(app.help(), HasSubstr("--dist-cookie"));
}

TEST_F(ConfigTest, HelpEndsInExited) {
  sources.arguments = {"--help"};
  ::testing::internal::CaptureStdout();
  const auto config = load_config(sources);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("--active_size"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::exited);
}

}  // namespace
}  // namespace barrel
