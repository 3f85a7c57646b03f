// How a runtime ends.
#include <algorithm>
#include <chrono>
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
/// The processes that live, all or only those nobody of this runtime started.
std::vector<Pid> living(const detail::RuntimeImpl& impl, bool only_roots) {
  std::vector<Pid> pids;
  impl.table.for_each([&](const Process& process) {
    if (process.inbox.is_dead() || (only_roots && !process.is_root)) return;
    pids.push_back(impl.pid_of(process.id, process.serial.load(std::memory_order_acquire)));
  });
  return pids;
}

/// Waits until they have ended, or `limit`; whether they have.
bool await_end(Runtime& runtime, bool only_roots, Duration limit) {
  const detail::RuntimeImpl& impl = runtime.impl();
  if (impl.scheduler.is_deterministic()) {
    runtime.run_until_idle();
    return living(impl, only_roots).empty();
  }
  const Instant end = impl.clock.now() + limit;
  while (!living(impl, only_roots).empty()) {
    if (impl.clock.now() >= end) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

}  // namespace

Result<void> Runtime::stop(Duration limit) {
  if (std::exchange(impl_->stopped, true)) return {};
  BARREL_ASSERT(!detail::Scheduler::on_scheduler_thread());
  const Instant end = impl_->clock.now() + limit;
  if (limit > Duration::zero()) {
    for (const Pid& root : living(*impl_, true)) exit(root, shutdown());
    (void)await_end(*this, true, limit * 4 / 5);
  }
  impl_->refuses_processes.store(true);  // what is started from here on would be missed
  for (const Pid& pid : living(*impl_, false)) exit(pid, kill());
  const bool all_ended = await_end(*this, false, std::max(end - impl_->clock.now(), limit / 5));
  impl_->pool.stop();
  impl_->abandoned = !impl_->scheduler.stop(all_ended ? forever : look_again);
  if (all_ended) return {};
  const auto left = living(*impl_, false);
  std::vector<Term> pids(left.begin(), left.end());
  impl_->log.error("processes did not end in time and are abandoned",
                   {{"pids", to_string(Term::list(pids), impl_->config.node)}});
  return Error(Errc::timeout, Term::list(std::move(pids)));
}

Runtime::~Runtime() {
  if (!impl_->stopped) {
    for (const Pid& pid : living(*impl_, false)) exit(pid, kill());
    (void)await_end(*this, false, forever);
    (void)stop(Duration::zero());
  }
  if (impl_->abandoned) (void)impl_.release();
}

}  // namespace barrel
