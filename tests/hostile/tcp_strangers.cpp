// Over TCP: who does not know the cookie, and EPMDs and servers that lie.
#include <deque>
#include <string>

#include "dist/handshake_messages.hpp"
#include "hostile/families.hpp"
#include "hostile/tcp_peer.hpp"

namespace barrel::hostile {

namespace {

const NodeName& eve() {
  static const NodeName name("eve@127.0.0.1");
  return name;
}

Bytes framed(BytesView message) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u16(static_cast<std::uint16_t>(message.size()));
  writer.bytes(message);
  return bytes;
}

Bytes name_message(std::string_view name) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u8('N');
  writer.u64(dist::offered_flags);
  writer.u32(TcpNode::creation);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.text(name);
  return bytes;
}

/// A node that knows the cookie is let in, as soon as those who came before it from this address are dealt
/// with.
void require_open(Scene& scene) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    TcpNode honest(scene.arena().tcp_port(), scene.arena().target().name, NodeName("trent@127.0.0.1"));
    if (honest.come_up() && honest.settled()) return;
    (void)scene.arena().node("carol").prints("never", 20ms);
  }
  require(false, "nobody else can connect");
}

void half_handshakes(Scene& scene) {
  const std::uint16_t port = scene.arena().tcp_port();
  const Bytes name = framed(name_message(eve().text()));
  std::deque<TcpPeer> halves;
  for (std::size_t i = 0; i < 400; ++i) {
    TcpPeer& peer = halves.emplace_back(port);
    peer.send(BytesView(name).first(i % (name.size() + 1)));
  }
  require(scene.arena().chats(), "the chat stands still");
  for (TcpPeer& peer : halves) require(peer.closed_within(8s), "a half handshake stays open");
  require_open(scene);
}

void connections(Scene& scene) {
  const std::uint16_t port = scene.arena().tcp_port();
  for (int burst = 0; burst < 4; ++burst) {
    std::deque<TcpPeer> flood;
    for (int i = 0; i < 500; ++i) flood.emplace_back(port);
    require(scene.arena().chats(), "the chat stands still");
  }
  require_open(scene);
}

void slow_drip(Scene& scene) {
  const Bytes name = framed(name_message(eve().text()));
  TcpPeer peer(scene.arena().tcp_port());
  std::size_t sent = 0;
  while (sent < name.size() && peer.send(BytesView(name).subspan(sent, 1))) {
    ++sent;
    if (peer.closed_within(250ms)) break;
  }
  require(sent < name.size(), "who sends a byte now and then is waited for");
}

void wrong_digests(Scene& scene) {
  for (int i = 0; i < 50; ++i) {
    TcpNode node(scene.arena().tcp_port(), scene.arena().target().name);
    require(!node.come_up("cookie" + std::to_string(i)), "a wrong cookie is let in");
    require(node.closed_within(5s), "a wrong cookie stays connected");
    scene.must_count(1);
  }
  require_open(scene);
}

void large_frames(Scene& scene) {
  scene.must_count(3);
  for (const std::uint16_t length : {std::uint16_t{8'192}, std::uint16_t{65'535}}) {
    TcpPeer peer(scene.arena().tcp_port());
    Bytes head;
    ByteWriter(head).u16(length);
    peer.send(head);
    peer.send(Bytes(70'000, 'N'));
    require(peer.closed_within(5s), "a frame that is too large stays");
  }
  // A name that says it is longer than any.
  TcpPeer peer(scene.arena().tcp_port());
  peer.send(framed(name_message(std::string(4'000, 'n'))));
  require(peer.closed_within(5s), "a name that is too long stays");
}

void random_bytes(Scene& scene) {
  Random random(11);
  for (int i = 0; i < 200; ++i) {
    TcpPeer peer(scene.arena().tcp_port());
    Bytes bytes(1 + random.below(600));
    random.fill(bytes);
    if (i % 3 == 0) bytes = framed(bytes);
    peer.send(i % 50 == 0 ? as_bytes(std::string_view("GET / HTTP/1.1\r\nHost: alice\r\n\r\n"))
                          : BytesView(bytes));
  }
  require_open(scene);
}

/// Every message of an honest initiator with each of its bytes damaged.
void damaged_names(Scene& scene) {
  const Bytes name = framed(name_message(eve().text()));
  for (std::size_t i = 0; i < name.size(); ++i) {
    Bytes damaged = name;
    damaged[i] ^= 0x5a;
    TcpPeer peer(scene.arena().tcp_port());
    peer.send(damaged);
  }
  require_open(scene);
}

/// As the victim itself, and as names that are none.
void wrong_names(Scene& scene) {
  for (const std::string_view name :
       {"alice@127.0.0.1", "", "@", "eve", "eve@", "e v e@127.0.0.1", "eve@1@2"}) {
    TcpPeer peer(scene.arena().tcp_port());
    peer.send(framed(name_message(name)));
    require(peer.closed_within(5s), "a name that cannot be stays");
    scene.must_count(1);
  }
}

// -- who is dialed

/// Makes the victim dial a node of that name; it asks our EPMD.
void let_dial(Scene& scene, const std::string& name) {
  scene.arena().node("alice").send("join room@" + name + "@127.0.0.1");
}

/// EPMD's answer that the node listens at that port.
Bytes found(std::uint16_t port, const std::string& name) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u8('w');
  writer.u8(0);
  writer.u16(port);
  writer.u8('M');
  writer.u8(0);
  writer.u16(6);
  writer.u16(5);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.text(name);
  writer.u16(0);
  return bytes;
}

/// The victim's question for that name. It may still ask for one that it was just told lies about.
/// Such a question gets no answer.
TcpPeer question(Scene& scene, const std::string& name) {
  for (;;) {
    auto asked = scene.arena().epmd().accept();
    require(asked.has_value(), "EPMD is not asked");
    const Bytes request = asked->receive();
    constexpr std::size_t before_name = 3;  // length, 'z'
    if (request.size() <= before_name) continue;
    if (as_text(BytesView(request).subspan(before_name)) == name) return *std::move(asked);
  }
}

/// Waits for the victim's question, answers it and hangs up when `answer` returns; until the victim gives up.
template <class Answer>
void lie(Scene& scene, const std::string& name, Answer answer) {
  const std::size_t mark = scene.arena().node("alice").child().mark();
  let_dial(scene, name);
  {
    TcpPeer asked = question(scene, name);
    answer(asked);
  }
  require(scene.arena().node("alice").prints(name + "@127.0.0.1", 10s, mark) &&
              scene.arena().node("alice").prints("could not connect", 10s, mark),
          "the victim does not give up");
  scene.must_count(1);
}

void epmd_garbage(Scene& scene) {
  Random random(12);
  for (int i = 0; i < 10; ++i) {
    lie(scene, "garbage" + std::to_string(i), [&](TcpPeer& asked) {
      Bytes bytes(1 + random.below(40));
      random.fill(bytes);
      bytes[0] = static_cast<std::uint8_t>(i % 2 == 0 ? 'w' : bytes[0]);
      asked.send(bytes);
    });
  }
}

void epmd_without_end(Scene& scene) {
  lie(scene, "endless", [&](TcpPeer& asked) {
    Bytes head{'w', 0, 16, 1, 'M', 0, 0, 6, 0, 5, 0xff, 0xff};
    asked.send(head);
    const Bytes more(1 << 20, 'n');
    std::size_t sent = 0;
    while (sent < 64 && asked.send(more)) ++sent;
    require(sent < 64, "an answer without end is read to its end");
  });
}

void epmd_silent(Scene& scene) {
  lie(scene, "silent", [&](TcpPeer& asked) {
    require(scene.arena().chats(), "the chat stands still");
    require(asked.closed_within(8s), "the victim waits for EPMD without limit");
  });
}

void epmd_wrong_ports(Scene& scene) {
  std::uint16_t nobody = 0;
  {
    const TcpTrap gone;
    nobody = gone.port();
  }
  const std::uint16_t own = scene.arena().tcp_port();
  const std::uint16_t epmd = scene.arena().epmd().port();
  for (const std::uint16_t port : {std::uint16_t{0}, nobody, own}) {
    const std::string name = "port" + std::to_string(port);
    lie(scene, name, [&](TcpPeer& asked) { asked.send(found(port, name)); });
  }
  // Itself: what the victim says there is no question that EPMD knows.
  lie(scene, "epmd", [&](TcpPeer& asked) {
    asked.send(found(epmd, "epmd"));
    auto dialed = scene.arena().epmd().accept();
    require(dialed.has_value(), "EPMD's own port is not dialed");
  });
}

/// Lets the victim dial a node that speaks as `speak` says.
template <class Speak>
void impersonate(Scene& scene, const std::string& name, Speak speak) {
  TcpTrap server;
  lie(scene, name, [&](TcpPeer& asked) {
    asked.send(found(server.port(), name));
    auto dialed = server.accept();
    require(dialed.has_value(), "the node is not dialed");
    require(!dialed->receive().empty(), "the victim says nothing");
    speak(*dialed);
    require(dialed->closed_within(8s), "the victim stays connected");
  });
}

void wrong_statuses(Scene& scene) {
  int number = 0;
  for (const std::string_view status : {"sno", "snamed:", "snot_allowed", "", "x", "sok_simultaneousx"}) {
    impersonate(scene, "status" + std::to_string(number++),
                [&](TcpPeer& peer) { peer.send(framed(as_bytes(status))); });
  }
  impersonate(scene, "statuses", [&](TcpPeer& peer) {
    const Bytes ok = framed(as_bytes(std::string_view("sok")));
    for (int i = 0; i < 100'000 && peer.send(ok); ++i) {}
  });
}

Bytes challenge(std::string_view name) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u8('N');
  writer.u64(dist::offered_flags);
  writer.u32(1234);
  writer.u32(TcpNode::creation);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.text(name);
  return framed(bytes);
}

void wrong_challenges(Scene& scene) {
  const Bytes ok = framed(as_bytes(std::string_view("sok")));
  impersonate(scene, "another", [&](TcpPeer& peer) {
    peer.send(ok);
    peer.send(challenge("bob@127.0.0.1"));
  });
  impersonate(scene, "cheat", [&](TcpPeer& peer) {
    peer.send(ok);
    peer.send(challenge("cheat@127.0.0.1"));
    require(!peer.receive_exactly(23).empty(), "no answer to the challenge");
    Bytes acknowledgement(17, 0);
    acknowledgement[0] = 'a';
    peer.send(framed(acknowledgement));
  });
}

constexpr Attack attacks[] = {
    {"HalfHandshakes", "hundreds of connections that stop in the middle of the handshake",
     "takes 64 of one address and 256 in all, each for `dial_timeout_ms`", "tcp.pending_limit",
     Ending::no_matter, &half_handshakes},
    {"Connections", "thousands of connections that come and go", "the same", "tcp.pending_limit",
     Ending::no_matter, &connections},
    {"SlowDrip", "the handshake, a byte now and then", "the time limit is for the whole handshake",
     "dist.down.timeout", Ending::no_matter, &slow_drip},
    {"WrongDigests", "wrong cookies", "closes the connection", "dist.handshake_failed.wrong_cookie",
     Ending::no_matter, &wrong_digests},
    {"LargeFrames", "messages of the handshake that are too large", "reads no further than 8 KB",
     "dist.handshake_failed.malformed", Ending::no_matter, &large_frames},
    {"RandomBytes", "random bytes, and other protocols", "closes the connection",
     "dist.handshake_failed.malformed", Ending::no_matter, &random_bytes},
    {"DamagedNames", "the first message with each byte damaged",
     "closes the connection, or waits for the rest", "dist.handshake_failed.malformed", Ending::no_matter,
     &damaged_names},
    {"WrongNames", "the victim's own name, and names that are none", "closes the connection",
     "dist.handshake_failed.wrong_name", Ending::no_matter, &wrong_names},
    {"EpmdGarbage", "an EPMD that answers with random bytes", "gives the dial up", "node.dials_failed",
     Ending::no_matter, &epmd_garbage},
    {"EpmdWithoutEnd", "an EPMD whose answer does not end", "reads 128 KB at most, then gives the dial up",
     "node.dials_failed", Ending::no_matter, &epmd_without_end},
    {"EpmdSilent", "an EPMD that does not answer", "gives up after `dial_timeout_ms`", "node.dials_failed",
     Ending::no_matter, &epmd_silent},
    {"EpmdWrongPorts", "an EPMD that tells port 0, one where nobody listens, the victim's own, and its own",
     "gives the dial up", "node.dials_failed", Ending::no_matter, &epmd_wrong_ports},
    {"WrongStatuses", "a dialed node that answers with a status that is none, or with thousands",
     "closes the connection, gives the dial up", "node.dials_failed", Ending::no_matter, &wrong_statuses},
    {"WrongChallenges", "a dialed node that has another name, or does not know the cookie",
     "closes the connection, gives the dial up", "node.dials_failed", Ending::no_matter, &wrong_challenges},
};

}  // namespace

const Family tcp_strangers{"TcpStrangers", "Over TCP: strangers, and EPMDs and nodes that lie", attacks,
                           true};

}  // namespace barrel::hostile
