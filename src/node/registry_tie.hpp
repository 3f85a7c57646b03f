#pragma once

#include <mutex>
#include <type_traits>
#include <utility>

namespace barrel::node {

class RegistryService;

/// What a Registration knows of the registry, which may have gone before it. Thread-safe.
class RegistryTie {
 public:
  explicit RegistryTie(RegistryService& service) : service_(&service) {}

  /// The registry goes.
  void cut() {
    const std::scoped_lock lock(mutex_);
    service_ = nullptr;
  }
  /// Calls `use(registry)` while it cannot go, or gives `gone`.
  template <class Use, class Gone = std::invoke_result_t<Use, RegistryService&>>
  Gone with(Use&& use, Gone gone) {
    const std::scoped_lock lock(mutex_);
    return service_ == nullptr ? std::move(gone) : use(*service_);
  }

 private:
  std::mutex mutex_;
  RegistryService* service_;
};

}  // namespace barrel::node
