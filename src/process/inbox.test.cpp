#include "process/inbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace barrel::detail {
namespace {

Envelope* number(int value) {
  return make_message(value);
}
int value_of(Envelope* envelope) {
  const int value = static_cast<TypedMessage<int>*>(envelope)->value;
  dispose(envelope);
  return value;
}

TEST(Inbox, GivesWhatCameOldestFirstAndTellsWhoMustWakeTheProcess) {
  Inbox inbox;
  inbox.open();
  EXPECT_EQ(inbox.push(number(1), 10), Inbox::Pushed::quiet);
  EXPECT_FALSE(inbox.fall_asleep());
  EXPECT_EQ(inbox.push(number(2), 10), Inbox::Pushed::quiet);
  Envelope* first = inbox.take();
  Envelope* second = first->next;
  EXPECT_EQ(second->next, nullptr);
  EXPECT_EQ(value_of(first), 1);
  EXPECT_EQ(value_of(second), 2);
  EXPECT_TRUE(inbox.fall_asleep());
  EXPECT_EQ(inbox.push(number(3), 10), Inbox::Pushed::woke);
  EXPECT_EQ(inbox.push(number(4), 10), Inbox::Pushed::quiet);
  Envelope* rest = inbox.close();
  Envelope* last = rest->next;
  EXPECT_EQ(value_of(rest), 3);
  EXPECT_EQ(value_of(last), 4);
}

TEST(Inbox, TheLimitHoldsBackMessagesButNotSignals) {
  Inbox inbox;
  inbox.open();
  EXPECT_EQ(inbox.push(number(1), 2), Inbox::Pushed::quiet);
  EXPECT_EQ(inbox.push(number(2), 2), Inbox::Pushed::quiet);
  Envelope* refused = number(3);
  EXPECT_EQ(inbox.push(refused, 2), Inbox::Pushed::full);
  EXPECT_EQ(inbox.push(refused, ~0U), Inbox::Pushed::quiet);
  for (Envelope* envelope = inbox.close(); envelope != nullptr;)
    dispose(std::exchange(envelope, envelope->next));
}

TEST(Inbox, NothingGetsIntoAClosedOne) {
  Inbox inbox;
  Envelope* message = number(1);
  EXPECT_EQ(inbox.push(message, 10), Inbox::Pushed::dead);
  inbox.open();
  EXPECT_EQ(inbox.close(), nullptr);
  EXPECT_EQ(inbox.push(message, 10), Inbox::Pushed::dead);
  dispose(message);
}

TEST(Inbox, ManyProducersLoseNothingAndKeepTheirOwnOrder) {
  constexpr int producers = 4;
  constexpr int each = 20'000;
  Inbox inbox;
  inbox.open();
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&inbox, p] {
      for (int i = 0; i < each; ++i) (void)inbox.push(number(p * each + i), ~0U);
    });
  }
  std::vector<int> next(producers, 0);
  for (int taken = 0; taken < producers * each;) {
    for (Envelope* envelope = inbox.take(); envelope != nullptr; ++taken) {
      const int value = value_of(std::exchange(envelope, envelope->next));
      ASSERT_EQ(value % each, next[static_cast<std::size_t>(value / each)]++);
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace barrel::detail
