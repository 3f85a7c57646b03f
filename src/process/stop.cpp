// How a runtime ends.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "process/runtime_impl.hpp"

namespace barrel {

using detail::Process;

namespace {

/// How often a stopping runtime looks whether its processes have ended.
constexpr Duration look_again = std::chrono::milliseconds(1);
constexpr Duration forever = std::chrono::hours(24 * 365);
/// Calls `f(pid)` for the processes that live, all or only those nobody of this runtime started; how many
/// they are.
template <class F>
std::size_t for_living(const detail::RuntimeImpl& impl, bool only_roots, F&& f) {
  std::size_t count = 0;
  impl.table.for_each([&](const Process& process) {
    std::uint32_t serial = 0;
    bool is_wanted = false;
    do {  // again if another process has come to this slot meanwhile
      serial = process.serial.load(std::memory_order_acquire);
      if (process.inbox.is_dead()) return;
      is_wanted = !only_roots || process.is_root.load(std::memory_order_relaxed);
    } while (process.serial.load(std::memory_order_acquire) != serial);
    if (!is_wanted) return;
    ++count;
    f(impl.pid_of(process.id, serial));
  });
  return count;
}

std::vector<Pid> living(const detail::RuntimeImpl& impl, bool only_roots) {
  std::vector<Pid> pids;
  for_living(impl, only_roots, [&](const Pid& pid) { pids.push_back(pid); });
  return pids;
}

/// Waits until the roots, and those that they leave their place to, have ended, at most `limit`.
void await_roots(Runtime& runtime, Duration limit) {
  detail::RuntimeImpl& impl = runtime.impl();
  if (impl.scheduler.is_deterministic()) {
    runtime.run_until_idle();
    return;
  }
  const Instant end = impl.clock.now() + limit;
  const auto all_have_ended = [&] {
    // A root may leave its place to one that was looked at before.
    const std::uint32_t heirs = impl.heirs.load();
    return for_living(impl, true, [](const Pid&) {}) == 0 && impl.heirs.load() == heirs;
  };
  while (!all_have_ended() && impl.clock.now() < end) std::this_thread::sleep_for(look_again);
}

/// Kills all processes, and lets no more start; whether all have ended after `limit`.
bool kill_all(Runtime& runtime, Duration limit) {
  detail::RuntimeImpl& impl = runtime.impl();
  impl.refuses_processes.store(true, std::memory_order_seq_cst);
  const Instant end = impl.clock.now() + limit;
  // By id the serial, plus one, of who has been told.
  std::vector<std::uint32_t> told;
  bool was_empty = false;
  for (;;) {
    // Before the others are looked at: who is being started lives then, or never.
    const bool none_starting = impl.starting.load(std::memory_order_seq_cst) == 0;
    const std::size_t left = for_living(impl, false, [&](const Pid& pid) {
      if (told.size() <= pid.id) told.resize(pid.id + 1);
      if (std::exchange(told[pid.id], pid.serial + 1) != pid.serial + 1) runtime.exit(pid, kill());
    });
    const bool is_empty = left == 0 && none_starting;
    if (is_empty && (was_empty || impl.scheduler.is_deterministic())) return true;
    // A parent may have started one in a slot that was looked at already, and have ended before its own was.
    was_empty = is_empty;
    if (is_empty) continue;
    if (impl.scheduler.is_deterministic()) {
      if (!runtime.run_until_idle()) return false;
      continue;
    }
    if (impl.clock.now() >= end) return false;
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace

Result<void> Runtime::stop(Duration limit) {
  if (std::exchange(impl_->stopped, true)) return {};
  BARREL_ASSERT(!detail::Scheduler::on_scheduler_thread());
  limit = std::clamp(limit, Duration::zero(), forever);
  const Instant end = impl_->clock.now() + limit;
  if (limit > Duration::zero()) {
    impl_->ends_roots.store(true);
    for (const Pid& root : living(*impl_, true)) exit(root, shutdown());
    await_roots(*this, limit / 5 * 4);
  }
  const bool all_ended = kill_all(*this, std::max(end - impl_->clock.now(), limit / 5));
  const bool jobs_ended = impl_->pool.stop(std::max(end - impl_->clock.now(), look_again));
  const bool threads_ended = impl_->scheduler.stop(all_ended ? forever : look_again);
  impl_->abandoned = !jobs_ended || !threads_ended;
  if (!jobs_ended) impl_->log.error("blocking jobs did not end in time and are abandoned");
  if (all_ended && jobs_ended) return {};
  const auto left = living(*impl_, false);
  std::vector<Term> pids(left.begin(), left.end());
  if (!all_ended) {
    impl_->log.error("processes did not end in time and are abandoned",
                     {{"pids", to_string(Term::list(pids), impl_->config.node)}});
  }
  return Error(Errc::timeout, Term::list(std::move(pids)));
}

Runtime::~Runtime() {
  if (!impl_->stopped) {
    (void)kill_all(*this, forever);
    (void)impl_->pool.stop(forever);
    (void)stop(Duration::zero());
  }
  if (impl_->abandoned) (void)impl_.release();
}

}  // namespace barrel
