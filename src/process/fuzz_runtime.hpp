#pragma once

#include <functional>
#include <utility>

#include "barrel/process/remote_router.hpp"
#include "barrel/process/runtime.hpp"

/// What fuzz programs run processes on.
namespace barrel::test {

/// A deterministic runtime in which time stands still. What its processes send to other nodes is encoded and
/// dropped.
class FuzzRuntime {
 public:
  using OnSend = std::function<void(const RemoteTarget& to)>;
  explicit FuzzRuntime(NodeName self, OnSend on_send = {})
      : sink_(std::move(on_send)), runtime_(settings(self), clock_, Log(), metrics_) {
    runtime_.set_router(sink_);
  }

  Runtime* operator->() { return &runtime_; }

 private:
  class Standstill final : public Clock {
   public:
    [[nodiscard]] Instant now() const override { return Instant(std::chrono::seconds(1)); }
    [[nodiscard]] SystemTime system_now() const override {
      return SystemTime(std::chrono::seconds(1'700'000'000));
    }
  };
  class Sink final : public RemoteRouter {
   public:
    explicit Sink(OnSend on_send) : on_send_(std::move(on_send)) {}
    SendOutcome send(const Pid&, const RemoteTarget& to, const EncodablePayload& payload, SendMode) override {
      if (on_send_) on_send_(to);
      Bytes bytes;
      ByteWriter out(bytes);
      payload.encode(out);
      return SendOutcome::sent;
    }
    void signal(const RemoteSignal&) override {}
    void when_drained(NodeName, const Pid&) override {}
    bool watch_node(NodeName) override { return true; }

   private:
    OnSend on_send_;
  };

  /// Few processes, since the table of a runtime is made for each input.
  static RuntimeConfig settings(NodeName self) {
    RuntimeConfig config;
    config.node = self;
    config.schedulers = RuntimeConfig::deterministic;
    config.processes_max = 256;
    return config;
  }

  Standstill clock_;
  Metrics metrics_;
  Sink sink_;
  Runtime runtime_;
};

}  // namespace barrel::test
