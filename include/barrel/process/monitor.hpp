#pragma once

#include <cstdint>
#include <utility>

#include "barrel/process/address.hpp"
#include "barrel/process/alias.hpp"
#include "barrel/process/process_fwd.hpp"
#include "barrel/term/pid.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

namespace detail {
/// `alias`: when its reference is one, too.
[[nodiscard]] Ref start_monitor(Process& process, const Address& target, const AliasEnd* alias = nullptr);
void stop_monitor(Process& process, std::uint32_t serial, const Ref& ref) noexcept;
[[nodiscard]] std::uint32_t serial_of(const Process& process) noexcept;
class SpawnMonitorOn;
}  // namespace detail

/// Watches a process: exactly one Down with this reference comes, after the last message of the watched
/// process. Destroying it stops watching and removes a Down that already waits (demonitor(Ref, [flush])).
/// Move-only; belongs to the process that made it and is destroyed there.
class [[nodiscard]] Monitor {
 public:
  /// Watches nothing.
  Monitor() noexcept = default;
  Monitor(Monitor&& other) noexcept
      : process_(std::exchange(other.process_, nullptr)), serial_(other.serial_), ref_(other.ref_) {}
  Monitor& operator=(Monitor&& other) noexcept {
    if (this != &other) {
      reset();
      process_ = std::exchange(other.process_, nullptr);
      serial_ = other.serial_;
      ref_ = other.ref_;
    }
    return *this;
  }
  ~Monitor() { reset(); }

  /// The reference that its Down carries.
  [[nodiscard]] const Ref& ref() const noexcept { return ref_; }
  [[nodiscard]] explicit operator bool() const noexcept { return process_ != nullptr; }
  /// Stops watching now.
  void reset() noexcept {
    if (process_ != nullptr) detail::stop_monitor(*std::exchange(process_, nullptr), serial_, ref_);
  }

 private:
  friend class Self;
  friend class detail::SpawnMonitorOn;
  Monitor(detail::Process& process, const Ref& ref)
      : process_(&process), serial_(detail::serial_of(process)), ref_(ref) {}
  Monitor(detail::Process& process, const Address& target)
      : process_(&process),
        serial_(detail::serial_of(process)),
        ref_(detail::start_monitor(process, target)) {}

  Monitor(detail::Process& process, const Address& target, detail::AliasEnd alias)
      : process_(&process),
        serial_(detail::serial_of(process)),
        ref_(detail::start_monitor(process, target, &alias)) {}

  detail::Process* process_ = nullptr;
  std::uint32_t serial_ = 0;
  Ref ref_{};
};

}  // namespace barrel
#pragma GCC visibility pop
