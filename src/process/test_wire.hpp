#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "barrel/process/functions.hpp"
#include "process/test_runtime.hpp"

/// Two runtimes and a wire between them: our own RemoteRouter interface, with faults on demand.
namespace barrel::test {

/// One direction. Keeps what is sent until it is delivered.
class Wire final : public RemoteRouter {
 public:
  explicit Wire(Runtime& far) : far_(far), context_(std::make_shared<DecodeContext>()) {
    auto context = std::make_shared<DecodeContext>();
    context->on_malformed = [this](const Error& why) {
      ++(why.code == Errc::limit_exceeded ? over_limit : malformed);
    };
    context_ = std::move(context);
  }

  SendOutcome send(const Pid&, const RemoteTarget& to, const EncodablePayload& payload,
                   SendMode mode) override {
    if (down) return SendOutcome::unreachable;
    if (full && mode == SendMode::refuse) return SendOutcome::busy;
    Bytes bytes{131};
    ByteWriter out(bytes);
    payload.encode(out);
    const SharedBytes shared(std::move(bytes));
    queue_.push_back([this, to, shared] { far_.deliver_encoded(to, shared, context_); });
    return full ? SendOutcome::sent_busy : SendOutcome::sent;
  }
  void signal(const RemoteSignal& signal) override {
    signals.push_back(signal);
    if (signal.spawn && !down) return carry_spawn(signal);
    if (!down) queue_.push_back([this, signal] { far_.deliver_signal(signal); });
  }
  void when_drained(NodeName, const Pid& waiter) override {
    if (full) waiting.push_back(waiter);
    else queue_.push_back([this, waiter] { near->drained(waiter, far_.node_name()); });
  }
  bool watch_node(NodeName node) override {
    watched.push_back(node);
    return !down;
  }

  bool deliver() {
    if (queue_.empty()) return false;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    next();
    return true;
  }
  /// All that waits, the newest first: as streams do that overtake each other.
  void deliver_backwards() {
    std::ranges::reverse(queue_);
    while (deliver()) {}
  }
  void lose_everything() { queue_.clear(); }
  void bytes_to(const RemoteTarget& to, Bytes bytes) {
    far_.deliver_encoded(to, SharedBytes(std::move(bytes)), context_);
  }

  Runtime* near = nullptr;
  bool down = false;
  bool full = false;
  int malformed = 0;
  int over_limit = 0;
  std::vector<RemoteSignal> signals;
  std::vector<Pid> waiting;
  std::vector<NodeName> watched;

 private:
  void carry_spawn(const RemoteSignal& signal) {
    const SharedBytes arguments(encode_etf(signal.spawn->arguments));
    queue_.push_back([this, signal, arguments] {
      far_.deliver_spawn(signal.from, signal.ref, *signal.spawn, arguments, context_);
    });
  }

  Runtime& far_;
  std::shared_ptr<const DecodeContext> context_;
  std::deque<std::function<void()>> queue_;
};

class TwoRuntimes : public testing::Test {
 public:
  TwoRuntimes() {
    to_b_.near = &*a_;
    to_a_.near = &*b_;
    a_->set_router(to_b_);
    b_->set_router(to_a_);
  }
  // The processes speak to the wires when they end.
  ~TwoRuntimes() override {
    (void)a_->stop(Duration::zero());
    (void)b_->stop(Duration::zero());
  }

 protected:
  /// Everything that can happen without time passing.
  void settle() {
    bool busy = true;
    while (busy) {
      busy = a_->run_until_idle();
      busy = b_->run_until_idle() || busy;
      busy = to_b_.deliver() || busy;
      busy = to_a_.deliver() || busy;
    }
  }
  void lose_connection() {
    to_a_.down = to_b_.down = true;
    to_a_.lose_everything();
    to_b_.lose_everything();
    a_->node_down(b_->node_name(), noconnection());
    b_->node_down(a_->node_name(), noconnection());
    settle();
  }
  void connect() {
    to_a_.down = to_b_.down = false;
    a_->node_up(b_->node_name());
    b_->node_up(a_->node_name());
    settle();
  }
  [[nodiscard]] static int count(const Wire& wire, RemoteSignal::Op op) {
    return static_cast<int>(std::ranges::count(wire.signals, op, &RemoteSignal::op));
  }

  TestRuntime a_{RuntimeConfig::deterministic, "a@127.0.0.1"};
  TestRuntime b_{RuntimeConfig::deterministic, "b@127.0.0.1"};
  Wire to_b_{*b_};
  Wire to_a_{*a_};
  std::vector<Term> seen_;
};

}  // namespace barrel::test
