#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "barrel/node/membership.hpp"
#include "barrel/process/runtime.hpp"
#include "node/overlay.hpp"
#include "node/published.hpp"
#include "node/registry_service.hpp"
#include "node/subscribers.hpp"

namespace barrel::node {

/// What stands behind the Membership facade: commands go to the overlay on the cluster thread, the views are
/// read from copies that it publishes.
class MembershipService {
 public:
  using OverlayCommand = std::move_only_function<void(Overlay&, Moment)>;
  using Post = std::function<void(OverlayCommand)>;

  MembershipService(Runtime& runtime, RegistryService& registry, Post post)
      : runtime_(runtime),
        registry_(registry),
        post_(std::move(post)),
        facade_(*this),
        views_(std::make_shared<const Views>()) {
    Views first;
    first.members = std::make_shared<const std::vector<NodeName>>(1, runtime.node_name());
    views_.store(std::make_shared<const Views>(std::move(first)));
  }

  struct Views {
    std::vector<NodeName> active;
    std::vector<NodeName> passive;
    /// A large one is not copied when only the others change.
    std::shared_ptr<const std::vector<NodeName>> members = std::make_shared<const std::vector<NodeName>>();
    friend bool operator==(const Views&, const Views&) = default;
  };

  [[nodiscard]] Membership& facade() noexcept { return facade_; }
  void leave() { registry_.leave(); }
  void post(OverlayCommand command) { post_(std::move(command)); }
  [[nodiscard]] std::shared_ptr<const Views> views() const { return views_.load(); }
  [[nodiscard]] Subscription subscribe(const Pid& subscriber) { return subscribers_.add(subscriber); }

  // Cluster thread.
  void publish(const Overlay& overlay) {
    Views now{overlay.active_view(), overlay.passive_view(), views()->members};
    if (std::exchange(members_version_, overlay.members_version()) != overlay.members_version())
      now.members = std::make_shared<const std::vector<NodeName>>(overlay.members());
    if (now != *views()) views_.store(std::make_shared<const Views>(std::move(now)));
  }
  void emit(const MembershipEvent& event) { subscribers_.emit(runtime_, event); }

 private:
  Runtime& runtime_;
  RegistryService& registry_;
  Post post_;
  Membership facade_;
  Subscribers subscribers_;
  Published<const Views> views_;
  std::uint64_t members_version_ = 0;  // cluster thread
};

}  // namespace barrel::node
