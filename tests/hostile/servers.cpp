// Who is dialed and is not who it shows itself as.
#include <fstream>
#include <iterator>

#include "hostile/families.hpp"
#include "membership/hyparview_messages.hpp"
#include "node/discovery_endpoint.hpp"

namespace barrel::hostile {

namespace {

const NodeName& oscar() {
  static const NodeName name("oscar@127.0.0.1");
  return name;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Lets the victim find oscar where the attacker listens, and sends it there as a member of the cluster can.
void let_dial(Scene& scene, Attacker& server) {
  std::ofstream(scene.arena().discovery_directory() / "oscar@127.0.0.1.endpoint")
      << node::format_endpoint({.host = "127.0.0.1", .port = server.port()});
  Attacker guide(scene.arena().target());
  require(guide.come_up(), "the guide is not let in");
  guide.send_name("barrel_p2p_bridge",
                  encode(guide.name(), hyparview::ForwardJoin{{oscar(), true}, 0, {guide.name(), true}}));
  require(guide.delivered(), "the victim is not told of oscar");
}

/// Bob's certificate can be had by whoever dials bob; its key cannot.
void stolen_certificate(Scene& scene) {
  const std::filesystem::path bob = scene.arena().data_of("bob") / "quic";
  const std::filesystem::path carol = scene.arena().data_of("carol") / "quic";
  Attacker& server = scene.make(
      {.name = oscar(), .certificate = text_of(bob / "node.crt"), .key_pem = text_of(carol / "node.key")});
  const std::size_t mark = scene.arena().node("alice").child().mark();
  let_dial(scene, server);
  require(server.until([&] { return scene.arena().node("alice").prints("could not connect", 0ms, mark); }),
          "the victim does not give up");
  // RFC 9001, 4.8: CRYPTO_ERROR with the alert's number, 51.
  require(!server.accepted(), "the victim has accepted the certificate");
  require(scene.arena().node("alice").prints("transport error 307", 0ms, mark), "for another reason");
}

constexpr Attack attacks[] = {
    {"StolenCertificate", "a server that shows the certificate of another node, whose key it lacks",
     "ends the handshake with the TLS alert decrypt_error; nothing of it is believed", "node.dials_failed",
     Ending::no_matter, &stolen_certificate},
};

}  // namespace

const Family servers{"Servers", "Servers that are dialed", attacks};

}  // namespace barrel::hostile
