#include "loop/epoll_loop.hpp"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "barrel/base/assert.hpp"
#include "loop/epoll_loop_impl.hpp"
#include "loop/resolve.hpp"
#include "loop/signal_watch.hpp"

namespace barrel::loop {

std::string system_text(int number) {
  std::array<char, 256> room;
  return ::strerror_r(number, room.data(), room.size());
}

Error system_error(const char* what, int number) {
  return {Errc::io, Term::binary(as_bytes(what + (": " + system_text(number))))};
}

namespace {

LoopOptions with_defaults(LoopOptions options) {
  if (!options.offer_processor) options.offer_processor = [] { ::sched_yield(); };
  return options;
}

}  // namespace

Result<std::unique_ptr<EpollLoop>> make_epoll_loop(Metrics& metrics, const LoopOptions& options) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return system_error("epoll_create1", errno);
  FileDescriptor wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup.is_open()) return system_error("eventfd", errno);
  auto made = std::make_unique<EpollLoopImpl>(std::move(epoll), std::move(wakeup), metrics, options);
  if (auto started = made->start(); !started) return std::move(started).error();
  std::unique_ptr<EpollLoop> loop = std::move(made);
  return loop;
}

EpollLoopImpl::EpollLoopImpl(FileDescriptor epoll, FileDescriptor wakeup, Metrics& metrics,
                             const LoopOptions& options)
    : epoll_(std::move(epoll)),
      wakeup_(std::move(wakeup)),
      options_(with_defaults(options)),
      turns_(metrics.counter("loop.turns")),
      sleeps_(metrics.counter("loop.sleeps")),
      spins_(metrics.counter("loop.spins")),
      wakeups_(metrics.counter("loop.wakeups")),
      posted_waiting_(metrics.gauge("loop.posted_waiting")),
      metrics_(&metrics),
      spin_budget_(options.spin_max),
      offers_(metrics.counter("loop.dear_offers")),
      pool_(options.blocking_threads_max, options.blocking_queue_max, metrics.gauge("loop.offload_waiting")) {
}

EpollLoopImpl::~EpollLoopImpl() = default;

Result<> EpollLoopImpl::start() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0)
    return system_error("epoll_ctl", errno);
  return {};
}

Instant EpollLoopImpl::now() const {
  return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id() ? turn_now_ : clock_.now();
}

void EpollLoopImpl::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    posted_waiting_.set(posted_.size());
  }
  wake();
}

void EpollLoopImpl::wake() {
  // Either the loop sees pending_ before it sleeps, or it is seen here to sleep: both sides write, then read
  // the other's.
  if (pending_.exchange(true) || !sleeping_.load()) return;
  wakeups_.add();
  const std::uint64_t one = 1;
  // Fails only when it is readable already.
  (void)!::write(wakeup_.get(), &one, sizeof one);
}

void EpollLoopImpl::stop() {
  stopping_.store(true);
  wake();
}

bool EpollLoopImpl::offload(Task work, Task done) {
  const bool taken = pool_.submit([this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    work = nullptr;
    post(std::move(done));
  });
  if (!taken) metrics_->counter("loop.offload_limit").add();
  return taken;
}

void EpollLoopImpl::resolve(std::string host, std::uint16_t port, Resolved done) {
  struct Lookup {
    std::string host;
    Resolved done;
    std::optional<Result<ResolvedHost>> outcome;
  };
  auto lookup = std::make_shared<Lookup>(Lookup{std::move(host), std::move(done), {}});
  Counter& left_out = metrics_->counter("loop.resolved_addresses_limit");
  const bool taken = offload([lookup, port] { lookup->outcome = resolve_blocking(lookup->host, port); },
                             [lookup, &left_out] {
                               Result<ResolvedHost>& host_found = *lookup->outcome;
                               if (!host_found) return lookup->done(std::move(host_found).error());
                               left_out.add(host_found->left_out);
                               lookup->done(std::move(host_found->addresses));
                             });
  if (taken) return;
  post([lookup] { lookup->done(Error{Errc::busy, Term::binary(as_bytes("too many lookups"))}); });
}

Result<std::unique_ptr<UdpSocket>> EpollLoopImpl::open_udp(const UdpOptions& options, UdpEvents& events) {
  return open_linux_udp(*this, *metrics_, options, events);
}

TcpShared& EpollLoopImpl::tcp_shared() {
  if (!tcp_) tcp_ = std::make_unique<TcpShared>(*this, *metrics_);
  return *tcp_;
}

Result<std::unique_ptr<TcpListener>> EpollLoopImpl::listen_tcp(const TcpListenerOptions& options,
                                                               TcpListenerEvents& events) {
  return open_linux_tcp_listener(*this, tcp_shared(), options, events);
}

std::unique_ptr<ByteStream> EpollLoopImpl::dial(const SocketAddress& remote) {
  return dial_linux_tcp(*this, tcp_shared(), remote);
}

Result<> EpollLoopImpl::watch_signals(const std::vector<int>& signals, OnSignal on_signal) {
  auto made = SignalWatch::make(*this, signals, std::move(on_signal));
  if (!made) return std::move(made).error();
  signals_ = std::move(*made);
  return {};
}

Result<> EpollLoopImpl::watch(int fd, std::uint32_t events, ReadyHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl", errno);
  return {};
}

void EpollLoopImpl::change(int fd, std::uint32_t events, ReadyHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  BARREL_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EpollLoopImpl::unwatch(int fd, ReadyHandler& handler) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (auto& event : ready_) {
    if (event.data.ptr == &handler) event.events = 0;
  }
}

void EpollLoopImpl::run() {
  // The kernel otherwise delays sleeps of an ordinary thread by 50 us; pacing counts in single ones.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  turn_now_ = clock_.now();
  thread_.store(std::this_thread::get_id());
  do {
    turn();
  } while (!stopping_.load());
  stopping_.store(false);
  thread_.store(std::thread::id());
}

void EpollLoopImpl::turn() {
  wait();
  turns_.add();
  pending_.exchange(false);
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    // Looked at anew each time: a handler before may have removed this one.
    const auto event = ready_[i];
    if (event.events != 0 && event.data.ptr != nullptr)
      static_cast<ReadyHandler*>(event.data.ptr)->on_ready(event.events);
    if (event.data.ptr == nullptr) drain_wakeup();
  }
  ready_ = {};
  run_posted();
  timers_.run_due(turn_now_);
  if (hook_) hook_();
}

void EpollLoopImpl::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
    posted_waiting_.set(0);
  }
  for (auto& task : tasks) task();
}

void EpollLoopImpl::drain_wakeup() {
  std::uint64_t count = 0;
  (void)!::read(wakeup_.get(), &count, sizeof count);
}

void EpollLoopImpl::wait() {
  const auto deadline = timers_.next();
  turn_now_ = clock_.now();
  const bool busy = pending_.load() || stopping_.load() || (deadline && *deadline <= turn_now_);
  if (busy || poll(Duration::zero())) {
    if (busy) poll(Duration::zero());
    turn_now_ = clock_.now();
    return;
  }
  if (!spin(deadline)) sleep(deadline);
  turn_now_ = clock_.now();
}

/// Polls for as long as it has paid off lately. True when there is something to do.
bool EpollLoopImpl::spin(std::optional<Instant> deadline) {
  if (spin_budget_ <= Duration::zero() || !offers_.may_spin(turn_now_)) return false;
  spins_.add();
  const Instant end = turn_now_ + spin_budget_;
  Instant now = turn_now_;
  while (true) {
    if (pending_.load(std::memory_order_relaxed) || poll(Duration::zero())) return true;
    if (deadline && now >= *deadline) return true;
    if (now >= end) break;
    now = offers_.offer(clock_, options_.offer_processor);
  }
  // Nothing came: try for shorter, and give up below what a system call costs anyway.
  spin_budget_ = spin_budget_ < std::chrono::microseconds(5) ? Duration::zero() : spin_budget_ / 2;
  return false;
}

void EpollLoopImpl::sleep(std::optional<Instant> deadline) {
  sleeping_.store(true);
  if (pending_.load()) {
    sleeping_.store(false);
    return;
  }
  sleeps_.add();
  const Instant start = clock_.now();
  std::optional<Duration> timeout;
  if (deadline) timeout = std::max(Duration::zero(), *deadline - start);
  const bool ready = poll(timeout);
  sleeping_.store(false);
  // Had the loop polled a little longer it would have seen this coming: traffic is back.
  if ((ready || pending_.load()) && clock_.now() - start < 2 * options_.spin_max)
    spin_budget_ = options_.spin_max;
}

bool EpollLoopImpl::poll(std::optional<Duration> timeout) {
  int count = -1;
  if (timeout && *timeout <= Duration::zero()) {
    count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), 0);
  } else {
    timespec time{};
    if (timeout) {
      time.tv_sec = static_cast<time_t>(timeout->count() / 1'000'000'000);
      time.tv_nsec = static_cast<long>(timeout->count() % 1'000'000'000);
    }
    if (fine_timeouts_) {
      count = ::epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                             timeout ? &time : nullptr, nullptr);
      if (count < 0 && errno == ENOSYS) fine_timeouts_ = false;
    }
    if (!fine_timeouts_) {
      // Kernels before 5.11: whole milliseconds, the last of them by polling.
      const int milliseconds =
          timeout ? static_cast<int>(std::min<Duration::rep>(timeout->count() / 1'000'000, 1'000'000)) : -1;
      count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
    }
  }
  ready_ = std::span(events_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
  return count > 0;
}

}  // namespace barrel::loop
