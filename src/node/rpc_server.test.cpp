#include "node/rpc_server.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "barrel/term/etf.hpp"
#include "node/overlay.hpp"
#include "node/overlay_limits.hpp"

namespace barrel::node {
namespace {

class KernelMessageTest : public testing::Test {
 protected:
  KernelMessage message(Bytes payload) {
    KernelMessage made;
    made.payload = SharedBytes(std::move(payload));
    made.context = context;
    return made;
  }
  static std::shared_ptr<const DecodeContext> make_context(int* malformed) {
    auto made = std::make_shared<DecodeContext>();
    made->on_malformed = [malformed](const Error&) { ++*malformed; };
    return made;
  }

  int malformed = 0;
  std::shared_ptr<const DecodeContext> context = make_context(&malformed);
  Counter over_limit;
};

TEST_F(KernelMessageTest, CountsTheMemoryThatItTakesUntilNobodyNeedsItAnyMore) {
  auto call = message(encode_etf(Term::tuple(std::vector<Term>(1'000, Term::tuple({})))));
  ASSERT_TRUE(call.decode(over_limit));
  EXPECT_EQ(call.message.elements().size(), 1'000U);
  std::shared_ptr<const void> kept_by_a_worker = std::exchange(call, KernelMessage()).charge;
  EXPECT_GT(context->unread_bytes.load(), 1'000 * (sizeof(Term) + 16)) << "more than the 2,000 bytes of it";
  kept_by_a_worker.reset();
  EXPECT_EQ(context->unread_bytes.load(), 0U);
}

TEST_F(KernelMessageTest, OfTooManyTermsIsDroppedAndCountedAlone) {
  Bytes bytes{131, 108};
  ByteWriter out(bytes);
  out.u32(KernelMessage::terms_max + 1);
  for (std::uint32_t i = 0; i <= KernelMessage::terms_max; ++i) out.u8(106);
  out.u8(106);
  EXPECT_FALSE(message(std::move(bytes)).decode(over_limit));
  EXPECT_EQ(over_limit.value(), 1U);
  EXPECT_EQ(malformed, 0);
  EXPECT_FALSE(message({131, 104}).decode(over_limit));
  EXPECT_EQ(over_limit.value(), 1U);
  EXPECT_EQ(malformed, 1);
}

TEST(OverlayLimits, EachNameThatIsLookedAtHasOne) {
  for (const char* name : {"barrel_p2p_bridge", "barrel_p2p_plumtree", "barrel_p2p_registry_replica",
                           "barrel_p2p_router", "barrel_liveness"}) {
    EXPECT_TRUE(Overlay::handles(name) && overlay_limits(name)) << name;
  }
  for (const char* name : {"barrel_p2p_members_replica", "barrel_p2p_map_replica$carts"}) {
    EXPECT_TRUE(Overlay::handles(name)) << name;
    EXPECT_FALSE(overlay_limits(name)) << name << " is not looked at";
  }
}

TEST(OverlayLimits, GossipOfTheLargestPayloadFits) {
  EXPECT_GT(overlay_limits("barrel_p2p_plumtree")->bytes_max, PlumtreeConfig().payload_bytes_max);
}

}  // namespace
}  // namespace barrel::node
