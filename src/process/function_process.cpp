// Processes that run exposed functions: those that other nodes start here, and the entry points of erpc.
#include "process/function_process.hpp"

#include <exception>
#include <utility>

#include "barrel/process/exit.hpp"
#include "barrel/process/matching.hpp"
#include "barrel/term/term_size.hpp"
#include "process/encoded_message.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"
#include "term/exported_fun.hpp"
#include "term/short_text.hpp"

namespace barrel::detail {

namespace {

Applied error_of(Term reason, const Term& module, const Term& function, Term arguments_or_arity) {
  Term frame = Term::tuple_of(module, function, std::move(arguments_or_arity), Term());
  return {Applied::How::error, std::move(reason), Term::list({std::move(frame)})};
}

struct Arguments {
  Term list;
  /// What they count for as long as the function works on them, and not only until it has received them.
  std::shared_ptr<const void> charge;
};

/// The first message of a process that runs a function: its arguments.
Task<Arguments> take_arguments(Self self) {
  EnvelopePtr message = co_await ReceiveAny(self.process());
  Envelope* envelope = message.release();
  std::shared_ptr<const DecodeContext> context;
  std::size_t bytes = 0;
  if (envelope->type->kind == MessageType::Kind::encoded) {
    const auto& encoded = static_cast<const EncodedMessage&>(*envelope);
    context = encoded.context;
    bytes = encoded.charge();
  }
  const Match match = match_as<Term>(self.process(), envelope);
  if (match == Match::yes) {
    Arguments arguments;
    arguments.list = take_value<Term>(envelope);
    if (context != nullptr) {
      auto charge = std::make_shared<UnreadCharge>();
      charge->take(std::move(context), bytes + memory_of(arguments.list));
      arguments.charge = std::move(charge);
    }
    co_return arguments;
  }
  dispose(envelope);
  exit(Atom("system_limit"));  // or malformed bytes, which end the connection they came from
}

/// erpc:execute_call/4: the result is the reason that the process ends with.
Term erpc_reply(const Term& id, const Applied& applied) {
  switch (applied.how) {
    case Applied::How::returned: return Term::tuple_of(id, Atom("return"), applied.value);
    case Applied::How::exit: return Term::tuple_of(id, Atom("exit"), applied.value);
    case Applied::How::error: return Term::tuple_of(id, Atom("error"), applied.value, applied.stack);
  }
  return {};
}

/// Where erpc's entry points have module, function and arguments among their own arguments; empty for others.
std::optional<std::size_t> erpc_entry(const FunctionStart& start) {
  if (!start.module.is_atom("erpc")) return std::nullopt;
  if (start.function.is_atom("execute_call") && start.arity == 4) return 1;
  const bool is_plain = start.function.is_atom("execute_call") || start.function.is_atom("execute_cast");
  if (is_plain && start.arity == 3) return 0;
  return std::nullopt;
}

bool is_call(const Term& module, const Term& function, const Term& arguments) {
  return module.is_atom() && function.is_atom() && arguments.is_proper_list();
}

std::shared_ptr<const ExposedFunction> find_function(Self self, NodeName caller, const Term& module,
                                                     const Term& function, const Term& arguments) {
  return self.runtime().functions().find(caller, module.atom_text(), function.atom_text(),
                                         arguments.elements().size());
}

void count_undefined(Self self, NodeName caller) {
  auto& counters = self.runtime().impl().counters;
  const bool is_allowed = self.runtime().functions().allows(caller);
  (is_allowed ? counters.functions_undefined : counters.functions_refused).add();
}

struct Call {
  Term module;
  Term function;
  Term arguments;
};

/// What erlang:apply/3, apply/2 with an external fun, and proc_lib:init_p/5, with which proc_lib:spawn/4
/// begins a process, apply; empty for others.
std::optional<Call> applied_inside(const Term& module, const Term& function, const Term& arguments) {
  const auto elements = arguments.elements();
  if (module.is_atom("proc_lib") && function.is_atom("init_p") && elements.size() == 5) {
    return Call{elements[2], elements[3], elements[4]};
  }
  if (!module.is_atom("erlang") || !function.is_atom("apply")) return std::nullopt;
  if (elements.size() == 3) return Call{elements[0], elements[1], elements[2]};
  if (elements.size() != 2) return std::nullopt;
  const auto fun = exported_fun(elements[0]);
  if (!fun) return std::nullopt;
  return Call{fun->module, fun->function, elements[1]};
}

/// The fun that apply/2 was given takes another number of arguments.
bool is_bad_arity(const Term& arguments) {
  const auto elements = arguments.elements();
  if (elements.size() != 2 || !elements[1].is_proper_list()) return false;
  const auto fun = exported_fun(elements[0]);
  return fun && fun->arity != elements[1].elements().size();
}
Term bad_arity(const Term& arguments) {
  const auto elements = arguments.elements();
  return Term::tuple_of(Atom("badarity"), Term::tuple_of(elements[0], elements[1]));
}

Task<> run_function(Self self, FunctionStart start) {
  const Arguments taken = co_await take_arguments(self);
  const Term& arguments = taken.list;
  if (!arguments.is_proper_list() || arguments.elements().size() != start.arity) exit(Atom("badarg"));
  const auto elements = arguments.elements();
  const auto entry = erpc_entry(start);
  Applied applied;
  if (entry) {
    Task<Applied> work =
        apply_function(self, start.caller, elements[*entry], elements[*entry + 1], elements[*entry + 2]);
    applied = co_await std::move(work);
  } else {
    Task<Applied> work = apply_function(self, start.caller, start.module, start.function, arguments);
    applied = co_await std::move(work);
  }
  if (entry == 1U) {
    self.process().ends_quietly = true;
    exit(erpc_reply(elements[0], applied));
  }
  if (applied.how != Applied::How::returned) exit(applied.exit_reason());
}

/// Ties the process to the one that asked for it. It does not run yet, so that its relations are ours.
void tie(Process& process, const FunctionStart& start) {
  const RuntimeImpl& runtime = *process.runtime;
  const bool is_remote = !runtime.is_local(start.asker);
  if ((start.link || start.monitor) && is_remote) process.touch_node(start.asker.node());
  if (start.link) process.add_link(start.asker).epoch = runtime.nodes.epoch();
  if (start.monitor) {
    if (is_remote) process.related().remote_watchers.add(start.asker.node_atom);
    process.related().watchers.emplace(*start.monitor, Relations::Watcher{start.asker, std::nullopt});
  }
}

}  // namespace

Term Applied::exit_reason() const {
  return how == How::error ? Term::tuple_of(value, stack) : value;
}

Task<Applied> apply_function(Self self, NodeName caller, Term module, Term function, Term arguments) {
  if (!is_call(module, function, arguments)) co_return error_of(Atom("badarg"), module, function, arguments);
  auto exposed = find_function(self, caller, module, function, arguments);
  while (exposed == nullptr) {
    const auto inner = applied_inside(module, function, arguments);
    if (!inner) {
      count_undefined(self, caller);
      co_return error_of(Atom("undef"), module, function, arguments);
    }
    if (!is_call(inner->module, inner->function, inner->arguments)) {
      co_return error_of(Atom("badarg"), module, function, arguments);
    }
    if (is_bad_arity(arguments)) co_return error_of(bad_arity(arguments), module, function, arguments);
    module = inner->module;
    function = inner->function;
    arguments = Term(inner->arguments);
    exposed = find_function(self, caller, module, function, arguments);
  }
  const std::size_t arity = arguments.elements().size();
  Applied applied;
  try {
    Task<Term> work = (*exposed)(self, arguments);
    applied.value = co_await std::move(work);
  } catch (const WrongArguments&) {
    applied = error_of(Atom("function_clause"), module, function, arguments);
  } catch (const ProcessExit& exit) {
    applied.how = Applied::How::exit;
    applied.value = exit.reason();
  } catch (...) {
    bool is_crash = false;
    applied = error_of(exit_reason_of(std::current_exception(), is_crash), module, function, arity);
    const NodeName local = self.runtime().node_name();
    self.runtime().log().error("an exposed function threw an exception",
                               {{"module", std::string(module.atom_text())},
                                {"function", std::string(function.atom_text())},
                                {"reason", short_text(applied.value, local)}});
  }
  co_return applied;
}

HeldProcess hold_function(RuntimeImpl& runtime, FunctionStart start, Envelope* arguments) {
  FunctionStart tied;
  tied.asker = start.asker;
  tied.link = start.link;
  tied.monitor = start.monitor;
  const Pid leader = start.leader;
  HeldProcess held = hold_process(runtime.facade, nullptr, false, &run_function, std::move(start));
  if (!held) {
    dispose(arguments);
    return held;
  }
  Process& process = held.process();
  if (leader.id != 0) process.group_leader = leader;
  tie(process, tied);
  (void)runtime.deliver(held.pid(), arguments);
  return held;
}

}  // namespace barrel::detail

namespace barrel {

namespace {

/// What spawn_opt/4 may be asked for; the empty value for what it may not.
struct SpawnOptions {
  bool link = false;
  bool monitor = false;
};
std::optional<SpawnOptions> parse_options(const Term& list) {
  static constexpr std::string_view tolerated[] = {"priority",           "fullsweep_after",   "min_heap_size",
                                                   "min_bin_vheap_size", "max_heap_size",     "async_dist",
                                                   "message_queue_data", "max_heap_size_kill"};
  if (!list.is_proper_list()) return std::nullopt;
  SpawnOptions options;
  for (const Term& option : list.elements()) {
    if (option.is_atom("link")) {
      options.link = true;
    } else if (option.is_atom("monitor") || option.is_tagged("monitor", 2)) {
      options.monitor = true;
    } else if (!std::ranges::any_of(tolerated, [&](auto name) { return option.is_tagged(name, 2); })) {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

void Runtime::deliver_spawn(const Pid& from, const Ref& id, const RemoteSpawn& what,
                            const SharedBytes& arguments,
                            const std::shared_ptr<const DecodeContext>& context) {
  RemoteSignal reply;
  reply.op = RemoteSignal::Op::spawn_reply;
  reply.from = impl_->pid_of(0, 0);
  reply.to = from;
  reply.to_node = from.node();
  reply.ref = id;
  const auto refuse = [&](std::string_view why) {
    impl_->counters.remote_spawns_refused.add();
    reply.reason = Atom(why);
    impl_->remote_signal(reply);
  };
  const auto options = parse_options(what.options);
  if (!options) return refuse("badopt");
  const auto parts = what.function.elements();
  const auto arity = what.function.is_tuple(3) ? parts[2].as_uint64() : std::nullopt;
  if (!arity || !parts[0].is_atom() || !parts[1].is_atom()) return refuse("badarg");
  auto share = impl_->spawn_quotas.take(from.node());
  if (!share) return refuse("system_limit");

  detail::FunctionStart start{.caller = from.node(),
                              .asker = from,
                              .leader = what.leader,
                              .module = parts[0],
                              .function = parts[1],
                              .arity = *arity,
                              .link = options->link,
                              .monitor = options->monitor ? std::optional(id) : std::nullopt,
                              .share = std::move(*share)};
  const detail::HeldProcess held =
      detail::hold_function(*impl_, std::move(start), detail::EncodedMessage::make(arguments, context));
  if (!held) return refuse("system_limit");
  impl_->counters.remote_spawns.add();
  if (options->link) reply.id |= RemoteSignal::spawn_linked;
  if (options->monitor) reply.id |= RemoteSignal::spawn_monitored;
  reply.from = held.pid();
  reply.reason = held.pid();
  impl_->remote_signal(reply);  // before it runs, and so before any signal of its own
}

}  // namespace barrel
