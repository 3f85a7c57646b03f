// Streams: too many, half used, slow.
#include "carrier/stream_map.hpp"
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

void user_streams(Scene& scene) {
  Attacker& attacker = scene.attacker();
  quic::StreamId next = carrier::user_stream_first_of_client;
  const quic::StreamId end = next + 8'000;
  const bool all = attacker.until(
      [&] {
        while (next < end && attacker.write(next, Bytes{3, 't', 'a', 'g'}, true)) next += 4;
        return next >= end || attacker.closed();
      },
      15s);
  require(all, "not all streams could be opened");
  require(attacker.settled(), "not settled");
}

/// A frame of 60 MB is announced on each of the streams that may carry messages; little of it comes.
void half_frames(Scene& scene) {
  Attacker& attacker = scene.attacker();
  for (quic::StreamId stream = 8; stream < carrier::user_stream_first_of_client; stream += 4) {
    Bytes bytes;
    ByteWriter(bytes).u32(60'000'000);
    bytes.resize(100'000);
    require(attacker.write(stream, std::move(bytes)), "no stream");
  }
  require(attacker.delivered(), "not delivered");
  require(attacker.settled(), "not settled");
}

void one_way_streams(Scene& scene) {
  Attacker& attacker = scene.attacker();
  int opened = 0;
  while (opened < 500) {
    const auto stream = attacker.connection()->open_unidirectional();
    if (!stream) break;
    (void)attacker.connection()->send(*stream, SharedBytes(Bytes(1'000)), true);
    ++opened;
  }
  require(opened > 50, "hardly any stream");
  require(attacker.settled(), "not settled");
}

/// One byte at a time; the others of the same connection and of other nodes do not wait.
void slow_drip(Scene& scene) {
  Attacker& attacker = scene.attacker();
  require(attacker.write(12, Bytes{0, 0, 0, 200}), "no stream");
  for (int i = 0; i < 40; ++i) {
    require(attacker.write(12, Bytes{112}), "no stream");
    attacker.run(25ms);
  }
  require(attacker.settled(), "not settled");
}

void ticks(Scene& scene) {
  Attacker& attacker = scene.attacker();
  for (int i = 0; i < 20; ++i) attacker.write(16, Bytes(40'000));
  attacker.write(carrier::control_stream, Bytes(1'000));
  require(attacker.delivered(), "not delivered");
  require(attacker.settled(), "not settled");
}

constexpr Attack attacks[] = {
    {"UserStreams", "thousands of streams that nobody has asked for",
     "resets each; 100 at a time at most (QUIC's limit)", "dist.user_stream_refused", Ending::stays,
     &user_streams},
    {"OneWayStreams", "hundreds of one-way streams with data", "reads nothing of them; 100 at most", "",
     Ending::stays, &one_way_streams},
    {"HalfFrames", "the beginnings of frames of 60 MB on all streams of messages",
     "keeps what has come (within QUIC's windows), not what was announced", "", Ending::stays, &half_frames},
    {"SlowDrip", "a message of one byte each moment", "waits; other streams and nodes do not", "",
     Ending::stays, &slow_drip},
    {"Ticks", "hundreds of thousands of empty frames", "ignores them", "dist.ticks", Ending::stays, &ticks},
};

}  // namespace

const Family streams{"Streams", "Streams and frames, from an authenticated peer", attacks};

}  // namespace barrel::hostile
