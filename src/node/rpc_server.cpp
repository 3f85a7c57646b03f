#include "node/rpc_server.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "barrel/process/answer.hpp"
#include "barrel/process/exit.hpp"
#include "barrel/term/etf.hpp"
#include "barrel/term/term_size.hpp"
#include "node/over_limit_log.hpp"
#include "node/system_names.hpp"
#include "process/encoded_message.hpp"
#include "process/function_process.hpp"
#include "process/runtime_impl.hpp"
#include "process/too_large.hpp"
#include "process/tuple_start.hpp"

namespace barrel::node {

namespace {

using detail::Applied;
using detail::apply_function;

/// Whom the result of a call goes to, and in which form.
struct ReplyAddress {
  Pid to{};
  /// Of a gen_server call; empty for {rex, Result}, the form of C nodes.
  std::optional<Term> tag;
};

/// A function that rex is to call.
struct RexCall {
  NodeName caller;
  std::optional<ReplyAddress> reply;
  Term module;
  Term function;
  Term arguments;
  Term leader;
  /// What the call counts for until it has ended.
  std::shared_ptr<const void> charge;
};

/// Sends in the name of the node: a peer that does not read must not hold up those who serve all of them.
SendOutcome send_as_node(Self self, const RemoteTarget& to, const Term& message) {
  return detail::deliver_remote({&self.runtime(), nullptr}, to, detail::Payload<Term>(message),
                                SendMode::answer);
}

/// OTP's rule: a tag [alias | Ref], or one that begins with it, is answered to the alias.
std::optional<Ref> alias_of(const Term& tag) {
  return tag.as_ref() ? std::nullopt : detail::ref_of_tag(tag);
}

SendOutcome answer(Self self, const ReplyAddress& address, Term result) {
  if (!address.tag) return send_as_node(self, address.to, Term::tuple_of(Atom("rex"), std::move(result)));
  const auto alias = alias_of(*address.tag);
  const RemoteTarget to = alias ? RemoteTarget(*alias) : RemoteTarget(address.to);
  return send_as_node(self, to, Term::tuple_of(*address.tag, std::move(result)));
}

/// What rpc:call makes of the end of a process that erpc has started: both ways give the same.
Term badrpc(Term reason) {
  return Term::tuple_of(Atom("badrpc"), Term::tuple_of(Atom("EXIT"), std::move(reason)));
}

/// Nobody waits for a result that is too long for the caller's node.
void answer_call(Self self, const ReplyAddress& address, Term result) {
  if (answer(self, address, std::move(result)) != SendOutcome::too_large) return;
  (void)answer(self, address, badrpc(detail::frame_too_large()));
}

/// {call | block_call | cast, Module, Function, Arguments, GroupLeader}
bool read_call(const Term& request, std::string_view tag, RexCall& call) {
  if (!request.is_tagged(tag, 5)) return false;
  const auto parts = request.elements();
  call.module = parts[1];
  call.function = parts[2];
  call.arguments = parts[3];
  call.leader = parts[4];
  return true;
}

/// The address that a request of that peer wants its answer at; empty when it is not one of the peer's.
std::optional<ReplyAddress> reply_address(const Term& from, NodeName peer) {
  const auto parsed = detail::parse_call_from(from);
  if (!parsed || parsed->pid.node() != peer) return std::nullopt;
  // Otherwise we would dial, and speak to, whatever node it names.
  const auto alias = alias_of(parsed->tag);
  if (alias && alias->node() != peer) return std::nullopt;
  return ReplyAddress{parsed->pid, parsed->tag};
}

std::optional<RexCall> parse_rex(const KernelMessage& message) {
  RexCall call;
  call.caller = message.peer;
  call.charge = message.charge;
  const Term& term = message.message;
  const auto parts = term.elements();
  if (term.is_tagged("$gen_call", 3)) {
    call.reply = reply_address(parts[1], message.peer);
    if (!call.reply) return std::nullopt;
    if (read_call(parts[2], "call", call) || read_call(parts[2], "block_call", call)) return call;
    return std::nullopt;
  }
  if (term.is_tagged("$gen_cast", 2)) {
    if (read_call(parts[1], "cast", call)) return call;
    return std::nullopt;
  }
  if (!term.is_tuple(2)) return std::nullopt;
  const auto pid = parts[0].as_pid();
  if (!pid || pid->node() != message.peer || !read_call(parts[1], "call", call)) return std::nullopt;
  call.reply = ReplyAddress{*pid, std::nullopt};
  return call;
}

Task<> rex_worker(Self self, RexCall call, [[maybe_unused]] detail::SpawnQuotas::Share share) {
  if (const auto leader = call.leader.as_pid()) self.set_group_leader(*leader, self.pid());
  Task<Applied> work = apply_function(self, call.caller, call.module, call.function, call.arguments);
  const Applied applied = co_await std::move(work);
  const bool returned = applied.how == Applied::How::returned;
  if (call.reply) answer_call(self, *call.reply, returned ? applied.value : badrpc(applied.exit_reason()));
}

/// The workers whose callers wait, by the monitor of each.
class Workers {
 public:
  void start(Self self, RexCall call) {
    auto share = self.runtime().impl().spawn_quotas.take(call.caller);
    const auto reply = call.reply;
    if (!share) {
      if (reply) answer_call(self, *reply, badrpc(Atom("system_limit")));
      return self.runtime().impl().counters.remote_spawns_refused.add();
    }
    self.runtime().impl().counters.remote_spawns.add();
    const Pid worker = self.runtime().spawn(&rex_worker, std::move(call), std::move(*share));
    if (!reply) return;
    Monitor monitor = self.monitor(worker);
    const Ref ref = monitor.ref();
    waiting_.emplace(ref, Waiting{std::move(monitor), *reply});
  }
  void ended(Self self, const Down& down) {
    const auto worker = waiting_.find(down.ref);
    if (worker == waiting_.end()) return;
    // A worker that has answered ends normally.
    if (!down.reason.is_atom("normal")) answer_call(self, worker->second.reply, badrpc(down.reason));
    waiting_.erase(worker);
  }

 private:
  struct Waiting {
    Monitor monitor;
    ReplyAddress reply;
  };
  std::map<Ref, Waiting> waiting_;
};

/// What net_kernel is asked to start; empty for anything else.
struct KernelSpawn {
  Term module;
  Term function;
  Term arguments;
  Term leader;
  bool link = false;
};
std::optional<KernelSpawn> parse_spawn(const Term& request) {
  const auto parts = request.elements();
  const bool links = request.is_tagged("spawn_link", 5);
  if (links || request.is_tagged("spawn", 5))
    return KernelSpawn{parts[1], parts[2], parts[3], parts[4], links};
  if (!request.is_tagged("spawn_opt", 7)) return std::nullopt;
  return KernelSpawn{parts[1], parts[2], parts[3], parts[6], parts[5].as_bool().value_or(false)};
}

/// The process, which does not run yet; without effect when it cannot be started.
detail::HeldProcess start_for(Self self, const KernelMessage& message, const Pid& asker,
                              const KernelSpawn& spawn) {
  detail::RuntimeImpl& runtime = self.runtime().impl();
  if (!spawn.module.is_atom() || !spawn.function.is_atom() || !spawn.arguments.is_proper_list()) return {};
  auto share = runtime.spawn_quotas.take(message.peer);
  if (!share) {
    runtime.counters.remote_spawns_refused.add();
    return {};
  }
  detail::FunctionStart start;
  start.caller = message.peer;
  start.charge = message.charge;
  start.asker = asker;
  start.leader = spawn.leader.as_pid().value_or(Pid{});
  start.module = spawn.module;
  start.function = spawn.function;
  start.arity = spawn.arguments.elements().size();
  start.share = std::move(*share);
  detail::HeldProcess held =
      detail::hold_function(runtime, std::move(start), detail::make_message(Term(spawn.arguments)));
  if (!held) return held;
  runtime.counters.remote_spawns.add();
  if (spawn.link) held.process().link(asker);
  return held;
}

/// True when the message was one that every Erlang node sends unasked.
bool answer_unasked(Self self, Atom name, const KernelMessage& message) {
  const auto reply = answer_system(name, message.message, self.runtime().node_name());
  if (!reply) return false;
  const RemoteTarget to = std::visit([](const auto& target) -> RemoteTarget { return target; }, reply->to);
  if (node_of(to) == message.peer) (void)send_as_node(self, to, reply->message);
  return true;
}

/// {From, {sbcast, Name, Message}} of rpc:sbcast: sent to the process that has the name here, if any, and
/// answered whether there is one. Whoever may send to names may do this.
bool serve_sbcast(Self self, const KernelMessage& message) {
  const auto parts = message.message.elements();
  if (!message.message.is_tuple(2) || !parts[1].is_tagged("sbcast", 3)) return false;
  const auto from = parts[0].as_pid();
  if (!from || from->node() != message.peer) return true;
  const auto request = parts[1].elements();
  const NodeName here = self.runtime().node_name();
  const auto name = request[1].as_atom();
  const auto holder = name ? self.whereis(*name) : std::nullopt;
  Term outcome = Term::tuple_of(Atom("nonexisting_name"), request[1]);
  if (holder) {
    auto* envelope = detail::new_envelope<detail::TypedMessage<Term>>(std::in_place, request[2]);
    envelope->charge.take(message.context, message.bytes);
    (void)detail::deliver({&self.runtime(), nullptr}, *holder, envelope);
    outcome = Term(here);
  }
  (void)send_as_node(self, *from, Term::tuple_of(Atom("rex"), here, std::move(outcome)));
  return true;
}

/// {system, From, Request} of the module sys, which OTP's servers answer by themselves. There is no state of
/// Erlang's here to be looked at, but nobody shall wait for it.
bool serve_sys(Self self, const char* name, const KernelMessage& message) {
  if (!message.message.is_tagged("system", 3)) return false;
  const auto parts = message.message.elements();
  const auto reply = reply_address(parts[1], message.peer);
  if (!reply) return true;
  if (!parts[2].is_atom("get_status")) {
    (void)answer(self, *reply,
                 Term::tuple_of(Atom("error"), Term::tuple_of(Atom("unknown_system_msg"), parts[2])));
    return true;
  }
  const Term running = Atom("running");
  const Term header = Term::tuple_of(Atom("header"), Term::charlist(std::string("Status for ") + name));
  const Term status = Term::list({Term::tuple_of(Term::charlist("Status"), running)});
  (void)answer(self, *reply,
               Term::tuple_of(Atom("status"), self.pid(), Term::tuple_of(Atom("module"), Atom("gen_server")),
                              Term::list({Term(), running, Term(self.pid()), Term(),
                                          Term::list({header, Term::tuple_of(Atom("data"), status)})})));
  return true;
}

/// Erlang's reply to a spawn that is not possible.
Pid dead_process(Self self) {
  return self.runtime().impl().pid_of(0, 0);
}

/// False: it is none that net_kernel knows.
bool serve_net_kernel(Self self, const KernelMessage& message) {
  if (answer_unasked(self, "net_kernel", message) || serve_sys(self, "net_kernel", message)) return true;
  if (!message.message.is_tagged("$gen_call", 3)) return false;
  const auto parts = message.message.elements();
  const auto reply = reply_address(parts[1], message.peer);
  const auto spawn = reply ? parse_spawn(parts[2]) : std::nullopt;
  if (!spawn) return false;
  const detail::HeldProcess held = start_for(self, message, reply->to, *spawn);
  (void)answer(self, *reply, held ? held.pid() : dead_process(self));
  return true;
}

/// Of a message that is over a limit: whom the `$gen_call` is from, and the tag of what it asks.
struct UnreadCall {
  std::optional<ReplyAddress> reply;
  Term tag;
};
UnreadCall unread_call(const KernelMessage& message) {
  const EtfLimits& limits = message.context->limits;
  const auto start = detail::tuple_start(message.payload.view(), 2, limits);
  if (!start || start->arity != 3 || !start->elements[0].is_atom("$gen_call")) return {};
  const auto request = detail::tuple_start(start->rest, 1, limits);
  if (!request) return {};
  return {reply_address(start->elements[1], message.peer), request->elements[0]};
}

/// {From, {call, ...}} of C nodes, and {From, {sbcast, ...}}, over a limit.
void refuse_plain(Self self, const KernelMessage& message) {
  const EtfLimits& limits = message.context->limits;
  const auto start = detail::tuple_start(message.payload.view(), 1, limits);
  const auto from = start && start->arity == 2 ? start->elements[0].as_pid() : std::nullopt;
  if (!from || from->node() != message.peer) return;
  const auto request = detail::tuple_start(start->rest, 2, limits);
  if (!request) return;
  if (request->elements[0].is_atom("call")) {
    (void)answer(self, ReplyAddress{*from, std::nullopt}, badrpc(Atom("system_limit")));
  } else if (request->elements[0].is_atom("sbcast")) {
    const Term nobody = Term::tuple_of(Atom("nonexisting_name"), request->elements[1]);
    (void)send_as_node(self, *from, Term::tuple_of(Atom("rex"), self.runtime().node_name(), nobody));
  }
}

void refuse_rex(Self self, const KernelMessage& message) {
  const UnreadCall call = unread_call(message);
  if (!call.reply) return refuse_plain(self, message);
  if (call.tag.is_atom("call") || call.tag.is_atom("block_call"))
    (void)answer(self, *call.reply, badrpc(Atom("system_limit")));
}

void refuse_net_kernel(Self self, const KernelMessage& message) {
  const UnreadCall call = unread_call(message);
  const bool spawns =
      call.tag.is_atom("spawn") || call.tag.is_atom("spawn_link") || call.tag.is_atom("spawn_opt");
  if (call.reply && spawns) (void)answer(self, *call.reply, dead_process(self));
}

/// What is done about messages that are over a limit: the callers of many wait without one of their own.
class Unread {
 public:
  explicit Unread(Self self)
      : self_(self),
        over_limit_(self.runtime().impl().counters.kernel_limit),
        log_(self.runtime().log(), "calls by a peer are over a limit and were refused") {}

  /// False: there is nothing to serve.
  template <class Refuse>
  bool decode(KernelMessage& message, const Refuse& refuse) {
    const Result<> decoded = message.decode(over_limit_);
    if (decoded) return true;
    const Error& why = decoded.error();
    // The connection's own limits are in the log already.
    if (is_over(why, "terms_max")) log_.dropped(message.peer, why, self_.runtime().clock().now());
    if (why.code == Errc::limit_exceeded) refuse(self_, message);
    return false;
  }

 private:
  Self self_;
  Counter& over_limit_;
  OverLimitLog log_;
};

}  // namespace

Counter& ignored_counter(Self self) {
  return self.runtime().metrics().counter("node.kernel_messages_ignored");
}

Result<> KernelMessage::decode(Counter& over_limit) {
  EtfLimits limits = context->limits;
  limits.terms_max = std::min(limits.terms_max, terms_max);
  Result<Term> term = decode_etf(payload, limits);
  if (!term) {
    if (is_over(term.error(), "terms_max")) over_limit.add();
    else if (context->on_malformed) context->on_malformed(term.error());
    return std::move(term).error();
  }
  message = *std::move(term);
  bytes = payload.size() + memory_of(message);
  auto counted = std::make_shared<detail::UnreadCharge>();
  counted->take(context, bytes);
  charge = std::move(counted);
  return {};
}

Task<> rex(Self self) {
  Workers workers;
  Unread unread(self);
  for (;;) {
    auto next = co_await self.receive<KernelMessage, Down, Term>();
    if (const auto* down = std::get_if<Down>(&next)) workers.ended(self, *down);
    auto* message = std::get_if<KernelMessage>(&next);
    if (message == nullptr || !unread.decode(*message, refuse_rex)) continue;
    if (answer_unasked(self, "rex", *message) || serve_sys(self, "rex", *message)) continue;
    if (serve_sbcast(self, *message)) continue;
    if (auto call = parse_rex(*message)) workers.start(self, *std::move(call));
    else ignored_counter(self).add();
  }
}

Task<> net_kernel(Self self) {
  Unread unread(self);
  for (;;) {
    auto next = co_await self.receive<KernelMessage, Term>();
    auto* message = std::get_if<KernelMessage>(&next);
    if (message == nullptr || !unread.decode(*message, refuse_net_kernel)) continue;
    if (!serve_net_kernel(self, *message)) ignored_counter(self).add();
  }
}

}  // namespace barrel::node
