#include "sim/nodes/sim_loop.hpp"

#include <utility>

#include "barrel/base/assert.hpp"

namespace barrel::sim {

namespace {
/// Where the simulated wall clocks start: any day will do.
constexpr SystemTime epoch{std::chrono::seconds(1'700'000'000)};
}  // namespace

/// The one port of a machine.
class SimSocket final : public loop::UdpSocket {
 public:
  SimSocket(SimLoop& loop, loop::UdpEvents& events) : loop_(loop) {
    loop_.socket_ = &events;
    loop_.machine_.plugged_ = true;
  }
  ~SimSocket() override {
    loop_.socket_ = nullptr;
    loop_.machine_.plugged_ = false;
  }
  SimSocket(const SimSocket&) = delete;
  SimSocket& operator=(const SimSocket&) = delete;

  Status send(const DatagramTrain& train) override {
    Machine& machine = loop_.machine_;
    if (!machine.plugged_) return Status::accepted;
    train.for_each([&](BytesView bytes) { machine.network_.send(machine.index_, train.remote, bytes); });
    return Status::accepted;
  }
  [[nodiscard]] const SocketAddress& local_address() const override { return loop_.machine_.address_; }
  [[nodiscard]] bool sends_trains() const override { return false; }

 private:
  SimLoop& loop_;
};

SystemTime SimLoop::system_now() const {
  const Duration wall = now().time_since_epoch() + machine_.clock_error_;
  return epoch + std::chrono::duration_cast<SystemTime::duration>(wall);
}

void SimLoop::post(loop::Task task) {
  posted_.push_back(std::move(task));
  wake();
}

loop::TimerId SimLoop::add_timer(Instant when, loop::Task task) {
  machine_.plan(when);
  return timers_.add(when, std::move(task));
}

Result<std::unique_ptr<loop::UdpSocket>> SimLoop::open_udp(const loop::UdpOptions&, loop::UdpEvents& events) {
  BARREL_ASSERT(socket_ == nullptr);
  return std::unique_ptr<loop::UdpSocket>(std::make_unique<SimSocket>(*this, events));
}

Result<std::unique_ptr<loop::TcpListener>> SimLoop::listen_tcp(const loop::TcpListenerOptions&,
                                                               loop::TcpListenerEvents&) {
  return Error(Errc::unsupported, "simulated machines have no TCP");
}

bool SimLoop::offload(loop::Task work, loop::Task done) {
  work();
  post(std::move(done));
  return true;
}

void SimLoop::resolve(std::string host, std::uint16_t port, Resolved done) {
  Result<std::vector<SocketAddress>> found = Error(Errc::not_found, Term(host));
  if (const auto literal = SocketAddress::from_ip(host, port)) found = std::vector{*literal};
  post([found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
}

void SimLoop::run() {
  BARREL_ASSERT(false && "a simulated loop is run by its machine");
}

void SimLoop::turn(Runtime* processes) {
  if (socket_ != nullptr) machine_.read_socket(*socket_);
  for (loop::Task& task : std::exchange(posted_, {})) task();
  timers_.run_due(now());
  if (processes != nullptr) processes->run_until_idle();
  if (hook_) hook_();
  // What the hook woke runs in this turn too: it would on a thread of its own.
  if (processes != nullptr && processes->run_until_idle()) wake();
}

}  // namespace barrel::sim
