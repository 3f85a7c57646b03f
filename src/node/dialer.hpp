#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/base/socket_address.hpp"
#include "carrier/link_config.hpp"
#include "loop/loop.hpp"
#include "node/channel.hpp"

namespace barrel::node {

/// Connects channels: asks discovery, resolves host names, tries the addresses one after the other, each for
/// its share of the time that is left, and gives up after the dial timeout. Cluster thread only; nothing here
/// calls back before it has returned.
class Dialer {
 public:
  struct Hooks {
    /// The addresses of a node. Called where blocking is allowed, perhaps when the dialer has gone: what it
    /// refers to must outlive the loop.
    std::function<Result<std::vector<NodeAddress>>(NodeName)> locate;
    /// Starts a link to an address.
    std::function<Result<carrier::Link*>(NodeName, const SocketAddress&, Transport)> connect;
    /// The channel of a node that was dialed; null when it has been freed meanwhile.
    std::function<Channel*(NodeName)> channel;
    /// Whether the node is connecting to us.
    std::function<bool(NodeName)> is_incoming;
    /// All has been tried: what waits for the channel is lost.
    std::function<void(Channel&, const std::string& why)> failed;
  };

  Dialer(loop::Loop& loop, Duration timeout, Hooks hooks, Metrics& metrics);

  /// Starts a dial unless one is under way or the node is connected. When it is connecting to us, that is
  /// waited for first.
  void start(Channel& channel);
  /// The channel's dial_link ended before it was up.
  void link_down(Channel& channel, const carrier::Down& down);
  /// The peer's own connection, for which a dial that gave way waits, ended before it was up: dials again,
  /// within the time of the first attempt.
  void incoming_down(Channel& channel, const std::string& why);
  /// The channel has a live link, whoever dialed it.
  void succeeded(Channel& channel);
  /// Our dial gives way to the peer's: its link is closed by the caller, the messages go on waiting.
  void yield(Channel& channel);
  /// Starts no dial any more.
  void stop() { stopped_ = true; }
  /// Gives up a dial that is under way, if any.
  void abandon(Channel& channel, const std::string& why);

 private:
  /// The channel, while that dial is its present one; else null.
  [[nodiscard]] Channel* at(NodeName peer, std::uint64_t attempt) const;
  void expire(NodeName peer, std::uint64_t attempt);
  /// Leaves time for the addresses that have not been tried.
  void limit_attempt(const Channel& channel);
  void share_used(NodeName peer, std::uint64_t attempt, std::uint64_t link);
  void locate(Channel& channel);
  void located(NodeName peer, std::uint64_t attempt, Result<std::vector<NodeAddress>> found);
  void try_next(Channel& channel);
  void resolve(Channel& channel, const NodeAddress& address);
  void resolved(NodeName peer, std::uint64_t attempt, const NodeAddress& address,
                const Result<std::vector<SocketAddress>>& found);
  /// Why one attempt has failed.
  static void note(Channel& channel, std::string_view what, const std::string& why);
  void fail(Channel& channel, const std::string& why);
  void finish(Channel& channel);

  loop::Loop& loop_;
  const Duration timeout_;
  Hooks hooks_;
  Counter& dials_;
  Counter& dials_failed_;
  Counter& addresses_tried_;
  Gauge& dialing_;
  std::uint64_t attempts_ = 0;
  bool stopped_ = false;
};

}  // namespace barrel::node
