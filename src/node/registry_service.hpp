#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "barrel/base/log.hpp"
#include "barrel/node/registry.hpp"
#include "barrel/process/runtime.hpp"
#include "node/local_services.hpp"
#include "node/lookups.hpp"
#include "node/overlay.hpp"
#include "node/published.hpp"
#include "node/registry_tie.hpp"
#include "node/subscribers.hpp"
#include "services/registry_snapshot.hpp"

namespace barrel::node {

/// What stands behind the Registry facade: names of local processes are decided here at once, on the caller's
/// thread; replication is the overlay's, on the cluster thread; look-ups read the snapshot that it publishes.
class RegistryService final : public NameResolver {
 public:
  /// A change for the overlay, to be run on the cluster thread; dropped when the node has shut down.
  using OverlayCommand = std::move_only_function<void(Overlay&, Moment)>;
  using Post = std::function<void(OverlayCommand)>;

  RegistryService(NodeName self, Runtime& runtime, Post post, Log log, Metrics& metrics);
  ~RegistryService() override;

  /// Starts the process that watches the registered ones. Before any user process.
  void start();
  [[nodiscard]] Registry& facade() noexcept { return facade_; }
  [[nodiscard]] const Registry& facade() const noexcept { return facade_; }

  // For the facade; any thread.
  Result<Registration> register_service(Self self, const Term& name, const Metadata& meta);
  Result<void> update(const Term& name, const Pid& pid, std::uint64_t claim, const Metadata& meta);
  /// Whichever claim it is held by, or by the one that is given only.
  Result<void> unregister(const Term& name, const Pid& pid, std::optional<std::uint64_t> claim = {});
  /// The handle of a registration was destroyed while its process was perhaps crashing: if it is, the end of
  /// the process removes the name and says why; if it caught the exception and lives on, the name is given
  /// back soon, unless it has registered it again by then.
  void abandon(const Term& name, const Pid& pid, std::uint64_t claim);
  /// Gives back every name, and leaves the cluster.
  void leave();
  /// The node has shut down: nothing is registered or updated any more.
  void close();
  [[nodiscard]] Result<Pid> resolve(const Term& name) const override;
  [[nodiscard]] std::optional<Pid> find_own(Atom name) const override { return local_.find(name); }
  /// Asks the neighbours for a name that is not known here.
  [[nodiscard]] Task<Result<Pid>> look_up(Self self, Term name) const {
    return lookups_.find(self, std::move(name));
  }
  [[nodiscard]] std::shared_ptr<const RegistrySnapshot> snapshot() const { return snapshot_.load(); }
  [[nodiscard]] Subscription subscribe(const Pid& subscriber) { return subscribers_.add(subscriber); }

  // For the overlay's port; cluster thread.
  void publish(std::shared_ptr<const RegistrySnapshot> snapshot) { snapshot_.store(std::move(snapshot)); }
  void emit(const ServiceEvent& event) { subscribers_.emit(runtime_, event); }
  [[nodiscard]] bool pass_on(NodeName asker, const RouteQuery& query) {
    return lookups_.pass_on(asker, query);
  }
  void beside_originals() { lookups_.beside_originals(); }

 private:
  static Task<> keep(Self self, RegistryService* service);
  void process_ended(const Pid& pid, const Term& reason);
  void tell_overlay(const Term& name, const Pid& pid, std::uint64_t claim, const Metadata& meta);

  Runtime& runtime_;
  Post post_;
  Log log_;
  Registry facade_;
  /// Names are claimed and given back in the order in which the overlay is told. Never taken by it.
  std::mutex order_;
  bool closed_ = false;
  LocalServices local_;
  Lookups lookups_;
  Subscribers subscribers_;
  Pid keeper_{};
  Published<const RegistrySnapshot> snapshot_;
  std::shared_ptr<RegistryTie> tie_ = std::make_shared<RegistryTie>(*this);
};

}  // namespace barrel::node
