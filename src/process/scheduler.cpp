#include "process/scheduler.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "process/runtime_impl.hpp"

namespace barrel::detail {

namespace {
/// How often a thread looks at the shared list although its own queue has work: often enough that plain
/// threads' sends do not starve, seldom enough not to matter. Tokio's number.
constexpr std::uint32_t turns_between_looks = 61;
/// How often in a row a woken process may run before the queue gets its turn, so that two that talk to each
/// other do not starve the rest. A guess.
constexpr std::uint32_t nexts_in_a_row_max = 64;

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
}  // namespace

thread_local Scheduler::Worker* Scheduler::this_worker = nullptr;
thread_local Scheduler::Held Scheduler::held_back;

Scheduler::Scheduler(RuntimeImpl& runtime, const Settings& settings)
    : runtime_(runtime), settings_(settings) {
  const unsigned count = std::max(settings.threads, 1U);
  for (unsigned i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, runtime.counters.dear_offers));
  }
  sleepers_.reserve(count);
}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
  if (is_deterministic()) return;
  for (auto& worker : workers_) {
    worker->thread = std::thread([this, &worker = *worker] { work(worker); });
  }
  timekeeper_ = std::thread([this] { keep_time(); });
}

bool Scheduler::stop(Duration limit) {
  if (is_deterministic() || stopping_.exchange(true)) return true;
  wake_timekeeper();
  timekeeper_.join();
  for (auto& worker : workers_) {
    const std::scoped_lock lock(worker->mutex);
    worker->woken = true;
    worker->changed.notify_all();
  }
  bool all_ended = true;
  for (auto& worker : workers_) {
    std::unique_lock lock(worker->mutex);
    const bool ended = worker->changed.wait_for(lock, limit, [&] { return worker->ended; });
    lock.unlock();
    if (ended) worker->thread.join();
    else worker->thread.detach();
    all_ended = all_ended && ended;
  }
  return all_ended;
}

ProcessTable::Stock* Scheduler::stock() const noexcept {
  return this_worker != nullptr && &this_worker->scheduler == this ? &this_worker->stock : nullptr;
}

bool Scheduler::on_scheduler_thread() noexcept {
  return this_worker != nullptr;
}

bool Scheduler::is_current(const Process& process) noexcept {
  return this_worker != nullptr && this_worker->current.load(std::memory_order_relaxed) == &process;
}

void Scheduler::ready(Process& process, bool next) noexcept {
  Worker* worker = this_worker;
  if (worker == nullptr || &worker->scheduler != this) {
    if (held_back.scheduler == this) return hold(process);
    inject(&process, &process, 1);
    wake_one();
    return;
  }
  if (!next) return enqueue(*worker, process);
  if (Process* earlier = worker->next.exchange(&process, std::memory_order_acq_rel))
    enqueue(*worker, *earlier);
}

void Scheduler::hold(Process& process) noexcept {
  if (held_back.count == 0) held_back.first = &process;
  else held_back.last->next_ready = &process;
  held_back.last = &process;
  ++held_back.count;
}

void Scheduler::hold_wakeups(bool on) noexcept {
  release_wakeups();
  held_back.scheduler = on ? this : nullptr;
}

void Scheduler::release_wakeups() noexcept {
  if (held_back.scheduler != this || held_back.count == 0) return;
  inject(held_back.first, held_back.last, std::exchange(held_back.count, 0));
  wake_one();
}

void Scheduler::enqueue(Worker& worker, Process& process) noexcept {
  if (!worker.queue.push(&process)) [[unlikely]] {
    std::array<Process*, RunQueue::capacity / 2> moved;
    const std::size_t count = worker.queue.pop_half(moved);
    for (std::size_t i = 0; i + 1 < count; ++i) moved[i]->next_ready = moved[i + 1];
    if (count > 0) inject(moved[0], moved[count - 1], count);
    if (!worker.queue.push(&process)) inject(&process, &process, 1);
  }
  wake_one();
}

void Scheduler::inject(Process* first, Process* last, std::size_t count) noexcept {
  const std::scoped_lock lock(mutex_);
  last->next_ready = nullptr;
  if (last_injected_ == nullptr) first_injected_ = first;
  else last_injected_->next_ready = first;
  last_injected_ = last;
  injected_.store(injected_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
}

Process* Scheduler::take_injected() {
  if (injected_.load(std::memory_order_seq_cst) == 0) return nullptr;
  const std::scoped_lock lock(mutex_);
  Process* process = first_injected_;
  if (process == nullptr) return nullptr;
  first_injected_ = process->next_ready;
  if (first_injected_ == nullptr) last_injected_ = nullptr;
  injected_.store(injected_.load(std::memory_order_relaxed) - 1, std::memory_order_seq_cst);
  return process;
}

Process* Scheduler::take(Worker& worker) {
  if (++worker.turns % turns_between_looks == 0) {
    if (Process* process = take_injected()) return process;
  }
  if (worker.nexts_in_a_row < nexts_in_a_row_max && worker.next.load(std::memory_order_relaxed) != nullptr) {
    if (Process* process = worker.next.exchange(nullptr, std::memory_order_acq_rel)) {
      ++worker.nexts_in_a_row;
      return process;
    }
  }
  worker.nexts_in_a_row = 0;
  if (Process* process = worker.queue.pop()) return process;
  if (worker.next.load(std::memory_order_relaxed) != nullptr) {
    if (Process* process = worker.next.exchange(nullptr, std::memory_order_acq_rel)) return process;
  }
  return take_injected();
}

Process* Scheduler::steal(Worker& worker) {
  std::array<Process*, RunQueue::capacity / 4> taken;
  const std::size_t start = worker.turns;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& victim = *workers_[(start + i) % workers_.size()];
    if (&victim == &worker) continue;
    const std::size_t count = victim.queue.pop_half(taken);
    if (count == 0) continue;
    for (std::size_t j = 1; j < count; ++j) {
      if (!worker.queue.push(taken[j])) inject(taken[j], taken[j], 1);
    }
    return taken[0];
  }
  return nullptr;
}

Process* Scheduler::take_anywhere(Worker& worker) {
  if (Process* process = take_injected()) return process;
  return steal(worker);
}

Process* Scheduler::spin(Worker& worker) {
  if (Process* process = take_anywhere(worker)) return process;
  if (settings_.spin <= Duration::zero()) return nullptr;
  Instant now = runtime_.clock.now();
  if (!worker.offers.may_spin(now)) return nullptr;
  const Instant end = now + settings_.spin;
  while (now < end && !stopping_.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 32; ++i) {
      relax();
      if (i % 4 != 0) continue;
      if (Process* process = take_anywhere(worker)) return process;
    }
    now = worker.offers.offer(runtime_.clock, [] { std::this_thread::yield(); });
  }
  return take_anywhere(worker);
}

void Scheduler::work(Worker& worker) {
  this_worker = &worker;
  bool has_slept = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    Process* process = take(worker);
    // Whoever woke this thread may have had more than one process for it.
    if (std::exchange(has_slept, false) && process != nullptr && is_work_left()) wake_one();
    if (process == nullptr) {
      searching_.fetch_add(1, std::memory_order_seq_cst);
      process = spin(worker);
      const bool was_last = searching_.fetch_sub(1, std::memory_order_seq_cst) == 1;
      // Whoever added work while we searched relied on us to see that there may be more.
      if (process != nullptr && was_last && is_work_left()) wake_one();
    }
    if (process != nullptr) {
      run(worker, *process);
    } else {
      sleep(worker);
      has_slept = true;
    }
  }
  this_worker = nullptr;
  const std::scoped_lock lock(worker.mutex);
  worker.ended = true;
  worker.changed.notify_all();
}

void Scheduler::run(Worker& worker, Process& process) {
  const std::uint64_t step = worker.steps.load(std::memory_order_relaxed);
  worker.steps.store(step + 1, std::memory_order_relaxed);
  worker.current.store(&process, std::memory_order_release);
  const Process::StepResult result = process.step();
  worker.current.store(nullptr, std::memory_order_relaxed);
  worker.steps.store(step + 2, std::memory_order_relaxed);
  if (result == Process::StepResult::runnable) enqueue(worker, process);
  else if (result == Process::StepResult::ended) runtime_.table.release(process, &worker.stock);
}

bool Scheduler::is_work_left() const {
  if (injected_.load(std::memory_order_seq_cst) > 0) return true;
  return std::ranges::any_of(workers_, [](const auto& worker) { return !worker->queue.is_empty(); });
}

void Scheduler::sleep(Worker& worker) {
  {
    const std::scoped_lock lock(mutex_);
    sleepers_.push_back(&worker);
  }
  sleeping_.fetch_add(1, std::memory_order_seq_cst);
  // From here on whoever adds work sees that we sleep; what was added before, we see.
  if (is_work_left()) wake_one();
  {
    std::unique_lock lock(worker.mutex);
    worker.changed.wait(lock, [&] { return worker.woken || stopping_.load(std::memory_order_relaxed); });
    worker.woken = false;
  }
  if (time_sleeps_.load(std::memory_order_seq_cst)) wake_timekeeper();
}

void Scheduler::wake_one() noexcept {
  if (sleeping_.load(std::memory_order_seq_cst) == 0 || searching_.load(std::memory_order_seq_cst) > 0)
    return;
  Worker* worker = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (sleepers_.empty()) return;
    worker = sleepers_.back();
    sleepers_.pop_back();
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
  }
  {
    const std::scoped_lock lock(worker->mutex);
    worker->woken = true;
  }
  // Not under its lock: it would wake only to wait for that.
  worker->changed.notify_one();
}

bool Scheduler::run_until_idle() {
  Worker& worker = *workers_.front();
  BARREL_ASSERT(is_deterministic() && this_worker == nullptr);
  this_worker = &worker;
  bool ran = false;
  while (Process* process = take(worker)) {
    run(worker, *process);
    ran = true;
  }
  this_worker = nullptr;
  return ran;
}

}  // namespace barrel::detail
