#pragma once

#include <cstdint>
#include <optional>

#include "barrel/base/bytes.hpp"
#include "barrel/process/remote_router.hpp"

namespace barrel::sim {

/// A router with a fault, in front of the real one: what the checkers must notice.
class FaultyRouter final : public RemoteRouter {
 public:
  enum class Fault : std::uint8_t {
    loses_downs,        ///< No monitor's answer leaves the node.
    swaps_messages,     ///< Now and then a message waits until the next one of its pair has gone.
    swaps_streams,      ///< A message waits until the next one of its pair has gone, if that is of another
                        ///< stream.
    alters_texts,       ///< Now and then a byte of a message's text is another one.
    loses_name_downs,   ///< No monitor's answer for a name leaves the node.
    misleads_monitors,  ///< Monitors of a name go to one that nobody holds.
    loses_names,        ///< From some message on, none to a name leaves the node.
    loses_exits,        ///< No exit signal of a linked process leaves the node.
    loses_unlinks,      ///< No unlink leaves the node.
    loses_links,        ///< No link leaves the node: the other side has nothing to fire.
  };

  FaultyRouter(Fault fault, RemoteRouter& real) : fault_(fault), real_(real) {}

  SendOutcome send(const Pid& from, const RemoteTarget& to, const EncodablePayload& payload,
                   SendMode mode) override;
  void signal(const RemoteSignal& signal) override;
  void when_drained(NodeName node, const Pid& waiter) override { real_.when_drained(node, waiter); }
  bool watch_node(NodeName node) override { return real_.watch_node(node); }

 private:
  struct Held {
    Pid from;
    RemoteTarget to;
    Bytes payload;
  };

  const Fault fault_;
  RemoteRouter& real_;
  [[nodiscard]] SendOutcome send_swapped(const Pid& from, const RemoteTarget& to,
                                         const EncodablePayload& payload, SendMode mode);
  [[nodiscard]] SendOutcome send_after_other_stream(const Pid& from, const RemoteTarget& to,
                                                    const EncodablePayload& payload, SendMode mode);
  [[nodiscard]] SendOutcome send_altered(const Pid& from, const RemoteTarget& to,
                                         const EncodablePayload& payload, SendMode mode);

  void release();

  std::uint64_t sent_ = 0;
  std::optional<Held> held_;
};

}  // namespace barrel::sim
