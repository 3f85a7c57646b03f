// Every valid message with every field in turn replaced by what does not belong there.
#include "crdt/or_map_wire.hpp"
#include "gossip/plumtree_messages.hpp"
#include "hostile/families.hpp"
#include "hostile/messages.hpp"
#include "hostile/mutants.hpp"
#include "hostile/refusals.hpp"
#include "membership/hyparview_messages.hpp"
#include "services/liveness_messages.hpp"
#include "services/registry_messages.hpp"

namespace barrel::hostile {

namespace {

/// `refuses` says how often the attack's counter grows by a mutant.
template <class Refuses>
void send_mutants(Scene& scene, std::string_view name, const std::vector<Term>& valid, Refuses refuses) {
  for (const Term& message : valid) {
    for (const Term& mutant : mutants(message)) {
      scene.attacker().send_name(name, mutant);
      scene.must_count(refuses(name, mutant));
    }
    require(scene.attacker().settled(), "the victim does not answer any more");
  }
}

void send_to_overlay(Scene& scene, std::string_view name, const std::vector<Term>& valid) {
  const NodeName own = scene.attacker().name();
  send_mutants(scene, name, valid, [own](std::string_view to, const Term& mutant) {
    return refused_by_overlay(to, own, mutant);
  });
}

void send_to_kernel(Scene& scene, std::string_view name, const std::vector<Term>& valid) {
  const NodeName victim = scene.arena().target().name;
  send_mutants(scene, name, valid, [victim](std::string_view to, const Term& mutant) {
    return ignored_by_kernel(to, mutant, victim) ? 1U : 0U;
  });
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
  send_to_overlay(scene, "barrel_p2p_bridge", valid);
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
  send_to_overlay(scene, "barrel_p2p_plumtree",
                  {encode(Gossip{id, Atom("somebody_elses"), Term(1), own}), encode(Ihave{id, own}),
                   encode(Graft{id, own}), encode(Prune{own})});
  // In a valid envelope, each with an id of its own: the payloads of the services.
  int number = 0;
  const auto send_payloads = [&](const char* tag, const Term& payload, const char* counter) {
    for (const Term& mutant : mutants(payload)) {
      scene.must_count(refused_as_gossip(tag, mutant), counter);
      const Gossip message{"id " + std::to_string(++number), Atom(tag), mutant, own};
      scene.attacker().send_name("barrel_p2p_plumtree", encode(message));
    }
  };
  send_payloads("barrel_p2p_registry_replica", delta, "registry.malformed");
  send_payloads("barrel_liveness", claim(own), "liveness.malformed");
  send_payloads("barrel_beat", liveness::beat_of(own, std::chrono::seconds(1)), "liveness.malformed");
  require(scene.attacker().settled(), "the victim does not answer any more");
}

/// What an original answers to the registry's audit.
Term audit_answer() {
  const Atom audit("barrel_audit");
  return Term::tuple_of(Term::tuple_of(audit, 1),
                        Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_system_msg"), audit)));
}

void names(Scene& scene) {
  using namespace registry;
  const NodeName own = scene.attacker().name();
  send_to_overlay(scene, "barrel_p2p_registry_replica",
                  {encode(FullSync{own, own_delta(own, scene.attacker().own_pid())}),
                   encode(RequestSync{own}), encode(SyncDigest{own, {}, true}), audit_answer()});
}

void life(Scene& scene) {
  using namespace liveness;
  const NodeName own = scene.attacker().name();
  const Claim about_us{Verdict::alive, own, 5, 1'700'000'000'000};
  send_to_overlay(scene, "barrel_liveness", {encode(own, Claims{{about_us}}), encode(own, Digest{1, true})});
}

void routes(Scene& scene) {
  const Term query = Term::tuple_of(Atom("route_req"), Atom("x"), 3, scene.attacker().name(), Term());
  const Term caller = Term::tuple_of(scene.attacker().own_pid(), 1);
  send_to_overlay(
      scene, "barrel_p2p_router",
      {Term::tuple_of(Atom("$barrel_p2p_route"), Term::tuple_of(Atom("route_request"), query, caller))});
}

void system_names(Scene& scene) {
  const Pid own = scene.attacker().own_pid();
  const Term from =
      Term::tuple_of(own, Term::list({Term(Atom("alias"))}, Term(Ref{own.node_atom, 5, 3, {1, 2, 3, 0, 0}})));
  const Term request = Term::tuple_of(Atom("is_auth"), scene.attacker().name());
  const std::vector<Term> valid{Term::tuple_of(Atom("$gen_call"), from, request),
                                Term::tuple_of(own, Atom("features_request"))};
  for (const char* name : {"net_kernel", "rex"}) send_to_kernel(scene, name, valid);
  // Nobody has these names here, and what the logger is told is counted elsewhere.
  for (const char* name : {"global_name_server", "logger"}) {
    send_mutants(scene, name, valid, [](std::string_view, const Term&) { return 0U; });
  }
}

Term from_of(const Pid& own) {
  return Term::tuple_of(own, Ref{own.node_atom, 5, 3, {1, 2, 3, 0, 0}});
}

/// Of every kind that rex and net_kernel serve.
void calls(Scene& scene) {
  const Pid own = scene.attacker().own_pid();
  const Term from = from_of(own);
  const Term none = Term::list({});
  const Atom module("erlang");
  const Atom function("node");
  const Atom asked("$gen_call");
  const Term call = Term::tuple_of(Atom("call"), module, function, none, own);
  const Term cast = Term::tuple_of(Atom("cast"), module, function, none, own);
  const Term sbcast = Term::tuple_of(Atom("sbcast"), Atom("nobody"), Atom("x"));
  send_to_kernel(scene, "rex",
                 {Term::tuple_of(asked, from, call), Term::tuple_of(Atom("$gen_cast"), cast),
                  Term::tuple_of(own, call), Term::tuple_of(own, sbcast)});
  const Term spawn = Term::tuple_of(Atom("spawn"), module, function, none, own);
  const Term spawn_opt = Term::tuple_of(Atom("spawn_opt"), module, function, none, false, none, own);
  send_to_kernel(scene, "net_kernel",
                 {Term::tuple_of(asked, from, spawn), Term::tuple_of(asked, from, spawn_opt)});
}

/// What is printed would stand among what the test reads: nothing here is a text.
void prints(Scene& scene) {
  const Pid own = scene.attacker().own_pid();
  const std::vector<Term> values{Term(-1), Term(1.5e300), Term(), Term::tuple({}), Term::map({}), Term(own)};
  const Atom put("put_chars");
  const Atom unicode("unicode");
  const Term bad = Term::tuple_of(put, unicode, 17);
  for (const Term& request : {bad, Term::tuple_of(put, unicode, Atom("io_lib"), Atom("format"), Term()),
                              Term::tuple_of(Atom("requests"), Term::list({bad, bad})),
                              Term::tuple_of(Atom("get_line"), unicode, 1), Term(Atom("getopts"))}) {
    const Term message = Term::tuple_of(Atom("io_request"), own, 1, request);
    for (const Term& mutant : mutants(message, values)) {
      scene.attacker().send_name("user", mutant);
      scene.must_count(ignored_by_kernel("user", mutant, scene.arena().target().name) ? 1 : 0);
    }
    require(scene.attacker().settled(), "the victim does not answer any more");
  }
}

void send_to_room(Scene& scene, const Pid& room, const Term& mutant) {
  scene.attacker().send(room, mutant);
  scene.must_count(unknown_to_room(mutant) ? 1 : 0);
}

/// Not those that end or suspend it: whoever may send may do that. What is asked stands in the answer, and a
/// process waits for who does not read its answers: nothing here is large.
void system_messages(Scene& scene) {
  const Pid room = scene.room();
  const std::vector<Term> values{Term(-1),        Term(1.5e300), Term(),    Term(""),
                                 Term::tuple({}), Term::map({}), Term(room)};
  const Term from = from_of(scene.attacker().own_pid());
  for (const Term& request :
       {Term(Atom("get_state")), Term(Atom("get_status")), Term::tuple_of(Atom("debug"), Atom("no_debug")),
        Term::tuple_of(Atom("replace_state"), 1),
        Term::tuple_of(Atom("change_code"), Atom("room"), Atom("undefined"), Term())}) {
    for (const Term& mutant : mutants(Term::tuple_of(Atom("system"), from, request), values))
      send_to_room(scene, room, mutant);
    require(scene.attacker().settled(), "the victim does not answer any more");
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
    for (const Term& mutant : mutants(message)) send_to_room(scene, room, mutant);
    require(scene.attacker().settled(), "the victim does not answer any more");
  }
}

/// Valid control tuples whose payload, where they need one, is an atom.
using Controls = std::vector<std::pair<Term, bool>>;
Controls controls(const Pid& own, const Pid& room) {
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

/// The forms that are obsolete, traced, or of a later Erlang.
Controls other_controls(const Pid& own, const Pid& room) {
  const Pid nobody{room.node_atom, 900'000, 0, room.creation};
  const Ref ref{own.node_atom, 5, 3, {9, 8, 7, 0, 0}};
  const Term none = Atom("");
  const Term token = Term::tuple_of(0, 1, 2, own, 3);
  const Term function = Term::tuple_of(Atom("m"), Atom("f"), 0);
  return {{Term::tuple_of(4, own, room), false},
          {Term::tuple_of(7, own, nobody), false},
          {Term::tuple_of(12, none, room, token), true},
          {Term::tuple_of(13, own, nobody, token, Atom("x")), false},
          {Term::tuple_of(16, own, none, Atom("nobody"), token), true},
          {Term::tuple_of(18, own, nobody, token, Atom("x")), false},
          {Term::tuple_of(23, own, room, token), true},
          {Term::tuple_of(25, own, nobody, token), true},
          {Term::tuple_of(27, own, nobody, token), true},
          {Term::tuple_of(30, ref, own, own, function, Term(), token), true},
          {Term::tuple_of(32, ref, nobody, 0, own, token), false},
          {Term::tuple_of(34, own, ref, token), true},
          {Term::tuple_of(37, 0, own, room), true},
          {Term::tuple_of(37, 2, own, room, token), true},
          {Term::tuple_of(37, 4, own, ref), true},
          {Term::tuple_of(37, 8, own, Atom("nobody")), true},
          {Term::tuple_of(37, 16, own, nobody), true}};
}

void send_controls(Scene& scene, const Controls& valid) {
  const std::vector<Term> values{Term(-1), Term(std::string(70'000, 'x')), Term(), Term::tuple({})};
  const Term payload = Atom("x");
  for (const auto& [tuple, has_payload] : valid) {
    for (const Term& mutant : mutants(tuple, values)) {
      Attacker& attacker = scene.attacker();
      const Term* content = has_payload ? &payload : nullptr;
      const bool closes = closes_connection(scene.arena().target().name, attacker.name(),
                                            pass_through_message(mutant, content));
      attacker.control(mutant, content);
      require(attacker.settled() != closes, closes ? "not closed" : "closed");
      require(attacker.closed() == closes, "the victim does not answer any more");
      scene.must_count(closes ? 1 : 0);
    }
  }
}

void control_messages(Scene& scene) {
  send_controls(scene, controls(scene.attacker().own_pid(), scene.room()));
}
void other_control_messages(Scene& scene) {
  send_controls(scene, other_controls(scene.attacker().own_pid(), scene.room()));
}

constexpr Attack attacks[] = {
    {"Membership", "HyParView messages, every field in turn of another type, huge, negative, empty or deep",
     "drops the message", "membership.malformed", Ending::stays, &membership},
    {"Gossip",
     "the same with Plumtree messages and what they carry",
     "drops the message",
     "gossip.malformed",
     Ending::stays,
     &gossip,
     {32, 40, "gossip of the services is kept as any other, up to 16 MiB"}},
    {"Names", "the same with registry messages", "drops the message, or the one entry that is wrong",
     "registry.malformed", Ending::stays, &names},
    {"Life", "the same with liveness claims", "drops the message, or the one claim that is wrong",
     "liveness.malformed", Ending::stays, &life},
    {"Routes", "the same with look-ups of the overlay", "drops the message", "overlay.malformed_routes",
     Ending::stays, &routes},
    {"SystemNames", "the same to `net_kernel`, `rex` and other names of an Erlang node",
     "answers what is a question, drops the rest", "node.kernel_messages_ignored", Ending::stays,
     &system_names},
    {"Calls", "the same as calls of `rex` and requests for processes to `net_kernel`",
     "serves what it understands, drops the rest", "node.kernel_messages_ignored", Ending::stays, &calls},
    {"Prints", "the same as requests to print", "answers what is a request, drops the rest",
     "node.kernel_messages_ignored", Ending::stays, &prints},
    {"SystemMessages", "the same as messages of `sys` to a process",
     "answers what is a question of somebody's, drops the rest", "otp.unknown_messages", Ending::stays,
     &system_messages},
    {"Processes", "the same as casts, replies and DOWNs to a process",
     "a GenServer drops what is none of its messages; the log shows the first hundred",
     "otp.unknown_messages", Ending::stays, &room_messages},
    {"Control", "the same with all control messages of the distribution",
     "drops what means nothing here, closes the connection where the form is broken",
     "dist.message_malformed", Ending::no_matter, &control_messages},
    {"OtherControl", "the same with those that are obsolete, traced, or new in Erlang", "the same",
     "dist.message_malformed", Ending::no_matter, &other_control_messages},
};

}  // namespace

const Family mutations{"Mutations",
                       "Valid messages with a field that does not fit, from an authenticated peer", attacks};

}  // namespace barrel::hostile
