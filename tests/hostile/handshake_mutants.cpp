// The messages with which a connection begins, damaged and in the wrong order.
#include "auth/frames.hpp"
#include "carrier/stream_map.hpp"
#include "dist/capabilities.hpp"
#include "hostile/families.hpp"
#include "hostile/mutants.hpp"

namespace barrel::hostile {

namespace {

/// Long enough for an answer. Where the victim waits for more bytes that do not come, this does not wait.
constexpr Duration patience = 100ms;

/// Flips bits of one byte, counted over all that is sent.
class Damage {
 public:
  void begin(std::size_t at) {
    at_ = at;
    sent_ = 0;
  }
  void apply(Bytes& bytes) {
    if (at_ >= sent_ && at_ - sent_ < bytes.size()) bytes[at_ - sent_] ^= 0x5a;
    sent_ += bytes.size();
  }
  /// There was such a byte.
  [[nodiscard]] bool is_done() const { return sent_ > at_; }

 private:
  std::size_t at_ = 0;
  std::size_t sent_ = 0;
};

/// Under another name: with a damaged one another name may have been pinned.
void require_open(Scene& scene) {
  Attacker honest(scene.arena().target(), {.name = NodeName("trent@127.0.0.1"), .key = 78});
  require(honest.come_up() && honest.settled(), "nobody else can connect");
}

void damaged_authentication(Scene& scene) {
  auto damage = std::make_shared<Damage>();
  Attacker& attacker = scene.make({.on_auth_bytes = [damage](Bytes& bytes) { damage->apply(bytes); }});
  bool is_whole = false;
  for (std::size_t at = 0; !is_whole; ++at) {
    require(attacker.connect(), "no connection");
    damage->begin(at);
    is_whole = attacker.authenticate(patience) && !damage->is_done();
    scene.must_count(attacker.closed() ? 1 : 0);
  }
  attacker.hang_up();
  require_open(scene);
}

Bytes frames_of(const std::vector<auth::Message>& messages) {
  Bytes bytes;
  for (const auth::Message& message : messages) auth::encode_frame(bytes, message);
  return bytes;
}

/// How many handshakes have failed, for whatever reason.
std::uint64_t failed_handshakes(Scene& scene) {
  std::uint64_t sum = 0;
  for (const auto& [name, value] : scene.arena().counters()) {
    if (name.starts_with("dist.handshake_failed.")) sum += value;
  }
  return sum;
}

/// Valid messages of the authentication where others belong.
void wrong_order(Scene& scene) {
  Attacker& attacker = scene.make();
  const auth::Hello hello{std::string(attacker.name().text()), {}};
  const std::vector<std::vector<auth::Message>> all{{auth::Ok{}},        {auth::Response{}},
                                                    {auth::Challenge{}}, {hello, hello},
                                                    {hello, auth::Ok{}}, {hello, auth::Response{}}};
  for (const auto& messages : all) {
    require(attacker.connect(), "no connection");
    (void)attacker.connection()->open_unidirectional();
    (void)attacker.connection()->send(carrier::auth_stream(true), SharedBytes(frames_of(messages)));
    require(attacker.closed_within(2s), "not closed");
    scene.must_count(1);
  }
}

void damaged_handshake(Scene& scene) {
  auto damage = std::make_shared<Damage>();
  const std::uint64_t before = failed_handshakes(scene);
  std::uint64_t closed = 0;
  Attacker& attacker = scene.make({.on_handshake_bytes = [damage](Bytes& bytes) { damage->apply(bytes); }});
  bool is_whole = false;
  for (std::size_t at = 0; !is_whole; ++at) {
    require(attacker.connect() && attacker.authenticate(), "not authenticated");
    damage->begin(at);
    is_whole = attacker.shake_hands(attacker.name(), patience) && !damage->is_done();
    closed += attacker.closed() ? 1 : 0;
  }
  attacker.hang_up();
  require(failed_handshakes(scene) >= before + closed, "not all that were closed are counted");
  require_open(scene);
}

void damaged_capabilities(Scene& scene) {
  Attacker& attacker = scene.make();
  dist::Capabilities told;
  told.features = {"merged_sync"};
  const auto valid = decode_etf(dist::encode_capabilities(told));
  require(bool(valid), "no capabilities");
  const std::vector<Term> values{Term(-1), Term(0),         Term(std::string(200, '\x01')),
                                 Term(),   Term::tuple({}), Term(Atom("x"))};
  for (const Term& mutant : mutants(*valid, values)) {
    const Bytes term = encode_etf(mutant);
    Bytes framed;
    ByteWriter(framed).u16(static_cast<std::uint16_t>(term.size()));
    ByteWriter(framed).bytes(term);
    require(attacker.connect() && attacker.authenticate() && attacker.shake_hands(attacker.name()),
            "not let in");
    attacker.write(carrier::control_stream, std::move(framed));
    (void)attacker.until([&] { return attacker.closed() || attacker.received() > 0; }, patience);
    scene.must_count(attacker.closed() ? 1 : 0);
  }
  attacker.hang_up();
  require_open(scene);
}

constexpr Attack attacks[] = {
    {"DamagedAuthentication", "an authentication with each byte damaged in turn",
     "closes the connection, or waits for the rest until `auth_handshake_timeout`",
     "barrel_p2p.dist.auth.attempts{role=incoming,outcome=fail}", Ending::no_matter, &damaged_authentication},
    {"WrongOrder", "valid messages of the authentication where others belong", "closes the connection",
     "auth.failed.unexpected_message", Ending::closed, &wrong_order},
    {"DamagedHandshake", "a distribution handshake with each byte damaged in turn",
     "closes the connection, or waits for the rest until `dial_timeout_ms`",
     "dist.handshake_failed.malformed", Ending::no_matter, &damaged_handshake},
    {"DamagedCapabilities", "capabilities with every field in turn of another type, huge, negative or empty",
     "closes the connection, or takes what does not fit for absent", "dist.down.handshake_failed",
     Ending::no_matter, &damaged_capabilities},
};

}  // namespace

const Family handshake_mutants{"HandshakeMutants",
                               "Authentication and handshake with a field that does not fit", attacks};

}  // namespace barrel::hostile
