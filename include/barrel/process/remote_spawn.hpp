#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "barrel/process/message.hpp"
#include "barrel/process/monitor.hpp"
#include "barrel/process/wait.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/result.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// A process that was started on another node, watched from its first moment.
struct SpawnedProcess {
  Pid pid;
  Monitor monitor;
};

namespace detail {

/// The function that is to run, and how its process is tied to the one that asks.
struct SpawnOrder {
  NodeName node;
  std::string_view module;
  std::string_view function;
  Term arguments;
  bool link = false;
  bool monitor = false;
};

/// The list of arguments of a function on some node.
template <class... As>
[[nodiscard]] Term argument_list(const As&... arguments) {
  std::vector<Term> list;
  list.reserve(sizeof...(arguments));
  (list.push_back(MessageCodec<MessageOf<const As&>>::to_term(arguments)), ...);
  return Term::list(std::move(list));
}

/// A spawn request on its way to a node; known to its process by its number, which is that of the monitor
/// that it may set up.
class PendingSpawn : public Wait {
 public:
  PendingSpawn(PendingSpawn&&) = delete;

 protected:
  enum class For : std::uint8_t {
    pid,     ///< Done when the process is started.
    result,  ///< Done when it has ended: its exit reason is the result (erpc).
  };

  PendingSpawn(Process& process, For what, const SpawnOrder& order, Duration limit);
  ~PendingSpawn();

  [[nodiscard]] static bool is_done(Wait& wait) { return static_cast<PendingSpawn&>(wait).done_; }
  /// Why there is nothing, once it is ready.
  [[nodiscard]] std::optional<Error> failure() const;
  [[nodiscard]] const Pid& started() const noexcept { return pid_; }
  [[nodiscard]] const Term& end_reason() const noexcept { return end_reason_; }
  [[nodiscard]] Ref ref() const;

 private:
  friend struct Process;
  void start_here(const SpawnOrder& order);
  void fail(Error why);

  PendingSpawn* previous_ = nullptr;
  PendingSpawn* next_ = nullptr;
  std::uint64_t number_ = 0;
  std::uint64_t epoch_ = 0;
  For what_;
  bool link_ = false;
  /// Started, and not known to have ended.
  bool runs_ = false;
  NodeName node_;
  Pid pid_{};
  Term end_reason_;
  /// The DOWN of its process, when that overtakes the answer: a stream of its own brings each.
  std::optional<Term> early_down_;
  std::optional<Error> error_;
};

class [[nodiscard]] SpawnOn final : public PendingSpawn {
 public:
  SpawnOn(Process& process, const SpawnOrder& order, Duration limit)
      : PendingSpawn(process, For::pid, order, limit) {}
  Result<Pid> await_resume() const {
    if (auto error = failure()) return std::move(*error);
    return started();
  }
};

class [[nodiscard]] SpawnMonitorOn final : public PendingSpawn {
 public:
  SpawnMonitorOn(Process& process, const SpawnOrder& order, Duration limit)
      : PendingSpawn(process, For::pid, order, limit) {}
  Result<SpawnedProcess> await_resume() const {
    if (auto error = failure()) return std::move(*error);
    return SpawnedProcess{started(), Monitor(*process_, ref())};
  }
};

/// Takes {Ref, return, Value} and the other shapes of erpc apart.
[[nodiscard]] Result<Term> erpc_result(const Ref& ref, const Term& reason);

template <class R>
struct FlatResult;  // call.hpp

/// What self.rpc gives: erpc:call/4.
template <class R>
class [[nodiscard]] PendingRpc final : public PendingSpawn {
 public:
  using Value = typename FlatResult<R>::type;

  PendingRpc(Process& process, const SpawnOrder& order, Duration limit)
      : PendingSpawn(process, For::result, order, limit) {}
  [[nodiscard]] Value await_resume() const {
    if (auto error = failure()) return std::move(*error);
    auto result = erpc_result(ref(), end_reason());
    if (!result) return std::move(result).error();
    if constexpr (std::is_void_v<R>) {
      return Value();
    } else {
      auto value = MessageCodec<R>::from_term(*result);
      if (!value) return std::move(value).error();
      return *std::move(value);
    }
  }
};

/// erpc:cast/4.
void cast_function(Process& process, const SpawnOrder& order);

}  // namespace detail
}  // namespace barrel
#pragma GCC visibility pop
