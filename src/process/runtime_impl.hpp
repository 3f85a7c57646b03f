#pragma once

#include <atomic>
#include <memory>

#include "barrel/process/functions.hpp"
#include "barrel/process/runtime.hpp"
#include "base/blocking_pool.hpp"
#include "process/local_names.hpp"
#include "process/node_index.hpp"
#include "process/node_watchers.hpp"
#include "process/orphaned_spawns.hpp"
#include "process/process.hpp"
#include "process/process_table.hpp"
#include "process/ref_secrets.hpp"
#include "process/scheduler.hpp"
#include "process/spawn_quotas.hpp"
#include "process/timers.hpp"

namespace barrel::detail {

/// The parts of a runtime, and what crosses them.
class RuntimeImpl {
 public:
  RuntimeImpl(Runtime& owner, const RuntimeConfig& settings, const Clock& time, Log sink,
              Metrics& all_metrics);
  ~RuntimeImpl();

  // -- delivery; any thread
  /// The process of a pid of this node, dead or alive; null when the pid was never ours.
  [[nodiscard]] Process* find(const Pid& pid) const noexcept;
  /// Null also when it is dead by now.
  [[nodiscard]] Process* find_alive(const Pid& pid) const noexcept;
  /// Also of nobody's pid and reference, which name no node: nobody here has them.
  [[nodiscard]] bool is_local(const Pid& pid) const noexcept { return is_here(pid.node_atom); }
  [[nodiscard]] bool is_local(const Ref& ref) const noexcept { return is_here(ref.node_atom); }
  /// Takes the envelope over when true.
  [[nodiscard]] bool push(Process& to, std::uint32_t serial, Envelope* envelope,
                          std::uint32_t limit) noexcept;
  /// False: nobody was there, or the mailbox was full; the message is gone.
  bool deliver(const Pid& to, Envelope* message) noexcept;
  /// The living process of an alias, or of a call's reference; null when it can be neither.
  [[nodiscard]] Process* owner_of(const Ref& alias) const noexcept;
  /// To whoever has that alias, or made that call; as deliver.
  bool deliver_alias(const Ref& alias, Envelope* message) noexcept;
  /// To a process of this node; answers for it when it is dead.
  void signal(const Pid& to, Signal* signal);
  /// To a process of any node.
  void send_signal(const Pid& from, const Pid& to, Signal* signal);
  void remote_signal(const RemoteSignal& signal);

  [[nodiscard]] Pid pid_of(std::uint32_t id, std::uint32_t serial) const noexcept {
    return {node_atom, id, serial, config.creation};
  }
  [[nodiscard]] std::optional<Pid> whereis(Atom name) const noexcept;

  /// Of processes that nobody here started.
  [[nodiscard]] Pid first_group_leader() const noexcept {
    const std::uint64_t packed = default_leader.load(std::memory_order_relaxed);
    if (packed == 0) return {};
    return pid_of(static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32));
  }

  // -- timers
  void fire(const Timers::Due& due);
  void fire_due_timers();

  Runtime& facade;
  const RuntimeConfig config;
  const Atom node_atom;
  const RefSecrets ref_secrets;
  const Clock& clock;
  const Log log;
  Metrics& metrics;
  Node* node = nullptr;
  RemoteRouter* router = nullptr;
  const NameResolver* resolver = nullptr;
  /// Id and serial of a process of this node; 0: none.
  std::atomic<std::uint64_t> default_leader{0};
  bool stopped = false;
  /// Roots are asked to end: who is linked with one takes its place when it has, and is counted here.
  std::atomic<bool> ends_roots{false};
  std::atomic<std::uint32_t> heirs{0};
  /// What is left is being killed: nothing starts any more.
  std::atomic<bool> refuses_processes{false};
  /// Slots that other threads than the scheduler's have reserved: alive soon, or given back.
  std::atomic<std::uint32_t> starting{0};
  std::atomic<std::uint32_t> refused{0};  ///< Numbers the pids of processes that were not started.
  bool abandoned = false;                 ///< A thread that would not end still uses this.

  struct Counters {
    explicit Counters(Metrics& all_metrics);
    Counter& crashed;
    Counter& dropped_no_process;
    Counter& dropped_late_reply;
    Counter& malformed;
    Counter& messages_failed;
    Counter& mailbox_overflows;
    Counter& processes_refused;
    Counter& blocking_refused;
    Counter& relations_refused;
    Counter& forged_signals;
    Counter& signals_ignored;
    Counter& long_steps;
    Counter& dear_offers;
    Counter& early_exits_refused;
    Counter& unreachable;
    Counter& remote_spawns;
    Counter& remote_spawns_refused;
    Counter& kernel_limit;
    Counter& functions_refused;
    Counter& functions_undefined;
  };
  Counters counters;

  RelationQuotas relation_quotas;
  ProcessTable table;
  LocalNames names;
  NodeIndex nodes;
  NodeWatchers node_watchers;
  Functions functions;
  SpawnQuotas spawn_quotas;
  OrphanedSpawns orphaned_spawns;
  Timers timers;
  BlockingPool pool;
  Scheduler scheduler;

 private:
  [[nodiscard]] bool is_here(Atom atom) const noexcept { return atom == node_atom || atom == Atom(); }
};

}  // namespace barrel::detail
