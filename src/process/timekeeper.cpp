// The timekeeper's part of the scheduler: it fires timers, and watches for steps that take too long.
#include <algorithm>
#include <string>

#include "process/runtime_impl.hpp"
#include "process/scheduler.hpp"

namespace barrel::detail {

namespace {
/// How often it looks at the threads while any of them is awake: how long a woken process may wait behind a
/// long step before another thread takes it. A guess; it costs one wake-up per tick.
constexpr Duration tick = std::chrono::milliseconds(10);
/// Ticks without any thread awake before it stops looking, so that single messages do not each pay to wake
/// it.
constexpr int idle_ticks_max = 10;
/// The longest single wait: the condition variable adds it to its clock, which a timer that is due at the end
/// of time would overflow.
constexpr Duration wait_max = std::chrono::hours(1);
}  // namespace

void Scheduler::wake_timekeeper() {
  const std::scoped_lock lock(time_mutex_);
  time_poked_ = true;
  time_sleeps_.store(false, std::memory_order_relaxed);
  time_changed_.notify_one();
}

void Scheduler::keep_time() {
  int idle_ticks = 0;
  while (!stopping_.load(std::memory_order_relaxed)) {
    runtime_.fire_due_timers();
    idle_ticks = watch_workers() ? 0 : std::min(idle_ticks + 1, idle_ticks_max);
    std::unique_lock lock(time_mutex_);
    // Declared before looking at the timers: whoever starts an earlier one from now on pokes.
    const auto due = runtime_.timers.next();
    bool deep = idle_ticks == idle_ticks_max;
    const auto is_poked = [this] { return time_poked_ || stopping_.load(std::memory_order_relaxed); };
    time_sleeps_.store(deep, std::memory_order_seq_cst);
    // Declared before looking at the threads once more: one that woke since the last look did not poke.
    deep = deep && sleeping_.load(std::memory_order_seq_cst) == static_cast<int>(workers_.size());
    if (deep && !due) {
      time_changed_.wait(lock, is_poked);
    } else {
      Duration wait = due ? std::max(*due - runtime_.clock.now(), Duration::zero()) : tick;
      wait = std::min(wait, deep ? wait_max : tick);
      time_changed_.wait_for(lock, wait, is_poked);
    }
    if (time_poked_ && deep) idle_ticks = 0;
    time_poked_ = false;
    time_sleeps_.store(false, std::memory_order_relaxed);
  }
}

bool Scheduler::watch_workers() {
  if (sleeping_.load(std::memory_order_relaxed) == static_cast<int>(workers_.size())) return false;
  const Instant now = runtime_.clock.now();
  for (auto& worker : workers_) watch(*worker, now);
  return true;
}

void Scheduler::watch(Worker& worker, Instant now) {
  const std::uint64_t step = worker.steps.load(std::memory_order_relaxed);
  if (step != worker.watched_step || step % 2 == 0) {
    worker.watched_step = step;
    worker.watched_since = now;
    worker.reported = false;
    return;
  }
  // The same step as at the last look: what waits behind it runs elsewhere.
  if (Process* waiting = worker.next.exchange(nullptr, std::memory_order_acq_rel)) {
    inject(waiting, waiting, 1);
    wake_one();
  }
  if (now - worker.watched_since < settings_.long_step || worker.reported) return;
  worker.reported = true;
  report_long_step(worker);
  runtime_.counters.long_steps.add();  // who sees it finds it in the log
}

void Scheduler::report_long_step(Worker& worker) {
  std::string pid = "ended meanwhile";
  std::string name = "none";
  const Process* process = worker.current.load(std::memory_order_acquire);
  if (process != nullptr) {
    const LocalNames::Holder holder{process->id, process->serial.load(std::memory_order_relaxed)};
    // In the same step it is still that process.
    if (worker.steps.load(std::memory_order_acquire) == worker.watched_step) {
      pid = to_string(runtime_.pid_of(holder.id, holder.serial), runtime_.config.node);
      if (const auto held = runtime_.names.name_of(holder)) name = held->text();
    }
  }
  runtime_.log.warning("a process runs for long without waiting: use self.blocking or self.yield",
                       {{"pid", pid}, {"name", name}});
}

}  // namespace barrel::detail
