#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "barrel/base/time.hpp"
#include "carrier/link.hpp"
#include "carrier/link_context.hpp"

namespace barrel::carrier {

/// The links of one carrier: owns them, and keeps their time.
class LinkTable {
 public:
  /// Ids count from `first_id`, which sets the links of a node's carriers apart.
  LinkTable(LinkContext& context, std::uint64_t first_id) : context_(context), last_id_(first_id) {}

  [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }
  template <class L>
  L& add(std::unique_ptr<L> link) {
    L& added = *link;
    links_.emplace(added.id(), std::move(link));
    return added;
  }

  /// Calls the links whose time has come.
  void run_due();
  /// Destroys those that are over.
  void remove_dead();
  /// When the first of them wants to be called.
  [[nodiscard]] std::optional<Instant> next_timer() const;

  /// Those that are over and not removed are counted too.
  [[nodiscard]] std::size_t size() const { return links_.size(); }
  /// Every link that is not down.
  [[nodiscard]] std::vector<Link*> alive() const;
  /// Null when there is no such link, or it is down.
  [[nodiscard]] Link* find(std::uint64_t id) const;
  [[nodiscard]] std::size_t unacknowledged_bytes() const;
  void close_all(std::string_view why, Instant now);

 private:
  LinkContext& context_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::uint64_t last_id_;
};

}  // namespace barrel::carrier
