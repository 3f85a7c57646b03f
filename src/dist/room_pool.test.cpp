#include "dist/room_pool.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace barrel::dist {
namespace {

TEST(RoomPool, LendsAgainWhatNobodySharesAnyMore) {
  const RoomPool pool(1'000'000);
  std::shared_ptr<Room> room = pool.lend(100'000);
  EXPECT_GE(room->span().size(), 100'000U);
  const auto* const storage = room->data();
  std::shared_ptr<const void> share = room;
  room.reset();
  EXPECT_EQ(pool.kept_bytes(), 0U) << "somebody reads it";
  share.reset();
  EXPECT_EQ(pool.kept_bytes(), 100'000U);
  EXPECT_EQ(pool.lend(50'000)->data(), storage);
}

TEST(RoomPool, CopiesAreTheSamePool) {
  const RoomPool pool(1'000'000);
  const RoomPool copy = pool;
  const auto* const storage = pool.lend(100'000)->data();
  EXPECT_EQ(copy.kept_bytes(), 100'000U);
  EXPECT_EQ(copy.lend(50'000)->data(), storage);
}

TEST(RoomPool, KeepsNoMoreThanItsLimitAndNoHugeRooms) {
  const RoomPool pool(3U << 20);
  (void)pool.lend(Shelf<Room>::buffer_bytes_max + 1);
  EXPECT_EQ(pool.kept_bytes(), 0U);
  std::vector<std::shared_ptr<Room>> rooms;
  for (int i = 0; i < 4; ++i) rooms.push_back(pool.lend(1U << 20));
  rooms.clear();
  EXPECT_EQ(pool.kept_bytes(), 3U << 20);
}

TEST(RoomPool, WhatWasLentOutlivesThePool) {
  std::optional<RoomPool> pool(1'000'000);
  const auto room = pool->lend(1'000);
  pool.reset();
  room->span()[999] = 7;
  EXPECT_EQ(room->span()[999], 7);
}

}  // namespace
}  // namespace barrel::dist
