#include "node/overlay.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "services/registry_snapshot.hpp"

namespace barrel {
namespace {

using namespace std::chrono_literals;

/// Overlays of nodes that are linked, in virtual time; what they send arrives at once.
class OverlayTest : public testing::Test {
 protected:
  class Peer final : public Overlay::Port {
   public:
    Peer(OverlayTest& test, const char* name)
        : name_(name), test_(test), overlay({}, name_, 1, test.at(), Random(7), metrics_, Log(), *this) {}

    void send(NodeName to, Atom name, const Term& message, Delivery) override {
      test_.sent_.push_back({name_, to, name, message});
    }
    void send_to_pid(const Pid&, const Term&) override {}
    void dial(NodeName) override {}
    void release(NodeName) override {}
    void publish(std::shared_ptr<const RegistrySnapshot>) override {}
    void emit(const ServiceEvent&) override {}
    void emit(const MembershipEvent&) override {}
    void node_dead(NodeName, std::uint32_t) override {}

   private:
    NodeName name_;
    OverlayTest& test_;
    Metrics metrics_;

   public:
    Overlay overlay;
  };

  Moment at() const { return {Instant(50s) + passed_, SystemTime(1'700'000'000s) + passed_}; }

  /// Makes the two neighbors.
  void join(NodeName one, NodeName contact) {
    peer(one).overlay.link_up(contact, PeerKind::barrel, 1, true, at());
    peer(contact).overlay.link_up(one, PeerKind::barrel, 1, false, at());
    peer(one).overlay.join(contact, at());
    deliver();
    const std::vector<NodeName> active = peer(one).overlay.active_view();
    EXPECT_NE(std::ranges::find(active, contact), active.end());
  }

  void deliver() {
    for (; !sent_.empty(); sent_.pop_front()) {
      const Sent next = sent_.front();
      peer(next.to).overlay.message(next.from, next.name, next.message, at());
    }
  }

  Peer& peer(NodeName name) { return name == a_ ? a : name == b_ ? b : name == c_ ? c : d; }
  std::size_t known(const Peer& peer) const { return peer.overlay.snapshot()->lookup("mine").size(); }

  /// Only b's clock goes on: what happens is what it does by itself.
  void run_b(std::chrono::milliseconds time) {
    const auto end = passed_ + time;
    while (const auto next = b.overlay.next_deadline()) {
      const auto due = std::chrono::ceil<std::chrono::milliseconds>(*next - Instant(50s));
      if (due > end) break;
      passed_ = std::max(passed_, due);
      b.overlay.advance(at());
      deliver();
    }
    passed_ = end;
  }

  struct Sent {
    NodeName from;
    NodeName to;
    Atom name;
    Term message;
  };
  const NodeName a_{"a@h"};
  const NodeName b_{"b@h"};
  const NodeName c_{"c@h"};
  const NodeName d_{"d@h"};
  std::chrono::milliseconds passed_{};
  std::deque<Sent> sent_;
  Peer a{*this, "a@h"};
  Peer b{*this, "b@h"};
  Peer c{*this, "c@h"};
  Peer d{*this, "d@h"};
};

TEST_F(OverlayTest, WhatAComparisonBringsIsPassedOnWithinAMoment) {
  join(b_, c_);
  join(a_, d_);
  // Gossiped where b and c are not.
  ASSERT_TRUE(a.overlay.register_service("mine", Pid{a_.atom(), 1, 0, 1}, Term::map({}), at()));
  deliver();
  run_b(10s);  // past what a new neighbor is told
  join(a_, b_);
  ASSERT_EQ(known(b), 1U);
  ASSERT_EQ(known(c), 0U);
  run_b(600ms);
  EXPECT_EQ(known(c), 1U);
}

}  // namespace
}  // namespace barrel
