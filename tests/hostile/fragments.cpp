// Fragments that do not belong together, or that never end, from a peer that negotiates them as Erlang does.
#include "barrel/term/etf.hpp"
#include "dist/envelope.hpp"
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

Attacker& erlang(Scene& scene) {
  scene.make({.dialect = dist::Dialect::erlang});
  return scene.attacker();
}

Bytes fragment(std::uint8_t kind, std::uint64_t sequence, std::uint64_t number) {
  Bytes bytes{dist::version_byte, kind};
  ByteWriter writer(bytes);
  writer.u64(sequence);
  writer.u64(number);
  if (kind == dist::header_first_fragment) writer.u8(0);  // no atom cache
  return bytes;
}

/// The first of `number` fragments of a message to nobody.
Bytes first(const Attacker& attacker, std::uint64_t sequence, std::uint64_t number, std::size_t bytes = 10) {
  Bytes out = fragment(dist::header_first_fragment, sequence, number);
  ByteWriter writer(out);
  encode_etf(writer, Term::tuple_of(6, attacker.own_pid(), Atom(), Atom("nobody")));
  writer.bytes(Bytes(bytes));
  return out;
}

Bytes next(std::uint64_t sequence, std::uint64_t number, std::size_t bytes = 10) {
  Bytes out = fragment(dist::header_next_fragment, sequence, number);
  ByteWriter(out).bytes(Bytes(bytes));
  return out;
}

/// Each list of frames costs a connection.
void each_closes(Scene& scene, const std::vector<std::vector<Bytes>>& all) {
  scene.must_count(all.size());
  for (const std::vector<Bytes>& frames : all) {
    Attacker& attacker = scene.attacker();
    for (const Bytes& frame : frames) attacker.frame(frame);
    require(attacker.closed_within(5s), "not closed");
  }
}

void other_envelope(Scene& scene) {
  const Attacker& attacker = erlang(scene);
  Bytes cached = first(attacker, 1, 1);
  cached[dist::first_fragment_header_bytes - 1] = 3;
  each_closes(scene, {{Bytes{dist::pass_through, 131, 104, 1, 97, 5}}, {Bytes{131, 68, 1, 0, 0}}, {cached}});
}

void out_of_order(Scene& scene) {
  const Attacker& attacker = erlang(scene);
  each_closes(scene, {
                         {first(attacker, 1, 3), next(1, 3)},
                         {first(attacker, 1, 3), next(1, 1)},
                         {first(attacker, 1, 3), next(1, 0)},
                         {first(attacker, 1, 3), first(attacker, 1, 3)},
                         {next(1, 1)},
                         {first(attacker, 1, 0)},
                         {first(attacker, 1, ~std::uint64_t{0})},
                         {fragment(dist::header_first_fragment, 1, 2)},
                     });
}

void never_ending(Scene& scene) {
  Attacker& attacker = erlang(scene);
  for (std::uint64_t sequence = 0; sequence < 10'000 && !attacker.closed(); ++sequence) {
    attacker.frame(first(attacker, sequence, 2));
    if (sequence % 500 == 499) require(attacker.delivered(), "not delivered");
  }
}

void too_long(Scene& scene) {
  Attacker& attacker = erlang(scene);
  constexpr std::size_t part = std::size_t{1} << 20;
  attacker.frame(first(attacker, 1, 1000, part));
  for (std::uint64_t number = 999; number > 900 && !attacker.closed(); --number) {
    attacker.frame(next(1, number, part));
    require(attacker.delivered(), "not delivered");
  }
}

void unfinished(Scene& scene) {
  Attacker& attacker = erlang(scene);
  for (std::uint64_t sequence = 0; sequence < 100; ++sequence) {
    attacker.frame(first(attacker, sequence, 1000, 10'000));
    attacker.frame(next(sequence, 999, 10'000));
  }
  require(attacker.delivered(), "not delivered");
}

void too_much_unfinished(Scene& scene) {
  Attacker& attacker = erlang(scene);
  for (std::uint64_t sequence = 0; sequence < 50 && !attacker.closed(); ++sequence) {
    attacker.frame(first(attacker, sequence, 1000, std::size_t{1} << 20));
    require(attacker.delivered(), "not delivered");
  }
}

/// As an Erlang process does that sends to two receivers.
void one_number(Scene& scene) {
  Attacker& attacker = erlang(scene);
  const auto write = [&](quic::StreamId stream, const Bytes& frame) {
    Bytes bytes;
    ByteWriter(bytes).u32(static_cast<std::uint32_t>(frame.size()));
    ByteWriter(bytes).bytes(frame);
    require(attacker.write(stream, std::move(bytes)), "no stream");
    require(attacker.delivered(), "not delivered");  // before the next, on another stream
  };
  write(8, first(attacker, 7, 2));
  write(12, first(attacker, 7, 3));
  write(12, next(7, 2));
  write(8, next(7, 1));
  write(12, next(7, 1));
}

constexpr Attack attacks[] = {
    {"OtherEnvelope", "the pass-through envelope, or one with an atom cache, where fragments were negotiated",
     "closes the connection", "dist.message_malformed", Ending::closed, &other_envelope},
    {"OutOfOrder",
     "a fragment that is left out, comes twice, has the number 0 or one beyond all bytes, belongs to no "
     "message "
     "or to one that has begun already, or a first one without the control message",
     "closes the connection", "dist.message_malformed", Ending::closed, &out_of_order},
    {"NeverEnding", "10,000 messages that begin and never end", "closes the connection at the 4,097th",
     "dist.fragments_over_limit", Ending::closed, &never_ending},
    {"TooLong",
     "fragments of one message that are together more than `frame_bytes_max`",
     "closes the connection",
     "dist.message_malformed",
     Ending::closed,
     &too_long,
     {4, 32, "a message of up to frame_bytes_max, here 8 MiB, and a larger copy while it grows"}},
    {"OneNumber", "two messages of the same number at once, each on its stream", "puts both together",
     "dist.fragmented_messages_received", Ending::stays, &one_number},
    {"Unfinished", "fewer messages that begin and never end", "keeps their bytes until the connection ends",
     "", Ending::stays, &unfinished},
    {"TooMuchUnfinished",
     "the same with more bytes than `unfinished_bytes_max`, unless set those of four messages of "
     "`frame_bytes_max`",
     "closes the connection",
     "dist.fragments_over_limit",
     Ending::closed,
     &too_much_unfinished,
     {40, 64, "what has come is kept up to the limit, here 32 MiB"}},
};

}  // namespace

const Family fragments{"Fragments", "Fragments of messages, from an authenticated peer that negotiates them",
                       attacks};

}  // namespace barrel::hostile
