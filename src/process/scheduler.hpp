#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "barrel/base/time.hpp"
#include "base/processor_offers.hpp"
#include "process/process_table.hpp"
#include "process/run_queue.hpp"

namespace barrel::detail {

/// Runs the processes that have something to do. Each thread has a queue of its own, steals from others when
/// it is empty, spins for a moment and sleeps. A woken process goes to the waker's `next` place, since what
/// it needs is in that core's cache; a wake-up of a thread is paid only when there is more to do than that
/// and somebody sleeps.
class Scheduler {
 public:
  struct Settings {
    unsigned threads = 0;  ///< 0: stepped by its owner.
    Duration spin{};
    Duration long_step{};
  };

  Scheduler(RuntimeImpl& runtime, const Settings& settings);
  ~Scheduler();

  /// Starts the threads; everything they use exists by now.
  void start();
  /// Ends the threads; false when some thread's step did not end by `limit`: it goes on with this object,
  /// which must then stay.
  [[nodiscard]] bool stop(Duration limit);

  /// The process runs soon. Any thread. `next`: before others, if this thread is one of the scheduler's.
  void ready(Process& process, bool next) noexcept;
  /// As Runtime::hold_wakeups().
  void hold_wakeups(bool on) noexcept;
  void release_wakeups() noexcept;

  /// On the owner's thread: until no process is runnable; whether any was.
  bool run_until_idle();

  /// The timekeeper looks at the timers anew.
  void wake_timekeeper();

  [[nodiscard]] bool is_deterministic() const noexcept { return settings_.threads == 0; }
  /// This thread's free slots, if it is one of this scheduler's.
  [[nodiscard]] ProcessTable::Stock* stock() const noexcept;
  /// Whether this thread runs processes, of any runtime.
  [[nodiscard]] static bool on_scheduler_thread() noexcept;
  /// Whether this thread runs `process` just now.
  [[nodiscard]] static bool is_current(const Process& process) noexcept;

 private:
  struct Worker {
    Worker(Scheduler& owner, Counter& dear_offers) : scheduler(owner), offers(dear_offers) {}

    Scheduler& scheduler;
    RunQueue queue;
    /// Runs before the queue. Others take it only when a step takes very long.
    std::atomic<Process*> next{nullptr};
    /// Odd during a step.
    std::atomic<std::uint64_t> steps{0};
    std::atomic<Process*> current{nullptr};
    ProcessTable::Stock stock;
    std::uint32_t turns = 0;
    std::uint32_t nexts_in_a_row = 0;
    ProcessorOffers offers;
    std::thread thread;

    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
    bool ended = false;

    // The timekeeper's.
    std::uint64_t watched_step = 0;
    Instant watched_since{};
    bool reported = false;
  };

  void work(Worker& worker);
  void run(Worker& worker, Process& process);
  void enqueue(Worker& worker, Process& process) noexcept;
  [[nodiscard]] Process* take(Worker& worker);
  [[nodiscard]] Process* take_anywhere(Worker& worker);
  [[nodiscard]] Process* steal(Worker& worker);
  [[nodiscard]] Process* spin(Worker& worker);
  [[nodiscard]] bool is_work_left() const;
  void sleep(Worker& worker);
  void wake_one() noexcept;

  void hold(Process& process) noexcept;
  void inject(Process* first, Process* last, std::size_t count) noexcept;
  [[nodiscard]] Process* take_injected();

  void keep_time();
  [[nodiscard]] bool watch_workers();
  void watch(Worker& worker, Instant now);
  void report_long_step(Worker& worker);

  /// What a thread keeps for release_wakeups(), in a row through next_ready.
  struct Held {
    Scheduler* scheduler = nullptr;  ///< Whose processes are held; none: those of nobody.
    Process* first = nullptr;
    Process* last = nullptr;
    std::size_t count = 0;
  };

  static thread_local Worker* this_worker;
  static thread_local Held held_back;

  RuntimeImpl& runtime_;
  const Settings settings_;
  std::vector<std::unique_ptr<Worker>> workers_;

  /// Threads that look for work right now: whoever adds some need not wake another.
  alignas(64) std::atomic<int> searching_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};

  alignas(64) std::atomic<std::size_t> injected_{0};
  std::mutex mutex_;  ///< Injected processes, sleepers.
  Process* first_injected_ = nullptr;
  Process* last_injected_ = nullptr;
  std::vector<Worker*> sleepers_;

  std::thread timekeeper_;
  std::mutex time_mutex_;
  std::condition_variable time_changed_;
  bool time_poked_ = false;
  std::atomic<bool> time_sleeps_{false};
};

}  // namespace barrel::detail
