#pragma once

#include <functional>
#include <utility>

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// Events flow to the subscriber as long as this handle lives. Move-only; destroying it ends the
/// subscription, after which no further event is sent (one already in the mailbox stays there). May be
/// destroyed on any thread.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  ~Subscription() { reset(); }

  /// Ends the subscription now.
  void reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }

 private:
  std::function<void()> cancel_;
};

}  // namespace barrel
#pragma GCC visibility pop
