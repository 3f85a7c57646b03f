// Two Barrel nodes and two Erlang nodes, four processes of the operating system, whose processes send,
// monitor, link, kill and end at random while the nodes are killed and come back: a ledger of what all of
// them saw must balance. BARREL_LEDGER_SECONDS says for how long, BARREL_LEDGER_SEED repeats a run's choices.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "barrel/base/random.hpp"
#include "erlang/beam.hpp"
#include "erlang/ledger_book.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace barrel::test {
namespace {

constexpr std::array names{"b1@127.0.0.1", "b2@127.0.0.1", "e1@127.0.0.1", "e2@127.0.0.1"};
constexpr std::size_t first_beam = 2;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : std::stoull(value);
}

/// The nodes, and what was done to them.
class Cluster {
 public:
  explicit Cluster(std::uint64_t seed) : random_(seed), seed_(seed % 1'000'000'000) {
    for (std::size_t node = 0; node < names.size(); ++node) start(node);
  }

  /// Kills a node and starts it again, or cuts a connection of an Erlang node.
  void make_trouble() {
    if (random_.chance(300'000)) return cut(first_beam + random_.below(2), random_.below(names.size()));
    const std::size_t node = random_.below(names.size());
    Member& member = members_[node];
    killed_.push_back(life(node));
    if (member.beam) member.beam->kill();
    if (member.barrel) {
      member.barrel->signal(SIGKILL);
      (void)member.barrel->wait_exit(5s);
    }
    ++kills_;
    std::this_thread::sleep_for(std::chrono::milliseconds(random_.below(500)));
    ++member.incarnation;
    start(node);
  }

  void make_quiet() {
    for (Member& member : members_) {
      if (member.beam) (void)member.beam->eval("ledger_node:quiet()");
      if (member.barrel) member.barrel->send_line("quiet");
    }
  }

  [[nodiscard]] LedgerBook book() const {
    LedgerBook book;
    for (const auto life : killed_) book.killed(life);
    for (const auto& [one, other] : cuts_) book.cut(one, other);
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
      if (file.path().extension() != ".diary") continue;
      std::ifstream diary(file.path());
      book.read(diary);
    }
    return book;
  }

  [[nodiscard]] int kills() const { return kills_; }
  [[nodiscard]] std::size_t cuts() const { return cuts_.size(); }
  void keep() {
    directory_.keep();
    std::cerr << "the diaries are in " << directory_.path() << "\n";
  }
  /// What the nodes have printed.
  [[nodiscard]] std::string transcript() const {
    std::string all;
    for (const Member& member : members_)
      all += member.beam ? member.beam->transcript() : member.barrel->transcript();
    return all;
  }

 private:
  struct Member {
    std::int64_t incarnation = 1;
    std::unique_ptr<Beam> beam;
    std::unique_ptr<Child> barrel;
  };

  [[nodiscard]] LedgerBook::Life life(std::size_t node) const {
    return static_cast<std::int64_t>(node + 1) * 1'000 + members_[node].incarnation;
  }

  void start(std::size_t node) {
    const std::string base = std::to_string(life(node) * 1'000'000);
    const std::string diary = directory_.path() / (std::to_string(life(node)) + ".diary");
    Member& member = members_[node];
    if (node >= first_beam) {
      // Otherwise OTP's `global` takes connections apart when one of them was lost.
      member.beam = std::make_unique<Beam>(
          epmd_, names[node],
          BeamOptions{.arguments = {"-kernel", "prevent_overlapping_partitions", "false"}});
      member.beam->load(BARREL_LEDGER_ERL);
      std::string nodes;
      for (const char* name : names) nodes += (nodes.empty() ? "'" : ", '") + std::string(name) + "'";
      (void)member.beam->eval("ledger_node:start(\"" + diary + "\", " + base + ", " + std::to_string(seed_) +
                              ", [" + nodes + "])");
      return;
    }
    std::vector<std::string> argv = {
        BARREL_LEDGER_NODE,           names[node],       base, std::to_string(seed_),
        std::to_string(epmd_.port()), directory_.path(), diary};
    argv.insert(argv.end(), names.begin(), names.end());
    member.barrel = std::make_unique<Child>(Command{.argv = std::move(argv)});
    if (!member.barrel->wait_for("ready", 20s))
      throw std::runtime_error("a Barrel node does not start:\n" + member.barrel->transcript());
  }

  void cut(std::size_t beam, std::size_t other) {
    if (beam == other) return;
    cuts_.emplace_back(life(beam), life(other));
    (void)members_[beam].beam->eval("erlang:disconnect_node('" + std::string(names[other]) + "')");
  }

  Random random_;
  const std::uint64_t seed_;
  TempDir directory_;
  Epmd epmd_;
  std::array<Member, names.size()> members_;
  std::vector<LedgerBook::Life> killed_;
  std::vector<std::pair<LedgerBook::Life, LedgerBook::Life>> cuts_;
  int kills_ = 0;
};

/// Of what was seen from each node of each.
void print(const LedgerBook& book) {
  for (const auto& [pair, count] : book.counts()) {
    std::cout << names.at(pair.first - 1) << " of " << names.at(pair.second - 1) << ": " << count.messages
              << " messages, " << count.downs << " DOWN, " << count.exits << " EXIT, " << count.lost
              << " of them noconnection, " << count.named << " DOWN by name, " << count.unlinks
              << " links taken back\n";
  }
}

TEST(Ledger, BalancesBetweenBarrelAndErlangNodesThatAreKilledAndComeBack) {
  const std::uint64_t seed = number_from("BARREL_LEDGER_SEED", std::random_device{}());
  const std::chrono::seconds length(number_from("BARREL_LEDGER_SECONDS", 60));
  SCOPED_TRACE("BARREL_LEDGER_SEED=" + std::to_string(seed));
  Cluster cluster(seed);
  Random pauses(~seed);
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pauses.between(200, 1200)));
    cluster.make_trouble();
  }
  cluster.make_quiet();
  // A Barrel node that was killed is missed by another only when it has been silent for a while.
  std::vector<std::string> faults;
  for (int i = 0; i < 60; ++i) {
    faults = cluster.book().faults();
    if (faults.empty()) break;
    std::this_thread::sleep_for(500ms);
  }
  LedgerBook book = cluster.book();
  (void)book.faults();
  print(book);
  std::cout << cluster.kills() << " nodes killed, " << cluster.cuts() << " connections cut\n";
  if (!faults.empty()) cluster.keep();
  for (const std::string& fault : faults) ADD_FAILURE() << fault;
  EXPECT_GT(cluster.kills(), 0);
  EXPECT_EQ(book.counts().size(), names.size() * names.size());
  LedgerBook::Count all;
  for (const auto& [pair, count] : book.counts()) {
    all.named += count.named;
    all.unlinks += count.unlinks;
    EXPECT_GT(count.messages, 0U) << pair.first << " " << pair.second;
    EXPECT_GT(count.downs, 0U) << pair.first << " " << pair.second;
  }
  EXPECT_GT(all.named, 0U);
  EXPECT_GT(all.unlinks, 0U);
  if (HasFailure()) std::cerr << cluster.transcript();
}

}  // namespace
}  // namespace barrel::test
