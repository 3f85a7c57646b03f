#include "dist/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace barrel::dist {
namespace {

TEST(BufferPool, GivesAgainWhatNobodySharesAnyMore) {
  const BufferPool pool(1'000'000);
  Bytes buffer = pool.get(100'000);
  const auto* const storage = buffer.data();
  buffer.assign(1'000, 7);
  std::optional<SharedBytes> shared = pool.share(std::move(buffer));
  std::optional<SharedBytes> slice = shared->slice(10, 20);
  shared.reset();
  EXPECT_EQ(pool.kept_bytes(), 0U) << "a slice is alive";
  EXPECT_EQ(slice->view()[0], 7);
  slice.reset();
  EXPECT_GE(pool.kept_bytes(), 100'000U);
  const Bytes again = pool.get(50'000);
  EXPECT_EQ(again.data(), storage);
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(pool.kept_bytes(), 0U);
}

TEST(BufferPool, AllocatesWhenNoneIsLargeEnough) {
  const BufferPool pool(1'000'000);
  (void)pool.share(pool.get(1'000));
  EXPECT_GE(pool.get(100'000).capacity(), 100'000U);
  EXPECT_GE(pool.kept_bytes(), 1'000U);
}

TEST(BufferPool, KeepsNoMoreThanItsLimitAndNoHugeBuffers) {
  const BufferPool pool(150'000);
  {
    const SharedBytes one = pool.share(pool.get(100'000));
    const SharedBytes two = pool.share(pool.get(100'000));
    const SharedBytes huge = pool.share(pool.get(Shelf<Bytes>::buffer_bytes_max + 1));
  }
  EXPECT_GE(pool.kept_bytes(), 100'000U);
  EXPECT_LE(pool.kept_bytes(), 150'000U);
  pool.trim(0);
  EXPECT_EQ(pool.kept_bytes(), 0U);
}

TEST(BufferPool, WhatWasSharedOutlivesThePool) {
  std::optional<BufferPool> pool(1'000'000);
  const SharedBytes shared = pool->share(Bytes(1'000, 7));
  pool.reset();
  EXPECT_EQ(shared.view()[999], 7);
}

}  // namespace
}  // namespace barrel::dist
