#include "sim/nodes/machine.hpp"

#include <algorithm>
#include <utility>

#include "sim/nodes/sim_loop.hpp"

namespace barrel::sim {

namespace {
/// What a turn costs at least.
constexpr Duration turn_time = std::chrono::microseconds(2);
/// From a datagram's arrival until the node looks: the time a sleeping thread takes to wake up. What comes
/// meanwhile is read in the same turn.
constexpr Duration wake_up_time = std::chrono::microseconds(50);
/// What the kernel charges for a datagram beside its bytes.
constexpr std::size_t datagram_overhead = 256;
}  // namespace

Machine::Machine(EventQueue& queue, DatagramNetwork& network, std::size_t index, const SocketAddress& address)
    : queue_(queue), network_(network), index_(index), address_(address) {
  network_.attach(address_, *this);
}

std::unique_ptr<loop::Loop> Machine::make_loop() {
  return std::make_unique<SimLoop>(*this);
}

void Machine::unplug(bool refuses) {
  plugged_ = false;
  refuses_ = refuses;
  buffer_.clear();
  buffered_bytes_ = 0;
}

void Machine::pause(Duration span) {
  const Instant until = queue_.now() + span;
  if (paused() && until <= paused_until_) return;
  paused_until_ = until;
  queue_.after(span, [this, until] {
    if (until != paused_until_) return;
    paused_until_ = {};
    plan(queue_.now());
  });
}

void Machine::plan(Instant when) {
  when = std::max(when, ready_at_);
  if (planned_ && *planned_ <= when) return;
  planned_ = when;
  queue_.at(when, [this, when] {
    if (planned_ == when) turn();
  });
}

void Machine::turn() {
  planned_.reset();
  if (loop_ == nullptr || paused()) return;
  ready_at_ = queue_.now() + turn_time;
  loop_->turn(processes_);
  if (const auto timer = loop_->next_timer()) plan(*timer);
  if (processes_ == nullptr) return;
  if (const auto timer = processes_->next_timer()) plan(*timer);
}

void Machine::arrived(const SocketAddress& from, std::shared_ptr<const Bytes> datagram) {
  const std::size_t charge = datagram->size() + datagram_overhead;
  if (buffered_bytes_ + charge > buffer_bytes_max) {
    ++buffer_overflows_;
    return;
  }
  buffered_bytes_ += charge;
  buffer_.push_back({from, std::move(datagram)});
  plan(queue_.now() + wake_up_time);
}

void Machine::refused(const SocketAddress& remote) {
  if (!plugged_) return;
  buffer_.push_back({remote, nullptr});
  plan(queue_.now());
}

void Machine::read_socket(loop::UdpEvents& events) {
  buffered_bytes_ = 0;
  for (const Arrival& arrival : std::exchange(buffer_, {})) {
    if (arrival.datagram == nullptr) events.on_refused(arrival.from);
    else events.on_datagrams({address_, arrival.from, *arrival.datagram, 0});
  }
}

}  // namespace barrel::sim
