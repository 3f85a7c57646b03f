// The ledger finds what it is there to find.

#include "erlang/ledger_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace barrel::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two processes on one node, one on another; each in its first incarnation.
constexpr LedgerBook::Life other_node = 2001;
const std::string peace =
    "1001000001 monitors 2001000001 1\n1001000001 links 2001000001\n1001000001 sends 2001000001 1 1\n"
    "1001000001 sends 2001000001 1 2\n1001000001 quiet\n"
    "2001000001 linked 1001000001\n2001000001 got 1001000001 1 1\n";

std::vector<std::string> faults_of(const std::string& diary, bool killed = false, bool cut = false) {
  LedgerBook book;
  if (killed) book.killed(other_node);
  if (cut) book.cut(other_node, 1001);
  std::istringstream lines(diary);
  book.read(lines);
  return book.faults();
}

TEST(LedgerBook, FindsNothingWhenAllIsWell) {
  EXPECT_THAT(faults_of(peace + "2001000001 got 1001000001 1 2\n2001000001 quiet\n"), IsEmpty());
  EXPECT_THAT(faults_of(peace + "2001000001 dead bored\n1001000001 down 1 bored\n"
                                "1001000001 exit 2001000001 bored\n"),
              IsEmpty());
}

TEST(LedgerBook, FindsMessagesThatAreLostDuplicatedReorderedOrAstray) {
  const std::string rest = "2001000001 quiet\n";
  EXPECT_THAT(faults_of(peace + rest), ElementsAre(HasSubstr("1 of 2 messages")));
  EXPECT_THAT(faults_of(peace + "2001000001 got 1001000001 1 1\n2001000001 got 1001000001 1 2\n" + rest),
              ElementsAre(HasSubstr("reordered or duplicated")));
  EXPECT_THAT(faults_of(peace + "2001000001 got 1001000001 1 2\n2001000001 got 1001000001 1 3\n" + rest),
              ElementsAre(HasSubstr("was not sent")));
  EXPECT_THAT(faults_of(peace +
                        "2001000001 got 1001000001 1 2\n2001000002 got 1001000001 1 2\n"
                        "2001000002 quiet\n" +
                        rest),
              ElementsAre(HasSubstr("was for"), HasSubstr("reordered or duplicated")));
  EXPECT_THAT(faults_of("1 sends 2 1 3\n1 quiet\n2 quiet\n2 got 1 1 1\n2 got 1 1 3\n"),
              ElementsAre(HasSubstr("lost in between")));
  EXPECT_THAT(faults_of(peace + "2001000001 strange {what}\n" + rest, false, true),
              ElementsAre(HasSubstr("nobody sent")));
}

TEST(LedgerBook, FindsMonitorsAndLinksThatDoNotFireOrFireTwice) {
  const std::string end = peace + "2001000001 dead bored\n";
  EXPECT_THAT(faults_of(end), ElementsAre(HasSubstr("no DOWN 1"), HasSubstr("no exit signal")));
  EXPECT_THAT(faults_of(peace, true), ElementsAre(HasSubstr("no DOWN 1"), HasSubstr("no exit signal")));
  EXPECT_THAT(faults_of(end + "1001000001 down 1 bored\n1001000001 down 1 bored\n"
                              "1001000001 exit 2001000001 bored\n1001000001 exit 2001000001 bored\n"),
              ElementsAre(HasSubstr("came twice"), HasSubstr("came twice")));
  EXPECT_THAT(faults_of(end + "1001000001 demonitors 1\n1001000001 down 1 bored\n"
                              "1001000001 exit 2001000001 bored\n1001000001 exit 5 bored\n"),
              ElementsAre(HasSubstr("after demonitor"), HasSubstr("without a link")));
}

TEST(LedgerBook, FindsExitsOfLinksThatWereTakenBack) {
  const std::string own = "1001000001 unlinks 2001000001\n";
  const std::string done = own + "1001000001 unlinked 2001000001\n";
  const std::string end = "2001000001 dead bored\n1001000001 down 1 bored\n";
  const std::string told = "1001000001 exit 2001000001 bored\n";
  EXPECT_THAT(faults_of(peace + done + end), IsEmpty());
  EXPECT_THAT(faults_of(peace + own + told + end), IsEmpty()) << "it may have been on its way";
  EXPECT_THAT(faults_of(peace + done + end + told), ElementsAre(HasSubstr("after unlink")));
  // At the other one.
  const std::string rest = done + "1001000001 dead bored\n2001000001 got 1001000001 1 2\n2001000001 quiet\n";
  EXPECT_THAT(faults_of(peace + rest), IsEmpty());
  EXPECT_THAT(faults_of(peace + rest + "2001000001 exit 1001000001 bored\n"),
              ElementsAre(HasSubstr("had let go")));
}

TEST(LedgerBook, FindsWrongReasons) {
  const std::string rest = "1001000001 exit 2001000001 bored\n";
  EXPECT_THAT(faults_of(peace + "2001000001 dead bored\n1001000001 down 1 normal\n" + rest),
              ElementsAre(HasSubstr("ended with bored")));
  EXPECT_THAT(faults_of(peace + "2001000001 dead bored\n1001000001 down 1 noconnection\n" + rest),
              ElementsAre(HasSubstr("although the connection lives")));
  EXPECT_THAT(faults_of(peace + "2001000001 dead bored\n1001000001 down 1 noconnection\n" + rest, true),
              IsEmpty());
  EXPECT_THAT(faults_of(peace + "2001000001 quiet\n2001000001 got 1001000001 1 2\n1001000001 down 1 bored\n"),
              ElementsAre(HasSubstr("although it lives")));
}

TEST(LedgerBook, FindsAnEndThatIsToldBeforeTheLastMessage) {
  EXPECT_THAT(
      faults_of("1 monitors 2 1\n2 sends 1 1 1\n2 dead bored\n1 down 1 bored\n1 got 2 1 1\n1 quiet\n"),
      ElementsAre(HasSubstr("before its last message"), HasSubstr("after its sender's end")));
}

TEST(LedgerBook, FindsNoprocOfAProcessThatHasGotWhatCameAfterTheMonitorOrLink) {
  const std::string begin = "1 monitors 2 1\n1 sends 2 1 1\n";
  const std::string end = "2 dead bored\n1 down 1 noproc\n1 quiet\n";
  EXPECT_THAT(faults_of(begin + end), IsEmpty()) << "it may have ended before";
  EXPECT_THAT(faults_of(begin + "2 got 1 1 1\n" + end),
              ElementsAre(HasSubstr("it lived when it was watched")));
  // The message came before the link.
  const std::string exit = "2 dead bored\n1 exit 2 noproc\n1 demonitors 1\n1 quiet\n";
  EXPECT_THAT(faults_of(begin + "1 links 2\n2 got 1 1 1\n" + exit), IsEmpty());
  EXPECT_THAT(faults_of(begin + "1 links 2\n1 sends 2 1 2\n2 got 1 1 1\n" + exit), IsEmpty());
  EXPECT_THAT(faults_of(begin + "1 links 2\n1 sends 2 1 2\n2 got 1 1 1\n2 got 1 1 2\n" + exit),
              ElementsAre(HasSubstr("it lived when it was watched")));
}

TEST(LedgerBook, FindsAMonitorThatWasForgottenInACut) {
  const std::string begin = "1001000001 monitors 2001000001 1\n1001000001 monitors 2001000002 2\n";
  const std::string end = "1001000001 quiet\n2001000001 quiet\n2001000002 quiet\n";
  const std::string first = "1001000001 down 1 noconnection\n";
  const std::string second = "1001000001 down 2 noconnection\n";
  EXPECT_THAT(faults_of(begin + first + second + end, false, true), IsEmpty());
  EXPECT_THAT(faults_of(begin + first + end, false, true), IsEmpty()) << "it may have been set after the cut";
  EXPECT_THAT(faults_of(begin + second + end, false, true), ElementsAre(HasSubstr("no DOWN 1")));
  EXPECT_THAT(faults_of(begin + "1001000001 demonitors 1\n" + second + end, false, true), IsEmpty());
}

}  // namespace
}  // namespace barrel::test
