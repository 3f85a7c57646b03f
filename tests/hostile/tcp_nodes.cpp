// Over TCP: who knows the cookie, as every plain Erlang node does.
#include <chrono>
#include <functional>
#include <stdexcept>

#include "hostile/call_floods.hpp"
#include "hostile/messages.hpp"
#include "hostile/refusals.hpp"
#include "hostile/tcp_peer.hpp"

namespace barrel::hostile {

namespace {

/// Connected; throws when it is not let in.
class Eve {
 public:
  explicit Eve(Scene& scene, NodeName name = NodeName("eve@127.0.0.1"))
      : node_(scene.arena().tcp_port(), scene.arena().target().name, name) {
    require(node_.come_up(), "the attacker is not let in");
  }
  TcpNode* operator->() { return &node_; }
  TcpNode& operator*() { return node_; }

 private:
  TcpNode node_;
};

/// The process that prints for the victim; when it ends, another takes its place.
Pid shell_of(TcpNode& node) {
  for (const auto limit = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < limit;) {
    if (const auto shell = node.whereis("user")) return *shell;
  }
  throw std::runtime_error("the victim does not tell its processes");
}

/// Messages as they are sent every day, as bytes.
std::vector<Bytes> valid_messages(const Pid& own, const Pid& process) {
  const Term ref = Ref{own.node_atom, 5, 3, {9, 8, 7, 0, 0}};
  const Term none = Atom("");
  const Term text("text");
  const Term call = Term::tuple_of(Atom("$gen_call"), Term::tuple_of(own, ref),
                                   Term::tuple_of(Atom("is_auth"), own.node_atom));
  const Term function = Term::tuple_of(Atom("erlang"), Atom("node"), 0);
  const Term no_arguments;
  return {pass_through_message(Term::tuple_of(22, own, process), &text),
          pass_through_message(Term::tuple_of(6, own, none, Atom("net_kernel")), &call),
          pass_through_message(Term::tuple_of(19, own, process, ref)),
          pass_through_message(Term::tuple_of(1, own, process)),
          pass_through_message(Term::tuple_of(35, 7, own, process)),
          pass_through_message(Term::tuple_of(33, own, ref), &text),
          pass_through_message(Term::tuple_of(29, ref, own, own, function, Term()), &no_arguments)};
}

/// The node that owned the name a moment ago may not have been found to be gone yet.
std::unique_ptr<Eve> come_again(Scene& scene) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    try {
      return std::make_unique<Eve>(scene);
    } catch (const std::runtime_error&) {
      (void)scene.arena().node("carol").prints("never", 2ms);
    }
  }
  return std::make_unique<Eve>(scene);
}

/// Whether the message costs the connection in the end: by its form, or by a payload that does not decode.
bool may_close(bool closes, BytesView message, NodeName victim, NodeName sender) {
  const auto read = dist::MessageParser(victim, sender).parse(message);
  return closes || (read && !read->payload.bytes.empty() && !decode_etf(read->payload.bytes));
}

/// Each byte damaged in turn, and cut off behind each fourth; a new connection whenever one may be closed.
void damaged_messages(Scene& scene) {
  auto eve = std::make_unique<Eve>(scene);
  const std::vector<Bytes> messages = valid_messages((*eve)->own_pid(), shell_of(**eve));
  const NodeName victim = scene.arena().target().name;
  const auto try_one = [&](const Bytes& message) {
    const NodeName own = (*eve)->name();
    const bool closes = closes_connection(victim, own, message);
    require((*eve)->frame(message), "closed too early");
    if (!may_close(closes, message, victim, own)) return;
    require(!closes || (*eve)->closed_within(5s), "not closed");
    scene.must_count(closes ? 1 : 0);
    eve.reset();
    eve = come_again(scene);
  };
  for (const Bytes& message : messages) {
    for (std::size_t i = 0; i < message.size(); ++i) {
      Bytes damaged = message;
      damaged[i] ^= static_cast<std::uint8_t>(1 + i % 255);
      try_one(damaged);
      if (i % 4 == 0) try_one(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(i)));
    }
    require(scene.arena().chats(), "the chat stands still");
    require((*eve)->settled(), "the victim does not answer any more");
  }
}

void large_message(Scene& scene) {
  Eve eve(scene);
  Bytes head;
  ByteWriter(head).u32(0xffff'ffff);
  (void)eve->peer().send(head);
  require(eve->closed_within(5s), "a message of 4 GB is waited for");
}

void slow_message(Scene& scene) {
  Eve eve(scene);
  const Term text(std::string(200, 's'));
  const Bytes message =
      pass_through_message(Term::tuple_of(6, eve->own_pid(), Atom(""), Atom("nobody")), &text);
  Bytes framed;
  ByteWriter(framed).u32(static_cast<std::uint32_t>(message.size()));
  framed.insert(framed.end(), message.begin(), message.end());
  std::size_t sent = 0;
  require(scene.arena().chats([&] {
    if (sent < framed.size()) (void)eve->peer().send(BytesView(framed).subspan(sent++, 1));
  }),
          "the chat stands still");
  (void)eve->peer().send(BytesView(framed).subspan(sent));
  require(eve->settled(), "the victim does not answer any more");
}

void ticks(Scene& scene) {
  Eve eve(scene);
  const Bytes many(4'000'000, 0);
  require(eve->peer().send(many), "ticks are not taken");
  scene.must_count(many.size() / 4);
  require(eve->settled(), "the victim does not answer any more");
}

void other_senders(Scene& scene) {
  Eve eve(scene);
  Pid bob = eve->own_pid();
  bob.node_atom = Atom("bob@127.0.0.1");
  const Term text("in bob's name");
  for (int i = 0; i < 1'000; ++i) {
    (void)eve->control(Term::tuple_of(6, bob, Atom(""), Atom("net_kernel")), &text);
    (void)eve->control(Term::tuple_of(24, bob, eve->own_pid()), &text);
    scene.must_count(2);
  }
  require(eve->settled(), "the victim does not answer any more");
}

void overlay(Scene& scene) {
  Eve eve(scene);
  for (const char* name : {"barrel_p2p_bridge", "barrel_p2p_plumtree", "barrel_p2p_registry_replica",
                           "barrel_liveness", "barrel_p2p_router"}) {
    for (int i = 0; i < 1'000; ++i) (void)eve->send_name(name, Term::tuple_of(Atom("join"), eve->name()));
    scene.must_count(1'000);
  }
  require(eve->settled(), "the victim does not answer any more");
}

/// Monitors, or links, of one node with one process.
constexpr std::uint64_t relations_max = 65'536;

void flood(Scene& scene, TcpNode& node, int count, const std::function<void(std::uint32_t)>& one) {
  constexpr int bursts = 4;
  for (int burst = 0; burst < bursts; ++burst) {
    for (int i = burst * count / bursts; i < (burst + 1) * count / bursts; ++i)
      one(static_cast<std::uint32_t>(i));
    require(node.settled(), "the victim does not answer any more");
    require(scene.arena().chats(), "the chat stands still");
  }
}

/// Each of 80,000 that was one too many was answered, a moment later at the latest.
void require_refused(Scene& scene, TcpNode& node) {
  constexpr std::uint64_t too_many = 80'000 - relations_max;
  for (int i = 0; i < 200 && node.refused() < too_many; ++i)
    require(node.settled(), "the victim does not answer any more");
  require(node.refused() == too_many, "not all that are too many are told so");
  scene.must_count(too_many);
}

void monitors(Scene& scene) {
  Eve eve(scene);
  const Pid target = shell_of(*eve);
  flood(scene, *eve, 80'000, [&](std::uint32_t i) {
    const Ref ref{eve->name().atom(), 5, 3, {i, 5, 5, 0, 0}};
    (void)eve->control(Term::tuple_of(19, eve->own_pid(), target, ref));
  });
  require_refused(scene, *eve);
}

void links(Scene& scene) {
  Eve eve(scene);
  const Pid target = shell_of(*eve);
  flood(scene, *eve, 80'000,
        [&](std::uint32_t i) { (void)eve->control(Term::tuple_of(1, eve->own_pid(i + 1), target)); });
  require_refused(scene, *eve);
}

/// What changes nothing: it is dealt with by the process, and counts until then.
void signals(Scene& scene) {
  Eve eve(scene);
  const Pid target = shell_of(*eve);
  const Ref ref{eve->name().atom(), 5, 3, {1, 5, 5, 0, 0}};
  const Term reason("reason");
  flood(scene, *eve, 80'000, [&](std::uint32_t i) {
    const Pid own = eve->own_pid(i + 1);
    switch (i % 4) {
      case 0: (void)eve->control(Term::tuple_of(20, own, target, ref)); break;
      case 1: (void)eve->control(Term::tuple_of(35, 1, own, target)); break;
      case 2: (void)eve->control(Term::tuple_of(24, own, target), &reason); break;
      default: (void)eve->control(Term::tuple_of(28, own, target, ref), &reason); break;
    }
  });
  scene.must_count(80'000);
}

void spawns(Scene& scene) {
  Eve eve(scene);
  CallFlood(scene, *eve).spawns(14'000);
}
void calls(Scene& scene) {
  Eve eve(scene, NodeName("eve2@127.0.0.1"));
  CallFlood(scene, *eve).calls(14'000);
}

/// As many nodes as names can be thought of, one after the other and all at once.
void many_names(Scene& scene) {
  std::vector<std::unique_ptr<Eve>> all;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "eve" + std::to_string(i) + "@127.0.0.1";
    all.push_back(std::make_unique<Eve>(scene, NodeName(Atom(name))));
    if (i % 3 == 0) all.pop_back();
    scene.must_count(1);
  }
  require(scene.arena().chats(), "the chat stands still");
}

constexpr Memory running{64, 80, "10,000 processes run, each with its state, arguments and timer"};
constexpr Memory related{40, 56, "65,536 monitors or links, and answers to the others"};

constexpr Attack attacks[] = {
    {"DamagedMessages", "messages of every day, each byte damaged in turn, and cut off at many places",
     "drops what means nothing, closes the connection where the form is broken", "dist.message_malformed",
     Ending::no_matter, &damaged_messages},
    {"LargeMessage", "a message that says it has 4 GB", "closes the connection", "dist.frame_too_large",
     Ending::no_matter, &large_message},
    {"SlowMessage", "a message of one byte each moment, to nobody",
     "waits for its end and drops it then; others do not wait", "process.messages_to_nobody",
     Ending::no_matter, &slow_message},
    {"Ticks", "a million ticks", "ignores them", "dist.ticks", Ending::no_matter, &ticks},
    {"OtherSenders", "messages and exits in the name of another node's processes", "drops them",
     "dist.foreign_sender_dropped", Ending::no_matter, &other_senders},
    {"Overlay", "messages to membership, gossip, registry and look-ups", "drops them",
     "node.overlay_messages_of_outsiders", Ending::no_matter, &overlay},
    {"ManyNames", "hundreds of nodes with invented names", "lets them in, as any who knows the cookie",
     "dist.up", Ending::no_matter, &many_names},
    {"Monitors", "monitors on one process without end",
     "answers those above 65,536 of one node at once with the reason `system_limit`",
     "process.relations_refused", Ending::no_matter, &monitors, related},
    {"Links", "links with one process without end", "the same", "process.relations_refused",
     Ending::no_matter, &links, related},
    {"Signals",
     "exits, unlinks, demonitors and DOWNs that belong to nothing",
     "drops them; those that wait count for `unread_bytes_max`",
     "process.signals_ignored",
     Ending::no_matter,
     &signals,
     {40, 56, "those that wait count up to unread_bytes_max, here 32 MiB"}},
    {"Spawns", "requests to start functions that take long",
     "runs 10,000 of one node at a time, refuses others with `system_limit`", "process.remote_spawns_refused",
     Ending::no_matter, &spawns, running},
    {"Calls", "the same as calls of `rex`", "the same, for both together", "process.remote_spawns_refused",
     Ending::no_matter, &calls, running},
};

}  // namespace

const Family tcp_nodes{"TcpNodes", "Over TCP: whoever knows the cookie", attacks, true};

}  // namespace barrel::hostile
