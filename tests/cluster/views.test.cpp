#include <signal.h>

#include <algorithm>

#include "cluster/cluster_test.hpp"

namespace barrel::test {
namespace {

class Views : public ClusterTest {
 protected:
  /// Starts n0, n1, ... which all join through n0, each with a room r0, r1, ... of its own.
  void boot(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      ChatNode& node = start("n" + number, i == 0 ? "" : "n0");
      all_.push_back(&node);
      ASSERT_EQ(node.ask("create_room r" + number), "create_room r" + number + ": ok");
      rooms_.insert("r" + number);
    }
  }

  void expect_all_rooms_everywhere() {
    for (ChatNode* node : all_) {
      EXPECT_TRUE(node->eventually("rooms", [&](const Names& rooms) { return rooms == rooms_; }))
          << node->name();
    }
  }

  void expect_chat_between_any_two() {
    for (ChatNode* node : all_) join(*node, "r" + node->name().substr(1));
    for (ChatNode* to : all_) {
      for (ChatNode* from : all_) {
        if (from != to) from->send("send r" + to->name().substr(1) + " hello " + to->name());
      }
    }
    for (ChatNode* to : all_) {
      for (ChatNode* from : all_) {
        if (from == to) continue;
        const std::string room = "r" + to->name().substr(1);
        EXPECT_TRUE(to->prints("[" + room + "] <" + from->full_name() + "> hello " + to->name()));
      }
    }
  }

  /// Every view within the bound, and everybody in the view of whom he has in his; nobody alone.
  [[nodiscard]] bool views_are_sound(std::size_t size_max) {
    std::map<std::string, Names> views;
    for (ChatNode* node : all_) {
      const auto view = node->ask_list("active_view");
      if (!view || view->empty() || view->size() > size_max) return false;
      views[node->full_name()] = *view;
    }
    return std::ranges::all_of(views, [&](const auto& entry) {
      return std::ranges::all_of(entry.second,
                                 [&](const std::string& peer) { return views[peer].contains(entry.first); });
    });
  }

  void expect_sound_views(std::size_t size_max) {
    // Views change while they are asked for one after the other: a few looks are allowed.
    bool sound = false;
    EXPECT_TRUE(
        all_.front()->eventually("nodes", [&](const Names&) { return sound = views_are_sound(size_max); }));
    EXPECT_TRUE(sound);
  }

  std::vector<ChatNode*> all_;
  Names rooms_;
};

TEST_F(Views, FiveNodesThroughOneSeed) {
  boot(5);
  expect_all_rooms_everywhere();
  expect_sound_views(5);
  expect_chat_between_any_two();
}

TEST_F(Views, EightNodesWithTwoNeighboursEachChat) {
  setup_.arguments.emplace_back("--active-size=2");
  boot(8);
  expect_all_rooms_everywhere();
  expect_sound_views(2);
  expect_chat_between_any_two();
}

TEST_F(Views, AHostsDeathIsSeenByNodesThatHadNoLinkToIt) {
  setup_.arguments.emplace_back("--active-size=2");
  boot(8);
  expect_all_rooms_everywhere();
  expect_sound_views(2);
  ChatNode* host = all_.back();
  std::size_t unlinked = 0;
  for (ChatNode* node : all_) {
    // The connections of the joining itself are let go of after a moment.
    Names linked;
    EXPECT_TRUE(node->eventually("nodes",
                                 [&](const Names& names) {
                                   linked = names;
                                   return names.size() < all_.size() - 1;
                                 }))
        << node->name() << " is linked to all others";
    unlinked += node != host && !linked.contains(host->full_name()) ? 1 : 0;
  }
  EXPECT_GT(unlinked, 0U) << "the point of this test";

  const auto deadline = std::chrono::steady_clock::now() + 6s;
  host->child().signal(SIGKILL);
  for (ChatNode* node : all_) {
    if (node == host) continue;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    EXPECT_TRUE(node->prints("*** Room r7 left n7@127.0.0.1", std::max(left, 0ms))) << node->name();
  }
}

}  // namespace
}  // namespace barrel::test
