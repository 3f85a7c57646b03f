// Payloads that do not decode, or unfold to more than they should.
#include <zlib.h>

#include "hostile/families.hpp"

namespace barrel::hostile {

namespace {

/// Of the names of the node itself one that takes messages of some size.
constexpr const char* gossip = "barrel_p2p_plumtree";

/// A message to a name of the node itself, with these bytes, which begin with 131, as payload.
void send_bytes(Scene& scene, const Bytes& payload) {
  Bytes bytes{dist::pass_through};
  ByteWriter writer(bytes);
  writer.u8(131);
  encode_etf(writer, Term::tuple_of(6, scene.attacker().own_pid(), Atom(""), Atom(gossip)));
  writer.bytes(payload);
  scene.attacker().frame(bytes);
}

/// `depth` tuples in each other.
Bytes deep(std::size_t depth) {
  Bytes bytes{131};
  for (std::size_t i = 0; i < depth; ++i) bytes.insert(bytes.end(), {104, 1});
  bytes.push_back(106);
  return bytes;
}

Bytes bomb(std::uint32_t announced, std::size_t actual) {
  Bytes plain(actual, 0);
  plain[0] = 109;  // a binary of all the rest
  const auto rest = static_cast<std::uint32_t>(actual - 5);
  for (int i = 0; i < 4; ++i)
    plain[static_cast<std::size_t>(i) + 1] = static_cast<std::uint8_t>(rest >> (8 * (3 - i)));
  uLongf size = compressBound(plain.size());
  Bytes packed(size);
  require(compress2(packed.data(), &size, plain.data(), plain.size(), 9) == Z_OK, "zlib");
  Bytes bytes{131, 80};
  ByteWriter writer(bytes);
  writer.u32(announced);
  writer.bytes(BytesView(packed).first(size));
  return bytes;
}

void undecodable(Scene& scene) {
  scene.must_count(5);
  for (const Bytes& payload :
       {Bytes{131, 1}, Bytes{131, 104, 2, 97, 1}, Bytes{131, 97, 1, 2}, Bytes{131, 131}}) {
    send_bytes(scene, payload);
    require(scene.attacker().closed_within(5s), "not closed");
  }
  send_bytes(scene, Bytes{131, 255});
}

void to_a_process(Scene& scene) {
  Bytes bytes{dist::pass_through};
  ByteWriter writer(bytes);
  writer.u8(131);
  encode_etf(writer, Term::tuple_of(22, scene.attacker().own_pid(), scene.room()));
  writer.bytes(Bytes{131, 104, 2, 97, 1});
  scene.attacker().frame(bytes);
}

void too_deep(Scene& scene) {
  send_bytes(scene, deep(100'000));
}

void lying_sizes(Scene& scene) {
  scene.must_count(6);
  for (const Bytes& payload :
       {Bytes{131, 105, 255, 255, 255, 255}, Bytes{131, 108, 255, 255, 255, 255, 97, 1},
        Bytes{131, 116, 127, 255, 255, 255}, Bytes{131, 109, 255, 255, 255, 255, 1},
        Bytes{131, 111, 255, 255, 255, 255, 0, 1}}) {
    send_bytes(scene, payload);
    require(scene.attacker().closed_within(5s), "not closed");
  }
  send_bytes(scene, Bytes{131, 77, 255, 255, 255, 255, 7});
}

void compressed_bomb(Scene& scene) {
  scene.must_count(3);
  send_bytes(scene, bomb(200U << 20, 200U << 20));
  require(scene.attacker().closed_within(5s), "not closed");
  // One that says it is small, and one that is.
  send_bytes(scene, bomb(1'000, 50U << 20));
  require(scene.attacker().closed_within(5s), "not closed");
  send_bytes(scene, bomb(1'000, 1'000));
}

void large_integer(Scene& scene) {
  Bytes bytes{131, 111};
  ByteWriter writer(bytes);
  writer.u32(4U << 20);
  writer.u8(0);
  writer.bytes(Bytes(4U << 20, 0xff));
  send_bytes(scene, bytes);
  settle(scene);
}

/// Monitors of names on nodes that nobody has ever heard of: an answer names them, so that they are interned.
void name_atoms(Attacker& attacker, int from, int to) {
  for (int i = from; i < to; ++i) {
    const Atom name("attackers_atom_" + std::to_string(i) + "@127.0.0.1");
    attacker.control(Term::tuple_of(1, attacker.own_pid(), Pid{name, 1, 0, 4}));
  }
  settle(attacker);
}

void endless_atoms(Scene& scene) {
  const auto before = scene.arena().counters().at("term.atoms");
  const auto require_bounded = [&] {
    const auto grown = scene.arena().counters().at("term.atoms") - before;
    // The quota, and what the victim interns by itself meanwhile.
    require(grown > 200 && grown <= 300 + 16, "the atoms of a peer are not within its quota");
  };
  name_atoms(scene.attacker(), 0, 2'000);
  require_bounded();
  // Who comes again has the quota that he left with.
  scene.attacker().hang_up();
  name_atoms(scene.attacker(), 2'000, 4'000);
  require_bounded();
  scene.must_count(4'000 - 300);
}

constexpr Attack attacks[] = {
    {"Undecodable", "a payload that is no term, for the node itself", "closes the connection",
     "node.payloads_malformed", Ending::closed, &undecodable},
    {"ToAProcess", "the same, for a process", "drops it when the process receives, and closes the connection",
     "process.malformed_messages", Ending::closed, &to_a_process},
    {"TooDeep", "a term of 100,000 levels", "stops at 900 levels, drops the message",
     "node.payloads_over_limit", Ending::stays, &too_deep},
    {"LyingSizes", "tuples, lists, maps, binaries and integers that announce up to 2^32 elements",
     "reserves nothing for what is not there, closes the connection", "node.payloads_malformed",
     Ending::closed, &lying_sizes},
    {"CompressedBomb", "a compressed term, however much it unfolds to",
     "unfolds nothing, since no Erlang node sends one between nodes; closes the connection",
     "node.payloads_malformed", Ending::closed, &compressed_bomb},
    {"LargeInteger", "an integer of 4 MiB", "drops the message at its length (limit 512 KiB)",
     "node.payloads_over_limit", Ending::stays, &large_integer},
    {"EndlessAtoms", "endless new atoms (names, nodes)",
     "keeps them as text; interns at most `atoms_per_peer_max` for this peer, over all its connections, then "
     "drops the messages that need more",
     "node.atoms_refused", Ending::stays, &endless_atoms},
};

}  // namespace

const Family payloads{"Payloads", "Contents that are too much, from an authenticated peer", attacks};

}  // namespace barrel::hostile
