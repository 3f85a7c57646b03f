// Every valid message with every field in turn replaced by what does not belong there.
#include "crdt/or_map_wire.hpp"
#include "gossip/plumtree_messages.hpp"
#include "hostile/families.hpp"
#include "hostile/mutants.hpp"
#include "membership/hyparview_messages.hpp"
#include "services/liveness_messages.hpp"
#include "services/registry_messages.hpp"

namespace barrel::hostile {

namespace {

void send_mutants(Scene& scene, std::string_view name, const std::vector<Term>& valid) {
  for (const Term& message : valid) {
    for (const Term& mutant : mutants(message)) scene.attacker().send_name(name, mutant);
    require(scene.attacker().settled(), "the victim does not answer any more");
  }
}

void membership(Scene& scene) {
  using namespace hyparview;
  const NodeName own = scene.attacker().name();
  const PeerRecord me{own, true};
  const PeerRecord other{NodeName("carol@127.0.0.1"), false};
  std::vector<Term> valid;
  for (const Message& message : std::vector<Message>{
           Join{me}, ForwardJoin{other, 3, me}, Disconnect{me}, Neighbor{Priority::low, me},
           NeighborReply{false, me}, Shuffle{2, {other, me}, me}, ShuffleReply{{other}, me}}) {
    valid.push_back(encode(own, message));
  }
  send_mutants(scene, "barrel_p2p_bridge", valid);
}

Term own_delta(NodeName own, const Pid& pid) {
  registry::MapBuilder map;
  const Term name = Term::tuple_of(Atom("service"), 1);
  const ServiceEntry entry{name, pid, own, Term::map({{Term(Atom("load")), Term(1)}})};
  map.add(registry::key_term(name, own),
          live_entry(registry::entry_value(entry), {Timestamp{1'700'000'000'000, 1}, own}), nullptr);
  const Term gone("gone");
  const Term reason(Atom("shutdown"));
  map.add(registry::key_term(gone, own), removed_entry(Timestamp{1'700'000'000'000, 2}), &reason);
  return map.take();
}

Term claim(NodeName own) {
  return liveness::gossip_of(own, {liveness::Verdict::alive, own, 5, 1'700'000'000'000});
}

void gossip(Scene& scene) {
  using namespace plumtree;
  const NodeName own = scene.attacker().name();
  const MessageId id(32, 'i');
  const Term delta = registry::delta_payload(own, own_delta(own, scene.attacker().own_pid()));
  send_mutants(scene, "barrel_p2p_plumtree",
               {encode(Gossip{id, Atom("somebody_elses"), Term(1), own}), encode(Ihave{id, own}),
                encode(Graft{id, own}), encode(Prune{own})});
  // In a valid envelope, each with an id of its own: the payloads of the services.
  int number = 0;
  const auto send_payloads = [&](const char* tag, const Term& payload) {
    for (const Term& mutant : mutants(payload)) {
      const Gossip message{"id " + std::to_string(++number), Atom(tag), mutant, own};
      scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
    }
  };
  send_payloads("barrel_p2p_registry_replica", delta);
  send_payloads("barrel_liveness", claim(own));
  send_payloads("barrel_beat", liveness::beat_of(own, std::chrono::seconds(1)));
  require(scene.attacker().settled(), "the victim does not answer any more");
}

void names(Scene& scene) {
  using namespace registry;
  const NodeName own = scene.attacker().name();
  send_mutants(scene, "barrel_p2p_registry_replica",
               {encode(FullSync{own, own_delta(own, scene.attacker().own_pid())}), encode(RequestSync{own}),
                encode(SyncDigest{own, {}, true})});
}

void life(Scene& scene) {
  using namespace liveness;
  const NodeName own = scene.attacker().name();
  const Claim about_us{Verdict::alive, own, 5, 1'700'000'000'000};
  send_mutants(scene, "barrel_liveness", {encode(own, Claims{{about_us}}), encode(own, Digest{1, true})});
}

void routes(Scene& scene) {
  const Term query = Term::tuple_of(Atom("route_req"), Atom("x"), 3, scene.attacker().name(), Term());
  const Term caller = Term::tuple_of(scene.attacker().own_pid(), 1);
  send_mutants(
      scene, "barrel_p2p_router",
      {Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), query, caller))});
}

void system_names(Scene& scene) {
  const Pid own = scene.attacker().own_pid();
  const Term from =
      Term::tuple_of(own, Term::list({Term(Atom("alias"))}, Term(Ref{own.node_atom, 5, 3, {1, 2, 3, 0, 0}})));
  const Term request = Term::tuple_of(Atom("is_auth"), scene.attacker().name());
  for (const char* name : {"net_kernel", "rex", "global_name_server", "logger"}) {
    send_mutants(
        scene, name,
        {Term::tuple_of(Atom("$gen_call"), from, request), Term::tuple_of(own, Atom("features_request"))});
  }
}

void room_messages(Scene& scene) {
  const Pid room = scene.room();
  const Pid own = scene.attacker().own_pid();
  const Term ref = Ref{own.node_atom, 5, 3, {1, 2, 3, 0, 0}};
  const Term post = Term::tuple_of(Atom("message"), own.node_atom, "");
  for (const Term& message : {Term::tuple_of(Atom("$gen_cast"), post),
                              Term::tuple_of(Atom("DOWN"), ref, Atom("process"), own, Atom("x")),
                              Term::tuple_of(ref, Atom("reply"))}) {
    for (const Term& mutant : mutants(message)) scene.attacker().send(room, mutant);
    require(scene.attacker().settled(), "the victim does not answer any more");
  }
}

/// Valid control tuples whose payload, where they need one, is an atom.
std::vector<std::pair<Term, bool>> controls(const Pid& own, const Pid& room) {
  const Pid nobody{room.node_atom, 900'000, 0, room.creation};
  const Ref ref{own.node_atom, 5, 3, {9, 8, 7, 0, 0}};
  const Term none = Atom("");
  return {{Term::tuple_of(1, own, room), false},
          {Term::tuple_of(2, none, room), true},
          {Term::tuple_of(3, own, nobody, Atom("x")), false},
          {Term::tuple_of(6, own, none, Atom("nobody")), true},
          {Term::tuple_of(8, own, nobody, Atom("x")), false},
          {Term::tuple_of(19, own, room, ref), false},
          {Term::tuple_of(20, own, room, ref), false},
          {Term::tuple_of(21, own, nobody, ref, Atom("x")), false},
          {Term::tuple_of(22, own, room), true},
          {Term::tuple_of(24, own, nobody), true},
          {Term::tuple_of(26, own, nobody), true},
          {Term::tuple_of(28, own, nobody, ref), true},
          {Term::tuple_of(29, ref, own, own, Term::tuple_of(Atom("m"), Atom("f"), 0), Term()), true},
          {Term::tuple_of(31, ref, nobody, 0, own), false},
          {Term::tuple_of(33, own, ref), true},
          {Term::tuple_of(35, 7, own, room), false},
          {Term::tuple_of(36, 7, own, room), false}};
}

void control_messages(Scene& scene) {
  const std::vector<Term> values{Term(-1), Term(std::string(70'000, 'x')), Term(), Term::tuple({})};
  const Term payload = Atom("x");
  for (const auto& [tuple, has_payload] : controls(scene.attacker().own_pid(), scene.room())) {
    for (const Term& mutant : mutants(tuple, values)) {
      Attacker& attacker = scene.attacker();
      attacker.control(mutant, has_payload ? &payload : nullptr);
      require(attacker.settled() || attacker.closed(), "the victim does not answer any more");
    }
  }
}

constexpr Attack attacks[] = {
    {"Membership", "HyParView messages, every field in turn of another type, huge, negative, empty or deep",
     "drops the message", "membership.malformed", Ending::stays, &membership},
    {"Gossip", "the same with Plumtree messages and what they carry", "drops the message", "gossip.malformed",
     Ending::stays, &gossip},
    {"Names", "the same with registry messages", "drops the message, or the one entry that is wrong",
     "registry.malformed", Ending::stays, &names},
    {"Life", "the same with liveness claims", "drops the message, or the one claim that is wrong",
     "liveness.malformed", Ending::stays, &life},
    {"Routes", "the same with look-ups of the overlay", "drops the message", "overlay.malformed_routes",
     Ending::stays, &routes},
    {"SystemNames", "the same to `net_kernel`, `rex` and other names of an Erlang node",
     "answers what is a question, drops the rest", "node.messages_received", Ending::stays, &system_names},
    {"Processes", "the same as casts, replies and DOWNs to a process",
     "a GenServer drops what is none of its messages; the log shows the first hundred",
     "otp.unknown_messages", Ending::stays, &room_messages},
    {"Control", "the same with all control messages of the distribution",
     "drops what means nothing here, closes the connection where the form is broken",
     "dist.message_malformed", Ending::no_matter, &control_messages},
};

}  // namespace

const Family mutations{"Mutations",
                       "Valid messages with a field that does not fit, from an authenticated peer", attacks};

}  // namespace barrel::hostile
