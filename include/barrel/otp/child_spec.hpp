#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "barrel/base/time.hpp"
#include "barrel/otp/gen_server.hpp"
#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// When a supervisor starts a child anew.
enum class Restart : std::uint8_t {
  permanent,  ///< Always.
  transient,  ///< When it ended abnormally: not with normal, shutdown or {shutdown, _}.
  temporary,  ///< Never.
};

/// How many restarts a supervisor puts up with: more than `intensity` within `period`, and it ends its
/// children and itself with shutdown. Defaults: OTP's.
struct SupervisorSettings {
  int intensity = 1;
  Duration period = std::chrono::seconds(5);
};

struct ChildSettings {
  /// For `shutdown`: kill at once, or wait for ever (for children that are supervisors).
  static constexpr Duration brutal_kill = Duration::zero();
  static constexpr Duration infinity = Duration::max();

  Restart restart = Restart::permanent;
  /// How long a child that is told to shut down may take before it is killed. Default: OTP's for workers.
  Duration shutdown = std::chrono::seconds(5);
};

namespace detail {

/// Starts a child from within its supervisor; may be called again for each restart.
using ChildStarter = std::function<Task<Result<Pid>>(Self supervisor)>;

template <class Server, class... As>
[[nodiscard]] ChildStarter make_starter(As&&... args) {
  static_assert((std::is_copy_constructible_v<std::decay_t<As>> && ...),
                "a supervised child's arguments must be copyable: a restart needs them again");
  auto kept = std::make_shared<const std::tuple<std::decay_t<As>...>>(std::forward<As>(args)...);
  return [kept](Self self) {
    return std::apply([self](const auto&... each) { return self.start_link<Server>(each...); }, *kept);
  };
}

}  // namespace detail

/// A child of a Supervisor: its id, how to start it, and its settings. Not an aggregate, so that a temporary
/// of it is safe in a co_await expression under GCC 12.
class ChildSpec {
 public:
  ChildSpec(Atom child_id, detail::ChildStarter child_starter, const ChildSettings& child_settings)
      : id(child_id), start(std::move(child_starter)), settings(child_settings) {}

  Atom id;
  detail::ChildStarter start;
  ChildSettings settings;
};

/// A child that runs Server, a GenServer class, constructed with `args`.
template <class Server, class... As>
[[nodiscard]] ChildSpec child(Atom id, const ChildSettings& settings, As&&... args) {
  return {id, detail::make_starter<Server>(std::forward<As>(args)...), settings};
}

}  // namespace barrel
#pragma GCC visibility pop
