// Few bytes that are meant to become much work or memory, or to be passed on to everybody.
#include "crdt/hlc.hpp"
#include "gossip/plumtree_messages.hpp"
#include "hostile/families.hpp"
#include "term/test_closures.hpp"

namespace barrel::hostile {

namespace {

/// A message to a name of the node itself, with a payload that nobody would encode so.
void send_bytes(Scene& scene, std::string_view name, BytesView term) {
  Bytes bytes{dist::pass_through};
  ByteWriter writer(bytes);
  writer.u8(131);
  encode_etf(writer, Term::tuple_of(6, scene.attacker().own_pid(), Atom(""), Atom(name)));
  writer.u8(131);
  writer.bytes(term);
  scene.attacker().frame(bytes);
}

/// A list of `count` empty tuples, of two bytes each.
Bytes tiny_terms(std::uint32_t count) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.u8(108);
  writer.u32(count);
  for (std::uint32_t i = 0; i < count; ++i) writer.u16(104 << 8);
  writer.u8(106);
  return bytes;
}

void closures(Scene& scene) {
  for (const char* name : {"barrel_p2p_bridge", "rex", "net_kernel"}) {
    send_bytes(scene, name, closures_as_keys(16));
  }
  settle(scene);
}

void tiny(Scene& scene) {
  const Bytes bomb = tiny_terms(2'200'000);
  for (const char* name : {"barrel_p2p_bridge", "barrel_p2p_plumtree", "barrel_p2p_registry_replica",
                           "barrel_liveness", "barrel_p2p_router", "barrel_p2p_members_replica"}) {
    send_bytes(scene, name, bomb);
  }
  settle(scene);
  scene.must_count(5);  // the last of the names is one that nobody serves
}

void tiny_to_the_kernel(Scene& scene) {
  const Bytes bomb = tiny_terms(1'100'000);
  for (const char* name : {"rex", "net_kernel"}) send_bytes(scene, name, bomb);
  settle(scene);
  scene.must_count(2);
}

void control_tuples(Scene& scene) {
  const Term arguments;
  const Term options = Term::list(std::vector<Term>(2'000, Term::tuple({})));
  const Pid own = scene.attacker().own_pid();
  const Ref ref{own.node_atom, 5, 3, {1, 4, 4, 0, 0}};
  const Term function = Term::tuple_of(Atom("no"), Atom("such"), 0);
  scene.attacker().control(Term::tuple_of(29, ref, own, own, function, options), &arguments);
  settle(scene);
}

void large_gossip(Scene& scene) {
  const Term payload(std::string((4U << 20) + 1, 'g'));
  const plumtree::Gossip message{"large", Atom("somebody_elses"), payload, scene.attacker().name()};
  scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
  settle(scene);
  require(scene.arena().counters("bob")["gossip.payloads_over_limit"] == 0, "bob has got it, too");
}

void long_name(Scene& scene) {
  const Term query =
      Term::tuple_of(Atom("route_req"), Term(std::string(10'000, 'n')), 3, scene.attacker().name(), Term());
  const Term caller = Term::tuple_of(scene.attacker().own_pid(), 1);
  scene.attacker().send_name(
      "barrel_p2p_router",
      Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), query, caller)));
  settle(scene);
}

/// Gossip that names nodes which nobody has ever heard of, as the writers of a name.
Term invented_names(Scene& scene, int first, int count) {
  std::vector<Term::MapEntry> dots;
  for (int i = first; i < first + count; ++i) {
    const Atom node("r" + std::to_string(i) + "@127.0.0.1");
    dots.push_back({Term::tuple_of(node, to_term(Timestamp{1'700'000'000'000, i})), Term(true)});
  }
  const Term key = Term::tuple_of(Atom("name"), scene.attacker().name());
  const Term entry = Term::tuple_of(Atom("value"), Term(), Term::map(std::move(dots)));
  const Term delta = Term::tuple_of(Atom("delta"), scene.attacker().name(), Term::map({{key, entry}}));
  return encode(plumtree::Gossip{"names " + std::to_string(first), Atom("barrel_p2p_registry_replica"), delta,
                                 scene.attacker().name()});
}

/// More than half of what all may name.
void invented_nodes(Scene& scene) {
  constexpr int batch = 2'000;
  const auto own_before = scene.arena().counters()["node.atoms_refused"];
  for (int first = 0; first < 140'000; first += batch) {
    scene.attacker().send_name("barrel_p2p_plumtree", invented_names(scene, first, batch));
    if (first % (20 * batch) == 0)
      require(scene.arena().chats([&] { scene.attacker().run(5ms); }), "the chat stands still");
  }
  settle(scene);
  require(scene.arena().counters()["node.atoms_refused"] == own_before, "charged to the hop");
}

/// Functions that run for seconds, with arguments that are large.
void kept_arguments(Scene& scene) {
  Attacker& attacker = scene.attacker();
  const Term options = Term::map({{Term(Atom("retries")), Term(5)}});
  const Term arguments = Term::list({Term(std::string(1U << 20, 'n')), options});
  const Term call =
      Term::tuple_of(Atom("call"), Atom("barrel_p2p"), Atom("whereis_service"), arguments, Atom("user"));
  for (std::uint32_t i = 0; i < 40 && !attacker.closed(); ++i) {
    const Ref ref{attacker.name().atom(), 5, 3, {i, 9, 9, 0, 0}};
    attacker.send_name("rex",
                       Term::tuple_of(Atom("$gen_call"), Term::tuple_of(attacker.own_pid(), ref), call));
    attacker.run(5ms);
  }
}

constexpr Attack attacks[] = {
    {"Closures",
     "2 KB of closures as keys of maps in closures, 16 levels deep, for membership and Erlang's kernel",
     "reads each closure once, drops the message", "membership.malformed", Ending::stays, &closures},
    {"TinyTerms",
     "millions of terms of two bytes each, for membership, gossip, names and look-ups",
     "stops at a number for each of them (4,096 to 2,097,152), drops the message",
     "overlay.messages_over_limit",
     Ending::stays,
     &tiny,
     {24, 300, "the terms up to that number, 48 bytes each, until the message is dropped"}},
    {"TinyTermsToTheKernel",
     "the same for `rex` and `net_kernel`",
     "stops at 1,048,576, off the thread that all share; drops the message",
     "process.kernel_messages_over_limit",
     Ending::stays,
     &tiny_to_the_kernel,
     {40, 200, "messages that wait, and the terms up to that number"}},
    {"ControlTuples", "a spawn request with 2,000 options",
     "stops at 1,024 terms, refuses it with `system_limit`", "node.spawn_requests_over_limit", Ending::stays,
     &control_tuples},
    {"LargeGossip",
     "gossip of more than 4 MiB",
     "neither takes it nor passes it on",
     "gossip.payloads_over_limit",
     Ending::stays,
     &large_gossip,
     {16, 40, "the message, until it is dropped"}},
    {"LongName", "a look-up of a name of 10,000 bytes, which each neighbour would get", "drops it",
     "overlay.malformed_routes", Ending::stays, &long_name},
    {"InventedNodes",
     "gossip that names 140,000 nodes that do not exist",
     "charges them to what all members together may name, of which one gets half of what is left; honest "
     "nodes "
     "that pass it on lose nothing of their own",
     "overlay.atoms_refused",
     Ending::stays,
     &invented_nodes,
     {64, 100, "131,072 names of nodes, half of the budget, which stay"}},
    {"KeptArguments",
     "calls of functions that take long, with arguments of 1 MiB each",
     "counts them until the function has ended, closes the connection when `unread_bytes_max` are kept",
     "node.unread_bytes_limit",
     Ending::closed,
     &kept_arguments,
     {48, 100, "arguments up to unread_bytes_max, here 32 MiB"}},
};

}  // namespace

const Family bombs{"Bombs", "Few bytes that would become much, from an authenticated peer", attacks};

}  // namespace barrel::hostile
