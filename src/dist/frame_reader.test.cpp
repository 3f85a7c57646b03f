#include "dist/frame_reader.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "barrel/base/random.hpp"

namespace barrel::dist {
namespace {

void add_frame(Bytes& stream, const Bytes& payload) {
  ByteWriter writer(stream);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.bytes(payload);
}

/// All frames of the stream, delivered in pieces of the given sizes in turn.
std::vector<Bytes> read_all(FrameReader& reader, BytesView stream, std::vector<std::size_t> pieces) {
  std::vector<Bytes> frames;
  for (std::size_t i = 0; !stream.empty(); ++i) {
    const std::size_t size = std::min(pieces[i % pieces.size()], stream.size());
    reader.feed(stream.first(size));
    stream = stream.subspan(size);
    while (reader.next() == FrameReader::Step::frame) {
      frames.emplace_back(reader.frame().begin(), reader.frame().end());
    }
  }
  return frames;
}

TEST(FrameReader, GivesBackTheFramesHoweverTheyAreCut) {
  Random random(3);
  std::vector<Bytes> sent;
  Bytes stream;
  for (const std::size_t size : {1U, 3U, 1400U, 4096U, 4097U, 70'000U, 2U, 300'000U}) {
    Bytes payload(size);
    random.fill(payload);
    add_frame(stream, payload);
    add_frame(stream, {});  // a tick
    sent.push_back(std::move(payload));
  }
  for (const std::vector<std::size_t>& pieces :
       {std::vector<std::size_t>{1}, {3, 5}, {1300}, {4, 100'000}, {stream.size()}}) {
    FrameReader reader(1 << 20);
    EXPECT_EQ(read_all(reader, stream, pieces), sent);
    EXPECT_EQ(reader.ticks(), sent.size());
    EXPECT_EQ(reader.buffered(), 0U);
  }
}

TEST(FrameReader, LendsAFrameThatLiesWithinOneDelivery) {
  Bytes stream;
  add_frame(stream, Bytes(100, 7));
  FrameReader reader(1000);
  reader.feed(stream);
  ASSERT_EQ(reader.next(), FrameReader::Step::frame);
  EXPECT_EQ(reader.frame().data(), stream.data() + 4);
  EXPECT_EQ(reader.owner(), nullptr);
}

TEST(FrameReader, ALargeSplitFrameHasAnOwnerThatOutlivesTheReader) {
  Bytes stream;
  add_frame(stream, Bytes(100'000, 9));
  std::shared_ptr<Room> owner;
  BytesView frame;
  {
    FrameReader reader(1 << 20);
    reader.feed(BytesView(stream).first(50'000));
    ASSERT_EQ(reader.next(), FrameReader::Step::need_more);
    EXPECT_EQ(reader.buffered(), 50'000U);
    reader.feed(BytesView(stream).subspan(50'000));
    ASSERT_EQ(reader.next(), FrameReader::Step::frame);
    owner = reader.owner();
    frame = reader.frame();
  }
  ASSERT_NE(owner, nullptr);
  EXPECT_EQ(Bytes(frame.begin(), frame.end()), Bytes(100'000, 9));
}

TEST(FrameReader, BuffersOfLargeSplitFramesAreUsedAgainOnceNobodySharesThem) {
  const RoomPool pool(1 << 20);
  FrameReader reader(1 << 20, pool);
  Bytes stream;
  add_frame(stream, Bytes(100'000, 9));
  const auto read = [&] {
    reader.feed(BytesView(stream).first(50'000));
    EXPECT_EQ(reader.next(), FrameReader::Step::need_more);
    reader.feed(BytesView(stream).subspan(50'000));
    EXPECT_EQ(reader.next(), FrameReader::Step::frame);
    return std::pair(reader.frame(), reader.owner());
  };
  const auto kept = read();
  const auto* const storage = read().first.data();
  EXPECT_NE(storage, kept.first.data());
  EXPECT_EQ(Bytes(kept.first.begin(), kept.first.end()), Bytes(100'000, 9));
  EXPECT_EQ(read().first.data(), storage);
}

TEST(FrameReader, TheRestOfALargeFrameCanBePutInItsPlace) {
  Bytes frame(600'000);
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(i * 7 / 5);
  Bytes stream;
  add_frame(stream, frame);
  FrameReader reader(1 << 20);
  EXPECT_TRUE(reader.room().empty()) << "nobody knows what comes";
  std::size_t at = 1'000;
  reader.feed(BytesView(stream).first(at));
  int pieces = 0;
  while (reader.next() == FrameReader::Step::need_more) {
    EXPECT_EQ(reader.buffered(), at);
    const auto room = reader.room();
    ASSERT_FALSE(room.empty());
    ASSERT_LE(room.size(), stream.size() - at) << "nothing of the next frame";
    EXPECT_LE(room.size(), 300'000U) << "memory grows with what has come";
    const std::size_t count = std::min<std::size_t>(room.size(), 100'000);
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), count, room.begin());
    reader.placed(count);
    at += count;
    ++pieces;
  }
  EXPECT_EQ(at, stream.size());
  EXPECT_GT(pieces, 5);
  EXPECT_EQ(Bytes(reader.frame().begin(), reader.frame().end()), frame);
  EXPECT_NE(reader.owner(), nullptr);
  EXPECT_EQ(reader.next(), FrameReader::Step::need_more);
  EXPECT_TRUE(reader.room().empty());
}

TEST(FrameReader, ASmallFrameIsReadWithWhatFollows) {
  Bytes stream;
  add_frame(stream, Bytes(5'000, 1));
  FrameReader reader(1 << 20);
  reader.feed(BytesView(stream).first(100));
  EXPECT_EQ(reader.next(), FrameReader::Step::need_more);
  EXPECT_TRUE(reader.room().empty());
}

TEST(FrameReader, RefusesAFrameOverTheLimitForGood) {
  Bytes stream;
  ByteWriter(stream).u32(1001);
  FrameReader reader(1000);
  reader.feed(stream);
  EXPECT_EQ(reader.next(), FrameReader::Step::too_large);
  Bytes good;
  add_frame(good, Bytes(1, 1));
  reader.feed(good);
  EXPECT_EQ(reader.next(), FrameReader::Step::too_large);
}

}  // namespace
}  // namespace barrel::dist
