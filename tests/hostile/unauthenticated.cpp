// Who has no key that is known, or no cookie: what of the node it can take for itself or from others.
#include "carrier/stream_map.hpp"
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

/// The first bytes of each stream never come: nothing of it is ever delivered, and all of it has to be kept.
void hidden_streams(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect(), "no connection");
  attacker.lose(true);
  for (quic::StreamId stream = 4; stream < 260; stream += 4) {
    require(attacker.write(stream, Bytes(100)), "no stream");
  }
  attacker.lose(false);
  for (quic::StreamId stream = 4; stream < 260; stream += 4) (void)attacker.write(stream, Bytes(1));
}

void one_way_streams(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
  for (int i = 0; i < 50; ++i) {
    const auto stream = attacker.connection()->open_unidirectional();
    if (stream) (void)attacker.connection()->send(*stream, SharedBytes(Bytes(10)), true);
  }
}

/// More than there are places; all of them are of one host, and so the oldest gives way.
void crowd(Scene& scene) {
  Attacker& attacker = scene.make();
  const auto gave_way = [&] { return scene.arena().counters()["auth.pending_limit"]; };
  const std::uint64_t before = gave_way();
  constexpr std::size_t at_once = 20;
  constexpr std::size_t places = 1'024;
  std::size_t came = 0;
  // Those whose handshake has failed for want of time are made up for.
  for (; came < places || gave_way() == before; came += at_once) {
    require(came < 2 * places, "however many come, nobody gives way");
    require(attacker.crowd_in(at_once), "no more connections");
  }
  Attacker honest(scene.arena().target(), {.name = NodeName("trent@127.0.0.1"), .key = 78});
  require(honest.come_up(), "nobody else can connect meanwhile");
}

/// With a key of one's own and the name of a node that is not known yet, whose connection is on its way up.
void name_of_a_newcomer(Scene& scene) {
  const NodeName name("newcomer@127.0.0.1");
  Attacker honest(scene.arena().target(), {.name = name, .key = 79});
  require(honest.connect() && honest.authenticate(), "the newcomer is not authenticated");
  Attacker& attacker = scene.make({.name = name, .key = 80, .cookie = "guessed"});
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
  require(!honest.closed_within(100ms), "the newcomer has lost its connection");
  require(honest.shake_hands(name), "the newcomer is not let in");
  require(!attacker.shake_hands(name), "let in");
}

constexpr Attack attacks[] = {
    {"HiddenStreams", "streams whose first byte never comes, before the authentication",
     "closes the connection when the first is opened; has 16 KiB of window for all of them",
     "auth.failed.early_stream", Ending::closed, &hidden_streams},
    {"OneWayStreams", "one-way streams before the distribution handshake", "closes the connection",
     "auth.failed.early_stream", Ending::closed, &one_way_streams},
    {"Crowd",
     "more connections than may be on their way up",
     "closes the oldest of the address (or IPv6 /64) that has most; others connect meanwhile",
     "auth.pending_limit",
     Ending::no_matter,
     &crowd,
     {128, 160, "1,024 connections on their way up, of 75 KiB each"}},
    {"NameOfANewcomer", "the name of a node that is connecting for the first time, with another key",
     "keeps the newcomer's connection", "dist.handshake_failed.wrong_cookie", Ending::closed,
     &name_of_a_newcomer},
};

}  // namespace

// A thousand connections must be on their way up at once, however slow the machine is.
const Family unauthenticated{"Unauthenticated", "Strangers, and who has a key but no cookie", attacks, false,
                             60s};

}  // namespace barrel::hostile
