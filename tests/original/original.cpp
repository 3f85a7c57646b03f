#include "original/original.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace barrel::test {
namespace {

constexpr std::string_view helpers = R"(
  Loop = fun Self() ->
    receive
      {ask, From, What} -> From ! {answer, self(), What}, Self();
      {'$gen_call', From, What} -> gen_server:reply(From, {answer, What}), Self();
      {link, Pid} -> link(Pid), Self();
      {unregister, Name, From} ->
        From ! {unregistered, self(), barrel_p2p:unregister_service(Name)}, Self();
      {exit, Reason} -> exit(Reason)
    end
  end,
  Hold = fun(Name, Meta) ->
    Caller = self(),
    Pid = spawn(fun() ->
      Caller ! {held, self(), barrel_p2p:register_service(Name, Meta)},
      Loop()
    end),
    receive {held, Pid, Result} -> {Pid, Result} after 5000 -> timeout end
  end,
  Keep = fun() ->
    spawn(fun() ->
      process_flag(trap_exit, true),
      (fun Again(Kept) ->
        receive
          {get, From} -> From ! {got, self(), lists:reverse(Kept)}, Again(Kept);
          {do, Fun} -> Fun(), Again(Kept);
          Message -> Again([Message | Kept])
        end
      end)([])
    end)
  end,
  Got = fun(Keeper) ->
    Keeper ! {get, self()},
    receive {got, Keeper, Messages} -> Messages after 5000 -> timeout end
  end,
  ready
)";

Task<Result<Term>> call_one(Self self, NodeName node, Duration limit, const char* module,
                            const char* function, Term one) {
  co_return co_await self.rpc<Term>(node, limit, module, function, one);
}
Task<Result<Term>> call_two(Self self, NodeName node, Duration limit, const char* module,
                            const char* function, Term one, Term two) {
  co_return co_await self.rpc<Term>(node, limit, module, function, one, two);
}

}  // namespace

Original::Original(Node& asker, std::string_view name) : Original(asker, name, nullptr) {}

Original::Original(Node& asker, std::string_view name, std::unique_ptr<Child> child)
    : asker_(asker),
      name_(NodeName::parse(name).value()),
      child_(std::move(child)),
      bindings_(Term::list({})) {
  (void)bind("B = '" + std::string(asker.name().text()) + "', " + std::string(helpers));
}

Term Original::checked(Result<Term> answer) const {
  if (answer) return *std::move(answer);
  const std::string reason = to_string(answer.error().reason);
  throw std::runtime_error(std::string(name_.text()) + " says " + answer.error().message() + " " +
                           reason.substr(0, 2000) + "\n" + transcript());
}

Term Original::call(std::chrono::milliseconds limit, const char* module, const char* function,
                    const Term& one) {
  return checked(asker_.run(&call_one, name_, Duration(limit), module, function, one));
}
Term Original::call(std::chrono::milliseconds limit, const char* module, const char* function,
                    const Term& one, const Term& two) {
  return checked(asker_.run(&call_two, name_, Duration(limit), module, function, one, two));
}

Term Original::run(std::string_view expressions, std::chrono::milliseconds limit) {
  // It disconnects who is no neighbour of it now and then; what comes first may be repeated.
  const Term text = Term::charlist(std::string(expressions) + ".");
  auto answer = asker_.run(&call_one, name_, Duration(limit), "erl_scan", "string", text);
  for (int again = 0; again < 3 && !answer && answer.error().code == Errc::no_connection; ++again)
    answer = asker_.run(&call_one, name_, Duration(limit), "erl_scan", "string", text);
  const Term scanned = checked(std::move(answer));
  if (!scanned.is_tagged("ok", 3)) throw std::runtime_error("not Erlang: " + std::string(expressions));
  const Term parsed = call(limit, "erl_parse", "parse_exprs", scanned.elements()[1]);
  if (!parsed.is_tagged("ok", 2)) throw std::runtime_error("not Erlang: " + to_string(parsed));
  return call(limit, "erl_eval", "exprs", parsed.elements()[1], bindings_);
}

Term Original::eval(std::string_view expressions, std::chrono::milliseconds limit) {
  return run(expressions, limit).elements()[1];
}

Term Original::bind(std::string_view expressions, std::chrono::milliseconds limit) {
  const Term done = run(expressions, limit);
  bindings_ = done.elements()[2];
  return done.elements()[1];
}

std::string Original::text(const std::string& expressions, std::chrono::milliseconds limit) {
  const Term value =
      eval("unicode:characters_to_binary(io_lib:format(\"~0tp\", [begin " + expressions + " end]))", limit);
  return std::string(value.as_text().value_or("no text"));
}

bool Original::becomes(const std::string& expressions, std::string_view wanted,
                       std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (text(expressions) != wanted) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

bool Original::is_neighbour_of(Node& node, std::chrono::milliseconds limit) {
  const std::string there =
      "lists:member('" + std::string(node.name().text()) + "', barrel_p2p:active_view())";
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto here = [&] { return std::ranges::count(node.membership().active_view(), name_) == 1; };
  while (!here() || text(there) != "true") {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

void Original::kill() {
  child_->signal(SIGKILL);
  (void)child_->wait_exit(5s);
}

}  // namespace barrel::test
