// A cluster of as many Barrel nodes as nodes of the original, on which names come and go.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "barrel/base/random.hpp"
#include "original/holders.hpp"
#include "original/original_test.hpp"

namespace barrel::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Between two changes of a name.
constexpr auto change_interval = 200ms;
/// Names come and go for so long, then everybody has to agree.
constexpr auto round_time = 5s;
/// How long agreement may take: the original forgets the names of a live node when it drops it from its view,
/// and finds them again only by asking its neighbours, of whom it may wait 5 s for each.
constexpr auto agreement_limit = 60s;
constexpr std::size_t names_max = 30;

class MixedCluster : public OriginalTest {
 protected:
  struct Name {
    std::size_t member = 0;
    Pid pid;
  };

  void SetUp() override {
    OriginalTest::SetUp();
    if (IsSkipped()) return;
    NEEDS_START();
    const std::size_t count = original_settings().mixed_nodes;
    for (std::size_t i = 0; i < count; ++i)
      originals.push_back(start_original("e" + std::to_string(i) + "n"));
    for (const auto& node : originals) {
      // A filter sees every event of the log, in the process that logs. Where two nodes dial each other at
      // once, one of the two handshakes is closed, which the original calls a crash of its.
      (void)node->bind(
          "Reports = Keep(), ok = logger:add_primary_filter(reports, {fun(#{level := Level, msg := What}, "
          "To) ->"
          " _ = [To ! What || lists:member(Level, [error, critical, alert, emergency]),"
          " string:find(io_lib:format(\"~0tp\", [What]), "
          "\"{connection_closed,{peer_closed,application,0,\") =:= nomatch], ignore end, "
          "Reports})");
    }
    for (std::size_t i = 0; i < count; ++i) {
      barrels.push_back(start_barrel("b" + std::to_string(i) + "n", {originals[i]->name()}));
      ASSERT_TRUE(barrels.back());
      // Each original node joins by the Barrel node of its neighbour, so that the kinds alternate.
      if (i > 0)
        (void)originals[i]->text("barrel_p2p:join('" + std::string(barrels[i - 1]->name().text()) + "')");
    }
  }
  void TearDown() override {
    if (HasFailure()) {
      for (const auto& node : originals) std::cout << node->transcript().substr(0, 4000) << "\n";
    }
    barrels.clear();
    originals.clear();
    OriginalTest::TearDown();
  }

  [[nodiscard]] std::size_t members() const { return barrels.size() + originals.size(); }
  /// Registers a new name somewhere, or takes one away.
  void change() {
    if (live.size() >= names_max || (!live.empty() && random.below(3) == 0)) return remove();
    const std::string name = unique("name") + "n" + std::to_string(++names_made);
    const std::size_t member = random.below(members());
    if (member < barrels.size()) {
      live[name] = {member, barrels[member]->spawn(&hold_name, Term(std::string_view(name)), Metadata{})};
      return;
    }
    const Term held = originals[member - barrels.size()]->eval("Hold(<<\"" + name + "\">>, #{n => 1})");
    ASSERT_EQ(held.elements()[1], Term(Atom("ok"))) << to_string(held);
    live[name] = {member, *held.elements()[0].as_pid()};
  }
  void remove() {
    const auto name = std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(live.size())));
    const Term how = Term::tuple_of(Atom("exit"), Atom(random.below(2) == 0 ? "normal" : "broken"));
    const std::size_t member = name->second.member;
    Node& from = member < barrels.size() ? *barrels[member] : asker();
    from.spawn(&end_holder, name->second.pid, how);
    gone.push_back(live.extract(name));
    if (gone.size() > names_max) gone.erase(gone.begin());
  }

  /// What a Barrel node does not know as it is; empty when all is well.
  [[nodiscard]] std::string differences(const Node& node) const {
    std::string text;
    for (const auto& [name, holder] : live) {
      if (node.registry().find(name) != Result<Pid>(holder.pid)) text += " missing " + name;
    }
    for (const auto& name : gone) {
      if (node.registry().find(name.key())) text += " stale " + name.key();
    }
    return text.empty() ? text : std::string(node.name().text()) + ":" + text + "\n";
  }
  [[nodiscard]] std::string differences(Original& node) const {
    std::string names;
    for (const auto& [name, holder] : live) names += (names.empty() ? "<<\"" : ",<<\"") + name + "\">>";
    // All at once: each lookup goes from neighbour to neighbour.
    const Term found = node.eval(
        "Ask = fun(N) -> case barrel_p2p:whereis_service(N, #{retries => 0}) of {ok, P} -> P; {ok, _, P} -> "
        "P; "
        "{error, R} -> R end end, S = self(), Askers = [spawn(fun() -> S ! {found, self(), Ask(N)} end) || N "
        "<- [" +
            names + "]], [receive {found, A, W} -> W after 40000 -> timeout end || A <- Askers]",
        90s);
    std::string text;
    std::size_t i = 0;
    for (const auto& [name, holder] : live) {
      if (found.elements()[i++].as_pid() != holder.pid) text += " missing " + name;
    }
    return text.empty() ? text : std::string(node.name().text()) + ":" + text + "\n";
  }
  [[nodiscard]] std::string differences() {
    std::string text;
    for (const auto& node : barrels) text += differences(*node);
    for (const auto& node : originals) text += differences(*node);
    return text;
  }
  /// What is known of the names that somebody still has: of them where they were held, and of what the askers
  /// lost.
  [[nodiscard]] std::string traces_of_gone() {
    std::string text;
    for (const auto& name : gone) {
      if (!barrels.front()->registry().find(name.key())) continue;
      text += name.key() + " was " + to_string(Term(name.mapped().pid));
      const std::size_t member = name.mapped().member;
      if (member >= barrels.size()) {
        text += ", there: " +
                originals[member - barrels.size()]->text("barrel_p2p:lookup(<<\"" + name.key() + "\">>)");
      }
      text += "\n";
    }
    std::vector<Node*> nodes{&asker()};
    for (const auto& node : barrels) nodes.push_back(node.get());
    for (Node* node : nodes) {
      text += std::string(node->name().text()) + ":";
      for (const auto& [name, value] : node->metrics()) {
        const bool is_loss =
            name.find("dropped") != std::string::npos || name.find("failed") != std::string::npos;
        if (value != 0 && is_loss) text += " " + name + "=" + std::to_string(value);
      }
      text += "\n";
    }
    return text;
  }
  void expect_agreement() {
    const auto begin = Clock::now();
    std::string left = differences();
    while (!left.empty() && Clock::now() - begin < agreement_limit) {
      std::this_thread::sleep_for(100ms);
      left = differences();
    }
    EXPECT_EQ(left, "") << "after " << names_made << " names\n" << traces_of_gone();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    slowest = std::max(slowest, took);
  }
  void expect_sound() {
    for (const auto& node : originals) {
      EXPECT_EQ(node->text("Got(Reports)"), "[]")
          << "crashes, or other errors that " << node->atom() << " logs";
      // Its neighbours are connected with it.
      EXPECT_TRUE(node->becomes("barrel_p2p:active_view() -- nodes()", "[]")) << node->atom();
    }
    for (const auto& node : barrels) {
      EXPECT_FALSE(node->membership().active_view().empty());
      for (const auto& [name, value] : node->metrics()) {
        if (name.find("malformed") != std::string::npos || name.find("spoofed") != std::string::npos ||
            name.find("protocol_error") != std::string::npos) {
          EXPECT_EQ(value, 0U) << name;
        }
      }
    }
  }

  std::vector<std::unique_ptr<Original>> originals;
  std::vector<std::unique_ptr<Node>> barrels;
  Random random{1};
  std::map<std::string, Name> live;
  std::vector<std::map<std::string, Name>::node_type> gone;
  int names_made = 0;
  std::chrono::milliseconds slowest{0};
};

TEST_F(MixedCluster, NamesThatComeAndGoAreFoundEverywhere) {
  const auto end = Clock::now() + original_settings().mixed_for;
  int rounds = 0;
  while (Clock::now() < end && !HasFailure()) {
    const auto round_end = Clock::now() + round_time;
    while (Clock::now() < round_end) {
      change();
      std::this_thread::sleep_for(change_interval);
    }
    expect_agreement();
    expect_sound();
    ++rounds;
  }
  std::cout << "[ measured ] " << members() << " nodes, " << original_settings().mixed_for.count()
            << " s: " << rounds << " rounds, " << names_made << " names, slowest agreement "
            << slowest.count() << " ms\n";
}

}  // namespace
}  // namespace barrel::test
