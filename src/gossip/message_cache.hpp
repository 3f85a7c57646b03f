#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "barrel/base/keyed_hash.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/time.hpp"
#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"
#include "gossip/plumtree_config.hpp"
#include "gossip/plumtree_messages.hpp"

namespace barrel {

/// The messages a node has seen: recognises duplicates, and keeps the recent ones whole for grafts. Bounded
/// by age, number of ids, number of whole messages and bytes. When a bound is hit, whoever's messages take
/// the most loses its oldest, so that a flood from one peer displaces its own messages.
class MessageCache {
 public:
  struct Body {
    Term tag;
    Term payload;
  };

  MessageCache(const PlumtreeConfig& config, Metrics& metrics);

  [[nodiscard]] bool contains(const plumtree::MessageId& id) const { return messages_.contains(id); }
  /// The message, if it is still kept whole. Valid until the next change.
  [[nodiscard]] const Body* find(const plumtree::MessageId& id) const;
  /// `from`: the hop that brought it, or this node.
  void insert(const plumtree::MessageId& id, Body body, NodeName from, Instant now);
  void expire(Instant now);
  /// When the oldest message has to go.
  [[nodiscard]] std::optional<Instant> next_expiry() const;

  [[nodiscard]] std::size_t id_count() const { return messages_.size(); }
  [[nodiscard]] std::size_t body_count() const { return body_count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Message {
    std::optional<Body> body;
    std::size_t bytes = 0;
  };
  struct Seen {
    plumtree::MessageId id;
    Instant expires;
  };
  /// One hop's messages in the order they came; those before first_body are kept as ids only.
  struct Share {
    std::deque<Seen> seen;
    std::size_t first_body = 0;
    std::size_t bytes = 0;
  };

  void drop_body(Share& share);
  void drop_oldest(NodeName from, Share& share);
  [[nodiscard]] std::map<NodeName, Share>::iterator largest(bool by_bodies);

  PlumtreeConfig config_;
  std::unordered_map<plumtree::MessageId, Message, detail::KeyedHash> messages_;
  std::map<NodeName, Share> shares_;
  std::size_t body_count_ = 0;
  std::size_t bytes_ = 0;
  Counter& full_;
  Counter& bodies_full_;
};

}  // namespace barrel
