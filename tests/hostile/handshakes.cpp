// Who tries to authenticate as somebody he is not, or not as agreed.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "auth/frames.hpp"
#include "carrier/stream_map.hpp"
#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

void send_auth(Attacker& attacker, const Bytes& bytes) {
  (void)attacker.connection()->open_unidirectional();
  (void)attacker.connection()->send(carrier::auth_stream(true), SharedBytes(Bytes(bytes)));
}

/// Refused, and told why.
void require_refused(Attacker& attacker, std::string_view reason) {
  require(attacker.connect(), "no connection");
  require(!attacker.authenticate(), "let in");
  require(attacker.refusal() == reason, "the reason given is another one");
}

void early_stream(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect(), "no connection");
  attacker.write(carrier::messages_stream(true), Bytes{0, 0, 0, 2, 112, 131});
}

void oversized_frame(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect(), "no connection");
  send_auth(attacker, Bytes{0xff, 0xff});
}

void unknown_frame(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect(), "no connection");
  send_auth(attacker, Bytes{0, 3, 99, 1, 2});
}

/// A valid beginning, a byte at a time, which is not over in time.
void slow_hello(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect(), "no connection");
  Bytes hello;
  auth::encode_frame(hello, auth::Hello{std::string(attacker.name().text()), {}});
  (void)attacker.connection()->open_unidirectional();
  for (const std::uint8_t byte : hello) {
    if (attacker.closed()) return;
    (void)attacker.connection()->send(carrier::auth_stream(true), SharedBytes(Bytes{byte}));
    attacker.run(100ms);
  }
}

std::array<std::uint8_t, 32> public_key_of(Scene& scene, std::string_view node) {
  std::ifstream in(scene.arena().data_of(node) / "keys" / "node.pub", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::array<std::uint8_t, 32> key{};
  require(text.size() == key.size(), "no public key");
  std::ranges::copy(as_bytes(text), key.begin());
  return key;
}

/// Carol's name and public key, both known to all; the signature is by another key.
void stolen_key(Scene& scene) {
  const auto mine = auth::Identity::from_seed([] {
                      auth::Seed seed;
                      seed.fill(77);
                      return seed;
                    }())
                        .public_key()
                        .bytes;
  const auto carols = public_key_of(scene, "carol");
  AttackerOptions options;
  options.name = NodeName("carol@127.0.0.1");
  options.on_auth_bytes = [=](Bytes& bytes) {
    const auto at = std::ranges::search(bytes, mine);
    if (!at.empty()) std::ranges::copy(carols, at.begin());
  };
  Attacker& attacker = scene.make(std::move(options));
  require_refused(attacker, "signature_invalid");
}

void wrong_key(Scene& scene) {
  AttackerOptions options;
  options.name = NodeName("carol@127.0.0.1");
  Attacker& attacker = scene.make(std::move(options));
  require_refused(attacker, "key_mismatch");
}

void own_name(Scene& scene) {
  AttackerOptions options;
  options.name = scene.arena().target().name;
  Attacker& attacker = scene.make(std::move(options));
  require_refused(attacker, "");
}

void replay(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
  const Bytes recorded = attacker.auth_sent();
  require(attacker.connect(), "no connection");
  send_auth(attacker, recorded);
  require(attacker.closed_within(8s), "not closed");
  require(attacker.refusal() == "signature_invalid", "the reason given is another one");
}

void damaged_signature(Scene& scene) {
  AttackerOptions options;
  options.on_auth_bytes = [](Bytes& bytes) {
    // The response is the only message of this size.
    if (bytes.size() >= 67) bytes[bytes.size() - 5] ^= 1;
  };
  options.name = NodeName("damaged@127.0.0.1");
  Attacker& attacker = scene.make(std::move(options));
  require_refused(attacker, "signature_invalid");
}

void two_names(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
  require(!attacker.shake_hands(NodeName("carol@127.0.0.1")), "let in");
}

void wrong_cookie(Scene& scene) {
  AttackerOptions options;
  options.name = NodeName("guest@127.0.0.1");
  options.cookie = "guessed";
  Attacker& attacker = scene.make(std::move(options));
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
  require(!attacker.shake_hands(attacker.name()), "let in");
  require(
      !std::filesystem::exists(scene.arena().data_of("alice") / "keys" / "trusted" / "guest@127.0.0.1.pub"),
      "its key was pinned");
}

void names_without_end(Scene& scene) {
  const auto before = scene.arena().counters();
  constexpr int names = 200;
  scene.must_count(names);
  for (int number = 0; number < names; ++number) {
    AttackerOptions options;
    options.name = *NodeName::parse("guest" + std::to_string(number) + "@127.0.0.1");
    options.cookie = "guessed";
    Attacker guest(scene.arena().target(), std::move(options));
    require(guest.connect() && guest.authenticate(), "not authenticated");
    require(!guest.shake_hands(guest.name()), "let in");
  }
  const auto after = scene.arena().counters();
  require(after.at("node.channels") == before.at("node.channels"), "strangers have channels");
  // A few are: of the cluster's own messages, and the name of who was let in before.
  require(after.at("term.atoms") < before.at("term.atoms") + names / 20, "strangers' names are atoms");
}

void stops_half_way(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate(), "not authenticated");
}

void bad_introduction(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate() && attacker.shake_hands(attacker.name()),
          "not let in");
  attacker.write(carrier::control_stream, Bytes{0, 2, 131, 106});
}

void early_messages(Scene& scene) {
  Attacker& attacker = scene.make();
  require(attacker.connect() && attacker.authenticate() && attacker.shake_hands(attacker.name()),
          "not let in");
  for (int i = 0; i < 12; ++i) attacker.write(4 + 4 * static_cast<quic::StreamId>(i), Bytes(1'000'000, 1));
}

constexpr Attack attacks[] = {
    {"EarlyStream", "messages before the authentication is over", "closes the connection unread",
     "auth.failed.early_stream", Ending::closed, &early_stream},
    {"OversizedFrame", "an authentication message of more than 512 bytes", "closes the connection",
     "auth.failed.malformed_frame", Ending::closed, &oversized_frame},
    {"UnknownFrame", "an authentication message that does not exist", "closes the connection",
     "auth.failed.unknown_message", Ending::closed, &unknown_frame},
    {"SlowHello", "an authentication of one byte each moment",
     "closes the connection after `auth_handshake_timeout`", "auth.failed.timeout", Ending::closed,
     &slow_hello},
    {"StolenKey", "another node's name and public key, signed by a key of one's own",
     "says `signature_invalid`, closes the connection", "auth.failed.signature_invalid", Ending::closed,
     &stolen_key},
    {"DamagedSignature", "a signature that is wrong by one bit",
     "says `signature_invalid`, closes the connection", "auth.failed.signature_invalid", Ending::closed,
     &damaged_signature},
    {"Replay", "the authentication of an earlier connection once more",
     "says `signature_invalid`, closes the connection", "auth.failed.signature_invalid", Ending::closed,
     &replay},
    {"WrongKey", "another node's name with a key of one's own", "says `key_mismatch`, closes the connection",
     "auth.failed.key_mismatch", Ending::closed, &wrong_key},
    {"OwnName", "the victim's own name", "closes the connection", "auth.failed.own_name", Ending::closed,
     &own_name},
    {"TwoNames", "one name in authentication, another in the distribution handshake", "closes the connection",
     "dist.handshake_failed.wrong_name", Ending::closed, &two_names},
    {"WrongCookie", "another cookie", "closes the connection, pins nothing",
     "dist.handshake_failed.wrong_cookie", Ending::closed, &wrong_cookie},
    {"NamesWithoutEnd", "the same under hundreds of names", "closes each, and keeps nothing of them",
     "dist.handshake_failed.wrong_cookie", Ending::no_matter, &names_without_end},
    {"StopsHalfWay", "a distribution handshake that is never begun",
     "closes the connection after `dial_timeout_ms`", "dist.down.timeout", Ending::closed, &stops_half_way},
    {"BadIntroduction", "capabilities that are none", "closes the connection", "dist.down.handshake_failed",
     Ending::closed, &bad_introduction},
    {"EarlyMessages", "megabytes of messages before the end of the handshake",
     "takes 16 KiB of them, and closes the connection after `dial_timeout_ms`", "dist.down.timeout",
     Ending::closed, &early_messages},
};

}  // namespace

const Family handshakes{"Handshakes", "Authentication and handshake", attacks};

}  // namespace barrel::hostile
