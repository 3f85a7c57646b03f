#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "barrel/base/time.hpp"
#include "barrel/node/subscription.hpp"
#include "barrel/process/address.hpp"
#include "barrel/process/self.hpp"
#include "barrel/process/task.hpp"
#include "barrel/services/registry_types.hpp"
#include "barrel/term/mapping.hpp"
#include "barrel/term/metadata.hpp"
#include "barrel/term/result.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace node {
class [[gnu::visibility("hidden")]] RegistryService;
class [[gnu::visibility("hidden")]] RegistryTie;
}  // namespace node

/// A name that a process holds in the cluster. Destroying it gives the name back (ServiceUnregistered
/// everywhere), and so does an orderly end of the process; when the process crashes or is killed the others
/// hear ServiceDown with the reason. Move-only; belongs to the process that registered. May outlive the node:
/// then it holds nothing.
class [[nodiscard]] Registration {
 public:
  /// Holds nothing.
  Registration() noexcept = default;
  Registration(Registration&& other) noexcept;
  Registration& operator=(Registration&& other) noexcept;
  ~Registration() { unregister(); }

  /// Replaces the metadata everywhere. Errc::closed when nothing is held any more, as by a Registration that
  /// a later one of the same process and name has taken the place of, or after Membership::leave() or
  /// Node::shutdown().
  Result<void> update(const Metadata& meta);
  /// Gives the name back now.
  void unregister() noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return tie_ != nullptr; }
  [[nodiscard]] const Term& name() const noexcept { return name_; }

 private:
  friend class node::RegistryService;
  Registration(std::shared_ptr<node::RegistryTie> tie, detail::Process& process, Pid pid, Term name,
               std::uint64_t claim)
      : tie_(std::move(tie)), process_(&process), pid_(pid), name_(std::move(name)), claim_(claim) {}

  std::shared_ptr<node::RegistryTie> tie_;
  detail::Process* process_ = nullptr;
  Pid pid_{};
  Term name_;
  std::uint64_t claim_ = 0;  // which of the process's registrations of the name
};

/// How long Registry::whereis looks.
struct WhereisOptions {
  /// Further attempts when the name is not known yet, which absorbs the delay of replication.
  int retries = 0;
  /// Pause before the first of them; doubled for each further one.
  Duration first_pause = std::chrono::milliseconds(50);
};

/// Names of processes, known on every node of the cluster. Any mapped value is a name: `{chat_room, general}`
/// is ChatRoom{"general"}. Several nodes may hold the same name, one process on each. Eventually consistent:
/// a registration is seen here at once and elsewhere within milliseconds. Thread-safe; look-ups never block.
class Registry {
 public:
  /// Registers the calling process. Under an atom it is reached on its node as if it had registered that name
  /// locally, too. Again by the same process: replaces the metadata, and from then on only the new
  /// Registration holds the name. Errors: already_registered when another process of this node holds the
  /// name; limit_exceeded when name or metadata are too large; closed when the node shuts down.
  template <class Name>
  Result<Registration> register_service(Self self, const Name& name, const Metadata& meta = {}) {
    return register_term(self, to_term(name), meta);
  }
  /// Gives back a name of the calling process; Errc::not_found when it does not hold it.
  template <class Name>
  Result<void> unregister_service(Self self, const Name& name) {
    return unregister_term(self, to_term(name));
  }

  /// A process that holds the name: the local one, else one that is known, else, in a cluster with nodes that
  /// run the original, one that the neighbours find within 4 s (such a node tells its names only to its
  /// neighbours and to those who are there when it registers them). Errc::not_found otherwise.
  template <class Name>
  [[nodiscard]] Task<Result<Pid>> whereis(Self self, const Name& name, WhereisOptions options = {}) const {
    return whereis_term(self, to_term(name), options);
  }
  /// The same, once, without waiting; for any thread.
  template <class Name>
  [[nodiscard]] Result<Pid> find(const Name& name) const {
    return find_term(to_term(name));
  }
  /// All registrations of the name, ordered by node.
  template <class Name>
  [[nodiscard]] std::vector<ServiceEntry> lookup(const Name& name) const {
    return lookup_term(to_term(name));
  }
  /// The registration on this node, if any.
  template <class Name>
  [[nodiscard]] std::optional<ServiceEntry> lookup_local(const Name& name) const {
    return lookup_local_term(to_term(name));
  }
  /// Every visible name once, ordered.
  [[nodiscard]] std::vector<Term> list() const;
  /// The names that are a T.
  template <class T>
  [[nodiscard]] std::vector<T> list() const {
    std::vector<T> names;
    for (const Term& term : list()) {
      if (auto name = from_term<T>(term)) names.push_back(*std::move(name));
    }
    return names;
  }
  /// Every visible registration, ordered by name and node.
  [[nodiscard]] std::vector<ServiceEntry> entries() const;

  /// The calling process gets a ServiceEvent for every change that becomes visible on this node from now on.
  [[nodiscard]] Subscription subscribe(Self self);

 private:
  friend class node::RegistryService;
  explicit Registry(node::RegistryService& service) : service_(&service) {}

  Result<Registration> register_term(Self self, const Term& name, const Metadata& meta);
  Result<void> unregister_term(Self self, const Term& name);
  Task<Result<Pid>> whereis_term(Self self, Term name, WhereisOptions options) const;
  [[nodiscard]] Result<Pid> find_term(const Term& name) const;
  [[nodiscard]] std::vector<ServiceEntry> lookup_term(const Term& name) const;
  [[nodiscard]] std::optional<ServiceEntry> lookup_local_term(const Term& name) const;

  node::RegistryService* service_;
};

}  // namespace barrel
#pragma GCC visibility pop
