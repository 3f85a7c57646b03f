#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/node/node.hpp"
#include "barrel/otp/gen_server.hpp"
#include "barrel/otp/process_groups.hpp"

namespace bank {

using namespace barrel;

/// Empty when it does not fit: numbers come from other nodes, and Erlang's have no end.
inline std::optional<std::int64_t> sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// A server that Erlang and Elixir nodes call, registered as `bank`.
class Bank {
 public:
  struct Deposit {
    static constexpr std::string_view tag = "deposit";
    std::string account;
    std::int64_t amount = 0;
    using Reply = Result<std::int64_t>;
  };
  struct Balance {
    static constexpr std::string_view tag = "balance";
    std::string account;
    using Reply = Result<std::int64_t>;
  };
  struct Close {
    static constexpr std::string_view tag = "close";
    std::string account;
  };
  using Calls = Messages<Deposit, Balance>;
  using Casts = Messages<Close>;

  explicit Bank(Self self) {
    if (!self.register_name("bank")) exit(Atom("already_started"));
  }

  Result<std::int64_t> handle_call(const Deposit& deposit) {
    std::int64_t& balance = accounts_[deposit.account];
    const auto more = sum(balance, deposit.amount);
    if (!more) return Error(Errc::limit_exceeded);
    return balance = *more;
  }
  Result<std::int64_t> handle_call(const Balance& request) {
    const auto account = accounts_.find(request.account);
    if (account == accounts_.end()) return Error(Errc::not_found);
    return account->second;
  }
  void handle_cast(const Close& close) { accounts_.erase(close.account); }

 private:
  std::map<std::string, std::int64_t> accounts_;
};

inline std::int64_t add(std::int64_t a, std::int64_t b) {
  const auto result = sum(a, b);
  if (!result) exit(Atom("system_limit"));
  return *result;
}

inline Task<Result<std::int64_t>> balance(Self self, std::string account) {
  const Bank::Balance request{account};
  co_return co_await self.call(local("bank"), request);
}

/// Prints where the caller's output goes, on whatever node that is.
inline Task<Result<void>> report(Self self) {
  co_return co_await self.print("all is well\n");
}

/// What other nodes may call here by rpc, erpc and spawn.
inline void expose_functions(Functions& functions) {
  functions.expose("math", "add", add);
  functions.expose("bank", "balance", balance);
  functions.expose("bank", "report", report);
}

/// The server, in the process group `banks`; both end with this process.
inline Task<> application(Self self) {
  const auto server = co_await self.start_link<Bank>();
  if (!server) exit(server.error().reason);
  const auto groups = co_await ProcessGroups::start_link(self);
  if (!groups) exit(groups.error().reason);
  const auto joined = co_await groups->join(self, Atom("banks"), *server);
  if (!joined) exit(joined.error().reason);
  co_await self.receive<Exit>();
}

/// Calls module:function(<<"text">>) on an Erlang node.
inline Task<Result<std::string>> ask(Self self, NodeName node, std::string module, std::string function,
                                     std::string text) {
  co_return co_await self.rpc<std::string>(node, module, function, text);
}

}  // namespace bank
