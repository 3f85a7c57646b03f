#include "node/config_document.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "node/config_settings.hpp"

namespace barrel::node {
namespace {

std::filesystem::path document_path() {
  return std::filesystem::path(BARREL_SOURCE_DIR) / "docs" / "configuration.md";
}

TEST(ConfigDocument, IsWhatTheSettingsSay) {
  if (std::getenv("BARREL_UPDATE_DOCUMENTS") != nullptr)  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(document_path()) << configuration_document();
  std::ifstream in(document_path());
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(text, configuration_document()) << "run this test with BARREL_UPDATE_DOCUMENTS=1";
}

TEST(ConfigDocument, SaysSomethingAboutEverySetting) {
  for (const Setting& setting : settings()) {
    EXPECT_FALSE(setting.key.empty());
    EXPECT_FALSE(setting.group.empty()) << setting.key;
    EXPECT_TRUE(setting.meaning.ends_with('.')) << setting.key;
    EXPECT_FALSE(setting.allowed.empty()) << setting.key;
    EXPECT_FALSE(setting.origin.empty()) << setting.key;
    EXPECT_EQ(find_setting(setting.key), &setting) << "a key must be unique";
    EXPECT_TRUE(unsupported_key(setting.key).empty()) << setting.key;
  }
}

}  // namespace
}  // namespace barrel::node
