#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "barrel/base/metrics.hpp"
#include "barrel/process/runtime.hpp"
#include "node/channel_table.hpp"
#include "node/router.hpp"
#include "node/test_capture.hpp"
#include "process/test_runtime.hpp"

namespace barrel::node {

/// The processes of one of the captured nodes, and what waits there for the other one.
class GoldenNode : public testing::Test {
 protected:
  GoldenNode(NodeName self, NodeName other)
      : runtime_({.node = self, .creation = 4, .schedulers = RuntimeConfig::deterministic}, clock_, {},
                 metrics_) {
    runtime_.set_router(router_);
    channels_.find_or_make(other.atom())
        ->outbound.use({.envelope = dist::Envelope::header, .fragments = true, .in_parts = true});
  }

  Metrics metrics_;
  test::ManualClock clock_;
  Runtime runtime_;
  ChannelTable channels_{{}, metrics_};
  DirtyChannels dirty_;
  Router router_{
      channels_,
      dirty_,
      {[] {}, [](NodeName) {}, [](NodeName) {}, [](NodeName, const Pid&) {}, [](const Pid&) { return true; },
       [](NodeName) {}, [](NodeName) {}, [](const RemoteSignal&) {}},
      metrics_};
  std::shared_ptr<const DecodeContext> context_ = std::make_shared<DecodeContext>();
};

}  // namespace barrel::node
