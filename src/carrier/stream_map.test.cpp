#include "carrier/stream_map.hpp"

#include <gtest/gtest.h>

#include <set>

namespace barrel::carrier {
namespace {

TEST(StreamMap, TheNumberAloneDecidesTheClass) {
  EXPECT_EQ(classify(0), StreamClass::control);
  for (const quic::StreamId stream : {4, 8, 64, 1, 5, 61})
    EXPECT_EQ(classify(stream), StreamClass::data) << stream;
  for (const quic::StreamId stream : {68, 72, 65, 69})
    EXPECT_EQ(classify(stream), StreamClass::user) << stream;
  for (const quic::StreamId stream : {2, 3, 6, 7}) {
    EXPECT_EQ(classify(stream), StreamClass::unidirectional) << stream;
  }
}

TEST(StreamMap, EveryDataStreamHasItsOwnNumber) {
  std::set<std::size_t> numbers;
  for (quic::StreamId stream = 0; stream < 200; ++stream) {
    if (classify(stream) != StreamClass::data) continue;
    EXPECT_LT(data_stream_index(stream), data_stream_count) << stream;
    EXPECT_TRUE(numbers.insert(data_stream_index(stream)).second) << stream;
  }
  EXPECT_EQ(numbers.size(), data_stream_count);
}

}  // namespace
}  // namespace barrel::carrier
