#include "hostile/document.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "hostile/attack.hpp"

namespace barrel::hostile {
namespace {

constexpr std::string_view begin_mark =
    "<!-- Attacks: made by the test AttacksDocument with BARREL_UPDATE_DOCUMENTS=1. -->\n";
constexpr std::string_view end_mark = "<!-- End of attacks. -->\n";

std::filesystem::path path() {
  return BARREL_SECURITY_DOCUMENT;
}

TEST(AttacksDocument, IsWhatTheTestsCarryOut) {
  std::ifstream in(path());
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const std::size_t from = text.find(begin_mark);
  const std::size_t to = text.find(end_mark);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::size_t start = from + begin_mark.size();
  if (std::getenv("BARREL_UPDATE_DOCUMENTS") != nullptr) {
    std::string updated = text;
    updated.replace(start, to - start, attacks_document());
    std::ofstream(path()) << updated;
    return;
  }
  EXPECT_EQ(text.substr(start, to - start), attacks_document())
      << "run this test with BARREL_UPDATE_DOCUMENTS=1";
}

TEST(AttacksDocument, NamesEachAttackOnce) {
  std::set<std::string> seen;
  for (const Family& family : families()) {
    for (const Attack& attack : family.attacks) {
      EXPECT_TRUE(seen.insert(std::string(family.name) + std::string(attack.name)).second) << attack.name;
      EXPECT_FALSE(attack.attack.empty() || attack.answer.empty()) << attack.name;
      const Memory& memory = attack.memory;
      const bool is_large = memory.kept_mib > Memory().kept_mib || memory.peak_mib > Memory().peak_mib;
      EXPECT_EQ(is_large, !memory.why.empty()) << attack.name << ": much memory needs a reason";
    }
  }
}

}  // namespace
}  // namespace barrel::hostile
