#include "node/registry_service.hpp"

#include <map>
#include <utility>

#include "barrel/term/term_size.hpp"
#include "services/registry_config.hpp"

namespace barrel::node {

namespace {

/// To the keeper: watch this process.
struct Watch {
  static constexpr std::string_view internal_name = "$barrel_watch";
  Pid pid;
};

/// To the keeper: give the name back if the process still lives in a moment, and holds it by this claim.
struct Abandoned {
  static constexpr std::string_view internal_name = "$barrel_abandoned";
  Pid pid;
  Term name;
  std::uint64_t claim = 0;
};
struct StillAbandoned {
  static constexpr std::string_view internal_name = "$barrel_still_abandoned";
  Pid pid;
  Term name;
  std::uint64_t claim = 0;
};

/// A process that is crashing is gone after its present step; far longer than any.
constexpr Duration abandoned_for = std::chrono::seconds(1);

/// The bounds that the overlay would refuse by, told to the caller at once.
Result<void> check_sizes(const Term& name, const Term& meta) {
  const RegistryConfig limits;
  if (estimate_bytes(name, limits.name_bytes_max) > limits.name_bytes_max) {
    return Error(Errc::limit_exceeded, "a service name may take 1024 bytes (name_bytes_max)");
  }
  if (estimate_bytes(meta, limits.meta_bytes_max) > limits.meta_bytes_max) {
    return Error(Errc::limit_exceeded, "the metadata of a service may take 65536 bytes (meta_bytes_max)");
  }
  return {};
}

}  // namespace

RegistryService::RegistryService(NodeName self, Runtime& runtime, Post post, Log log, Metrics& metrics)
    : runtime_(runtime),
      post_(std::move(post)),
      log_(log),
      facade_(*this),
      lookups_(runtime, metrics),
      snapshot_(std::make_shared<const RegistrySnapshot>(self)) {}

RegistryService::~RegistryService() {
  tie_->cut();
}

void RegistryService::start() {
  keeper_ = runtime_.spawn(&keep, this);
}

Task<> RegistryService::keep(Self self, RegistryService* service) {
  std::map<Pid, Monitor> watched;
  for (;;) {
    auto message = co_await self.receive<Down, Watch, Abandoned, StillAbandoned, Term>();
    if (const auto* watch = std::get_if<Watch>(&message)) {
      if (!watched.contains(watch->pid)) watched.emplace(watch->pid, self.monitor(watch->pid));
    } else if (const auto* down = std::get_if<Down>(&message)) {
      watched.erase(down->pid);
      service->process_ended(down->pid, down->reason);
    } else if (const auto* abandoned = std::get_if<Abandoned>(&message)) {
      const StillAbandoned later{abandoned->pid, abandoned->name, abandoned->claim};
      (void)self.send_after(abandoned_for, self.pid(), later);
    } else if (const auto* still = std::get_if<StillAbandoned>(&message)) {
      if (watched.contains(still->pid)) (void)service->unregister(still->name, still->pid, still->claim);
    }
  }
}

void RegistryService::process_ended(const Pid& pid, const Term& reason) {
  const std::scoped_lock lock(order_);
  const std::vector<Term> names = local_.release_all(pid);
  if (names.empty()) return;
  if (is_abnormal(reason)) {
    return post_([pid, reason](Overlay& overlay, Moment at) { overlay.process_died(pid, reason, at); });
  }
  post_([pid, names](Overlay& overlay, Moment at) {
    for (const Term& name : names) (void)overlay.unregister_service(name, pid, at);
  });
}

Result<Registration> RegistryService::register_service(Self self, const Term& name, const Metadata& meta) {
  const Pid pid = self.pid();
  if (auto checked = check_sizes(name, meta.term()); !checked) return std::move(checked).error();
  const std::scoped_lock lock(order_);
  if (closed_) return Error(Errc::closed);
  const auto claim = local_.claim(name, pid);
  if (!claim) return claim.error();
  self.send(keeper_, Watch{pid});
  tell_overlay(name, pid, *claim, meta);
  return Registration(tie_, self.process(), pid, name, *claim);
}

Result<void> RegistryService::update(const Term& name, const Pid& pid, std::uint64_t claim,
                                     const Metadata& meta) {
  if (auto checked = check_sizes(name, meta.term()); !checked) return checked;
  const std::scoped_lock lock(order_);
  if (closed_ || !local_.holds(name, pid, claim)) return Error(Errc::closed);
  tell_overlay(name, pid, claim, meta);
  return {};
}

void RegistryService::tell_overlay(const Term& name, const Pid& pid, std::uint64_t claim,
                                   const Metadata& meta) {
  post_([this, name, pid, claim, meta = meta.term()](Overlay& overlay, Moment at) {
    auto registered = overlay.register_service(name, pid, meta, at);
    // Always: its size was checked, nobody else here has claimed the name, and for own names there is room.
    if (registered) return;
    local_.release(name, pid, claim);
    log_.error("a service was not registered",
               {{"name", to_string(name)}, {"pid", to_string(pid)}, {"why", registered.error().message()}});
  });
}

Result<void> RegistryService::unregister(const Term& name, const Pid& pid,
                                         std::optional<std::uint64_t> claim) {
  const std::scoped_lock lock(order_);
  if (!local_.release(name, pid, claim)) return Error(Errc::not_found);
  post_([name, pid](Overlay& overlay, Moment at) { (void)overlay.unregister_service(name, pid, at); });
  return {};
}

void RegistryService::abandon(const Term& name, const Pid& pid, std::uint64_t claim) {
  const Abandoned message{pid, name, claim};
  (void)runtime_.send(keeper_, message);
}

void RegistryService::leave() {
  const std::scoped_lock lock(order_);
  local_.clear();
  post_([](Overlay& overlay, Moment at) { overlay.leave(at); });
}

void RegistryService::close() {
  const std::scoped_lock lock(order_);
  closed_ = true;
}

Result<Pid> RegistryService::resolve(const Term& name) const {
  if (const auto local = local_.find(name)) return *local;
  const auto snapshot = this->snapshot();
  for (const ServiceEntry& entry : snapshot->lookup(name)) {
    // An own entry that is no longer claimed is on its way out.
    if (entry.node != snapshot->self()) return entry.pid;
  }
  return Error(Errc::not_found);
}

}  // namespace barrel::node
