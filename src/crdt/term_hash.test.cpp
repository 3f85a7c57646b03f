#include "crdt/term_hash.hpp"

#include <gtest/gtest.h>

#include <set>

#include "barrel/term/atom_quota.hpp"
#include "barrel/term/etf.hpp"

namespace barrel {
namespace {

/// NEW_PID_EXT as a peer sends it, of a node that nobody here knows.
Term pid_of_stranger(std::string_view node, std::uint32_t id, const std::shared_ptr<AtomQuota>& quota) {
  Bytes bytes{131, 88, 119, static_cast<std::uint8_t>(node.size())};
  ByteWriter out(bytes);
  out.bytes(as_bytes(node));
  for (const std::uint32_t number : {id, 8U, 9U}) out.u32(number);
  EtfLimits limits;
  limits.atom_quota = quota;
  return decode_etf(bytes, limits).value_or(Term());
}

TEST(TermHash, IsTheSameForAllVersionsBecauseNodesCompareIt) {
  const Atom node("hash_test@h");
  EXPECT_EQ(hash_term(Term(Pid{node, 7, 8, 9})), 0x7ebaa45aaccbee30U);
  EXPECT_EQ(hash_term(Term(Ref{node, 9, 3, {1, 2, 3}})), 0x7151d078f58dc613U);
  EXPECT_EQ(hash_term(Term(Port{node, 7, 9})), 0x68a8ca37c31da578U);
}

TEST(TermHash, IdentifiersOfNodesThatCannotBeInternedDiffer) {
  const auto none_left = std::make_shared<AtomQuota>(0);
  std::set<std::uint64_t> hashes;
  for (std::uint32_t id = 0; id < 100; ++id) {
    hashes.insert(hash_term(pid_of_stranger("hash_test_stranger@h", id, none_left)));
  }
  EXPECT_EQ(hashes.size(), 100U);
  EXPECT_EQ(none_left->refused(), 0U) << "a hash interns nothing";
}

TEST(TermHash, DoesNotDependOnWhetherTheNodeIsInterned) {
  const auto quota = std::make_shared<AtomQuota>(1);
  const Term pid = pid_of_stranger("hash_test_late@h", 7, quota);
  const std::uint64_t as_text = hash_term(pid);
  EXPECT_EQ(quota->used(), 0U);
  EXPECT_EQ(hash_term(Term(Pid{Atom("hash_test_late@h"), 7, 8, 9})), as_text);
  EXPECT_EQ(hash_term(pid), as_text);
}

}  // namespace
}  // namespace barrel
