#include "barrel/node/registry.hpp"

#include <algorithm>

#include "node/registry_service.hpp"

namespace barrel {

Registration::Registration(Registration&& other) noexcept
    : tie_(std::move(other.tie_)),
      process_(other.process_),
      pid_(other.pid_),
      name_(std::move(other.name_)),
      claim_(other.claim_) {}

Registration& Registration::operator=(Registration&& other) noexcept {
  if (this != &other) {
    unregister();
    tie_ = std::move(other.tie_);
    process_ = other.process_;
    pid_ = other.pid_;
    name_ = std::move(other.name_);
    claim_ = other.claim_;
  }
  return *this;
}

Result<void> Registration::update(const Metadata& meta) {
  const Result<void> closed = Error(Errc::closed);
  if (tie_ == nullptr) return closed;
  return tie_->with([&](node::RegistryService& service) { return service.update(name_, pid_, claim_, meta); },
                    closed);
}

void Registration::unregister() noexcept {
  const auto tie = std::exchange(tie_, nullptr);
  if (tie == nullptr) return;
  (void)tie->with(
      [&](node::RegistryService& service) {
        // A crash is told with its reason, by whoever watches the process.
        if (detail::may_be_crashing(*process_)) service.abandon(name_, pid_, claim_);
        else (void)service.unregister(name_, pid_, claim_);
        return true;
      },
      false);
}

Result<Registration> Registry::register_term(Self self, const Term& name, const Metadata& meta) {
  return service_->register_service(self, name, meta);
}

Result<void> Registry::unregister_term(Self self, const Term& name) {
  return service_->unregister(name, self.pid());
}

Result<Pid> Registry::find_term(const Term& name) const {
  return service_->resolve(name);
}

Task<Result<Pid>> Registry::whereis_term(Self self, Term name, WhereisOptions options) const {
  Duration pause = options.first_pause;
  for (int attempt = 0;; ++attempt) {
    const Result<Pid> known = service_->resolve(name);
    if (known) co_return known;
    Task<Result<Pid>> lookup = service_->look_up(self, name);
    const Result<Pid> found = co_await std::move(lookup);
    if (found || attempt >= options.retries) co_return found;
    co_await self.sleep(pause);
    pause *= 2;
    self.runtime().metrics().counter("registry.whereis_retries").add();
  }
}

std::vector<ServiceEntry> Registry::lookup_term(const Term& name) const {
  const auto snapshot = service_->snapshot();
  const auto entries = snapshot->lookup(name);
  return {entries.begin(), entries.end()};
}

std::optional<ServiceEntry> Registry::lookup_local_term(const Term& name) const {
  const auto snapshot = service_->snapshot();
  const ServiceEntry* entry = snapshot->lookup_local(name);
  if (entry == nullptr) return std::nullopt;
  return *entry;
}

std::vector<Term> Registry::list() const {
  std::vector<Term> names = service_->snapshot()->names();
  std::ranges::sort(names);
  return names;
}

std::vector<ServiceEntry> Registry::entries() const {
  std::vector<ServiceEntry> entries = service_->snapshot()->entries();
  std::ranges::sort(entries, [](const ServiceEntry& a, const ServiceEntry& b) {
    return std::tie(a.name, a.node) < std::tie(b.name, b.node);
  });
  return entries;
}

Subscription Registry::subscribe(Self self) {
  return service_->subscribe(self.pid());
}

}  // namespace barrel
