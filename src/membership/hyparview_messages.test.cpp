#include "membership/hyparview_messages.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"

namespace barrel::hyparview {
namespace {

Result<std::pair<NodeName, Message>> decode_hex(std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (!bytes) return Error{Errc::malformed};
  auto term = decode_etf(BytesView(*bytes));
  if (!term) return term.error();
  return decode(*term);
}

// Messages of two nodes that run the original, as captured.
constexpr std::string_view captured_join =
    "83680377152462617272656c5f7032705f687970617276696577770c6e32403132372e302e302e31680277046a6f696e"
    "680a770470656572770c6e32403132372e302e302e316804617f61006100610161007709756e646566696e6564770474"
    "7275657704686967687709756e646566696e656461007709756e646566696e6564";
constexpr std::string_view captured_disconnect =
    "83680377152462617272656c5f7032705f687970617276696577770c6e32403132372e302e302e316802770a64697363"
    "6f6e6e656374680a770470656572770c6e32403132372e302e302e316804617f61006100610161007709756e64656669"
    "6e65647704747275657704686967687709756e646566696e656461007709756e646566696e6564";
constexpr std::string_view captured_neighbor =
    "83680377152462617272656c5f7032705f687970617276696577770c6e31403132372e302e302e31680377086e656967"
    "68626f72770468696768680a770470656572770c6e31403132372e302e302e316804617f61006100610161007709756e"
    "646566696e65647704747275657704686967687709756e646566696e656461007709756e646566696e6564";
constexpr std::string_view captured_neighbor_reply =
    "83680377152462617272656c5f7032705f687970617276696577770c6e32403132372e302e302e316803770e6e656967"
    "68626f725f7265706c79770474727565680a770470656572770c6e32403132372e302e302e316804617f610061006101"
    "61007709756e646566696e65647704747275657704686967687709756e646566696e656461007709756e646566696e65"
    "64";

TEST(HyParViewMessages, reads_what_the_original_sent) {
  const NodeName n1("n1@127.0.0.1");
  const NodeName n2("n2@127.0.0.1");
  const auto join = decode_hex(captured_join);
  ASSERT_TRUE(join.has_value());
  EXPECT_EQ(join->first, n2);
  EXPECT_EQ(std::get<Join>(join->second).peer, (PeerRecord{n2, true}));
  const auto disconnect = decode_hex(captured_disconnect);
  ASSERT_TRUE(disconnect.has_value());
  EXPECT_EQ(std::get<Disconnect>(disconnect->second).peer.node, n2);
  const auto neighbor = decode_hex(captured_neighbor);
  ASSERT_TRUE(neighbor.has_value());
  EXPECT_EQ(std::get<Neighbor>(neighbor->second).priority, Priority::high);
  EXPECT_EQ(std::get<Neighbor>(neighbor->second).peer.node, n1);
  const auto reply = decode_hex(captured_neighbor_reply);
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(std::get<NeighborReply>(reply->second).accepted);
}

TEST(HyParViewMessages, writes_the_peer_record_that_the_original_accepts) {
  const NodeName n("n@h");
  EXPECT_EQ(to_string(encode(n, Join{{n}})),
            "{'$barrel_p2p_hyparview',n@h,{join,{peer,n@h,undefined,undefined,undefined,true,high,undefined,"
            "0,undefined}}}");
  EXPECT_EQ(to_string(encode(n, Disconnect{{n}})),
            "{'$barrel_p2p_hyparview',n@h,{disconnect,{peer,n@h,undefined,undefined,undefined,true,high,"
            "undefined,1000000,undefined}}}")
      << "no candidate to replace itself";
  EXPECT_EQ(to_string(encode(n, ShuffleReply{{{"p@h", false}}, {n}})),
            "{'$barrel_p2p_hyparview',n@h,{shuffle_reply,[{peer,p@h,undefined,undefined,undefined,false,low,"
            "undefined,0,"
            "undefined}],{peer,n@h,undefined,undefined,undefined,true,high,undefined,0,undefined}}}");
}

TEST(HyParViewMessages, every_message_survives_the_wire) {
  const PeerRecord n{"n@h", true};
  const PeerRecord p{"p@h", false};
  const Message messages[] = {Join{n},
                              ForwardJoin{p, 4, n},
                              Disconnect{n},
                              Neighbor{Priority::low, n},
                              NeighborReply{false, n},
                              Shuffle{3, {n, p}, n},
                              ShuffleReply{{p}, n}};
  for (const Message& message : messages) {
    const Term term = encode(n.node, message);
    const auto again = decode(decode_etf(BytesView(encode_etf(term))).value_or(Term()));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(encode(again->first, again->second), term);
  }
}

TEST(HyParViewMessages, long_shuffles_are_cut_to_their_bound) {
  const std::vector<PeerRecord> many(500, PeerRecord{"p@h", true});
  const auto read = decode(encode("n@h", Shuffle{1, many, {"n@h"}}));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<Shuffle>(read->second).peers.size(), shuffle_peers_max);
}

}  // namespace
}  // namespace barrel::hyparview
