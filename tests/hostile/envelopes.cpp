// Messages that are none, or not of the negotiated form.
#include "carrier/stream_map.hpp"
#include "hostile/families.hpp"
#include "hostile/messages.hpp"
#include "hostile/refusals.hpp"

namespace barrel::hostile {

namespace {

/// `112, 131` and the control tuple of a message to the room, with its payload.
Bytes valid(Scene& scene) {
  const Term payload(Atom("hello"));
  return pass_through_message(Term::tuple_of(22, scene.attacker().own_pid(), scene.room()), &payload);
}

/// Sends `change`d messages until each has cost its connection.
void each_closes(Scene& scene, const std::vector<Bytes>& payloads) {
  for (const Bytes& payload : payloads) {
    scene.attacker().frame(payload);
    // Otherwise it is the payload that costs it.
    const NodeName victim = scene.arena().target().name;
    scene.must_count(closes_connection(victim, scene.attacker().name(), payload) ? 1 : 0);
    if (!scene.attacker().closed_within(5s)) throw std::runtime_error("not closed: " + to_hex(payload));
  }
}

void wrong_tag(Scene& scene) {
  std::vector<Bytes> payloads;
  for (const std::uint8_t tag : {0, 68, 69, 70, 111, 113, 131, 255}) {
    payloads.push_back(valid(scene));
    payloads.back()[0] = tag;
  }
  each_closes(scene, payloads);
}

void wrong_version(Scene& scene) {
  std::vector<Bytes> payloads;
  for (const std::uint8_t version : {0, 130, 132, 255}) {
    payloads.push_back(valid(scene));
    payloads.back()[1] = version;
  }
  each_closes(scene, payloads);
}

void unknown_operation(Scene& scene) {
  const Pid own = scene.attacker().own_pid();
  const Pid room = scene.room();
  std::vector<Bytes> payloads;
  for (const int operation : {0, 9, 10, 11, 14, 15, 17, 38, 99, 255}) {
    payloads.push_back(pass_through_message(Term::tuple_of(operation, own, room)));
  }
  payloads.push_back(pass_through_message(Term::tuple_of(1, own)));
  payloads.push_back(pass_through_message(Term::tuple_of(1, own, room, room)));
  payloads.push_back(pass_through_message(Term::tuple({})));
  payloads.push_back(pass_through_message(Term::tuple_of(Atom("send"), own, room)));
  payloads.push_back(pass_through_message(Term::list({Term(22), Term(own), Term(room)})));
  payloads.push_back(pass_through_message(Term(22)));
  each_closes(scene, payloads);
}

void truncated(Scene& scene) {
  const Bytes whole = valid(scene);
  std::vector<Bytes> payloads;
  for (std::size_t size = 1; size < whole.size(); size += 5) {
    payloads.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
  }
  each_closes(scene, payloads);
}

void trailing(Scene& scene) {
  Bytes link = pass_through_message(Term::tuple_of(1, scene.attacker().own_pid(), scene.room()));
  link.push_back(0);
  each_closes(scene, {link});
}

void oversized(Scene& scene) {
  scene.attacker().write(carrier::messages_stream(true), Bytes{0xff, 0xff, 0xff, 0xff});
}

void cut_by_end(Scene& scene) {
  scene.attacker().write(carrier::messages_stream(true), Bytes{0, 0, 0, 9, 112}, true);
}

void cut_by_reset(Scene& scene) {
  scene.attacker().write(carrier::messages_stream(true), Bytes{0, 0, 0, 9, 112});
  scene.attacker().run(50ms);
  scene.attacker().connection()->reset_stream(carrier::messages_stream(true), 7);
}

constexpr Attack attacks[] = {
    {"WrongTag", "an envelope with another first byte than the negotiated pass-through",
     "closes the connection", "dist.message_malformed", Ending::closed, &wrong_tag},
    {"WrongVersion", "another version byte than 131 before the control message", "closes the connection",
     "dist.message_malformed", Ending::closed, &wrong_version},
    {"UnknownOperation", "an operation that does not exist, or a control tuple of the wrong size or type",
     "closes the connection", "dist.message_malformed", Ending::closed, &unknown_operation},
    {"Truncated", "a message cut off at any place", "closes the connection", "dist.message_malformed",
     Ending::closed, &truncated},
    {"Trailing", "bytes behind a message that has no payload", "closes the connection",
     "dist.message_malformed", Ending::closed, &trailing},
    {"Oversized", "a frame that announces more than `frame_bytes_max`",
     "closes the connection at the length, before anything is kept", "dist.frame_too_large", Ending::closed,
     &oversized},
    {"CutByEnd", "a stream that ends within a message", "closes the connection", "dist.down.protocol_error",
     Ending::closed, &cut_by_end},
    {"CutByReset", "a stream of messages that is reset", "closes the connection", "dist.down.protocol_error",
     Ending::closed, &cut_by_reset},
};

}  // namespace

const Family envelopes{"Envelopes", "Messages of the wrong form, from an authenticated peer", attacks};

}  // namespace barrel::hostile
