#pragma once

#include <cstdint>
#include <set>
#include <utility>

namespace barrel::dist {

/// The challenges that this node has given and waits for the answers of, over all its connections. A peer
/// that gives one of them back, on another connection, wants us to answer it in its place. As many as there
/// are handshakes. Not thread-safe.
class OpenChallenges {
 public:
  /// A challenge that is open as long as the entry lives.
  class Entry {
   public:
    Entry() = default;
    Entry(OpenChallenges& all, std::uint32_t challenge)
        : all_(&all), at_(all.challenges_.insert(challenge)) {}
    Entry(Entry&& other) noexcept : all_(std::exchange(other.all_, nullptr)), at_(other.at_) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(all_, other.all_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Entry() {
      if (all_ != nullptr) all_->challenges_.erase(at_);
    }

   private:
    OpenChallenges* all_ = nullptr;
    std::multiset<std::uint32_t>::iterator at_;
  };

  [[nodiscard]] bool contains(std::uint32_t challenge) const { return challenges_.contains(challenge); }

 private:
  std::multiset<std::uint32_t> challenges_;
};

}  // namespace barrel::dist
