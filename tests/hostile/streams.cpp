// Streams: too many, half used, slow.
#include "carrier/stream_map.hpp"
#include "hostile/families.hpp"
#include "hostile/messages.hpp"

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
  scene.must_count(8'000 / 4);
  settle(attacker);
}

/// The first `bytes` of a frame of 8 MB on each of the streams that may carry messages.
void begin_frames(Attacker& attacker, std::size_t bytes) {
  for (quic::StreamId stream = 8; stream < carrier::user_stream_first_of_client; stream += 4) {
    Bytes beginning;
    ByteWriter(beginning).u32(8'000'000);
    beginning.resize(bytes);
    if (!attacker.write(stream, std::move(beginning))) return;
    require(attacker.delivered(), "not delivered");
  }
}

void half_frames(Scene& scene) {
  begin_frames(scene.attacker(), 100'000);
  settle(scene);
}

void many_half_frames(Scene& scene) {
  begin_frames(scene.attacker(), 4'000'000);
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
  scene.must_count(static_cast<std::uint64_t>(opened) * 1'000);
  settle(attacker);
}

/// One byte at a time; the others of the same connection and of other nodes do not wait.
void slow_drip(Scene& scene) {
  Attacker& attacker = scene.attacker();
  const Term text("slow");
  const Bytes message =
      pass_through_message(Term::tuple_of(6, attacker.own_pid(), Atom(""), Atom("nobody")), &text);
  Bytes framed;
  ByteWriter writer(framed);
  writer.u32(static_cast<std::uint32_t>(message.size()));
  writer.bytes(message);
  for (const std::uint8_t byte : framed) {
    require(attacker.write(12, Bytes{byte}), "no stream");
    attacker.run(15ms);
  }
  settle(attacker);
}

void ticks(Scene& scene) {
  Attacker& attacker = scene.attacker();
  for (int i = 0; i < 20; ++i) attacker.write(16, Bytes(40'000));
  attacker.write(carrier::control_stream, Bytes(1'000));
  scene.must_count(20 * 40'000 / 4);
  require(attacker.delivered(), "not delivered");
  settle(attacker);
}

constexpr Attack attacks[] = {
    {"UserStreams", "thousands of streams that nobody has asked for",
     "resets each; 100 at a time at most (QUIC's limit)", "dist.user_stream_refused", Ending::stays,
     &user_streams},
    {"OneWayStreams", "hundreds of one-way streams with data", "reads nothing of them; 100 at most",
     "dist.one_way_bytes_dropped", Ending::stays, &one_way_streams},
    {"HalfFrames", "the beginnings of large frames on all streams of messages",
     "keeps what has come, not what was announced", "", Ending::stays, &half_frames},
    {"ManyHalfFrames",
     "the same with more bytes than four frames of `frame_bytes_max` have",
     "closes the connection",
     "dist.unfinished_over_limit",
     Ending::closed,
     &many_half_frames,
     {40, 48, "what has come is kept up to the limit, here 32 MiB"}},
    {"SlowDrip", "a message of one byte each moment, to nobody",
     "waits for its end and drops it then; other streams and nodes do not wait", "process.messages_to_nobody",
     Ending::stays, &slow_drip},
    {"Ticks", "hundreds of thousands of empty frames", "ignores them", "dist.ticks", Ending::stays, &ticks},
};

}  // namespace

const Family streams{"Streams", "Streams and frames, from an authenticated peer", attacks};

}  // namespace barrel::hostile
