// The bytes are messages of an authenticated peer to the names of the overlay, one after the other:
// `name:8 pause:8 length:16 term`. Whatever they say, the overlay keeps its bounds and its own registrations.
#include <array>
#include <cstdlib>

#include "barrel/base/bytes.hpp"
#include "barrel/term/etf.hpp"
#include "node/overlay.hpp"
#include "services/registry_snapshot.hpp"

namespace {

using namespace barrel;

class NoPort final : public Overlay::Port {
 public:
  void send(NodeName, Atom, const Term& message, Delivery) override { (void)encode_etf(message); }
  void send_to_pid(const Pid&, const Term& message) override { (void)encode_etf(message); }
  void dial(NodeName) override {}
  void release(NodeName) override {}
  void publish(std::shared_ptr<const RegistrySnapshot>) override {}
  void emit(const ServiceEvent&) override {}
  void emit(const MembershipEvent&) override {}
  void node_dead(NodeName, std::uint32_t) override {}
};

constexpr std::array<const char*, 8> names{"barrel_p2p_bridge",
                                           "barrel_p2p_plumtree",
                                           "barrel_p2p_registry_replica",
                                           "barrel_p2p_router",
                                           "barrel_liveness",
                                           "barrel_p2p_leader_replica",
                                           "barrel_p2p_members_replica",
                                           "barrel_p2p_reminder_replica"};

Moment moment_at(Duration passed) {
  return {Instant(std::chrono::seconds(50)) + passed,
          SystemTime(std::chrono::seconds(1'700'000'000)) +
              std::chrono::duration_cast<std::chrono::milliseconds>(passed)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const NodeName self("you@h");
  static const NodeName peer("me@h");
  if (size < 1) return 0;
  Metrics metrics;
  NoPort port;
  Duration passed{};
  Overlay overlay({}, self, 77, moment_at(passed), Random(data[0]), metrics, Log(), port);
  if (!overlay.register_service("mine", Pid{self.atom(), 1, 0, 77}, Term::map({}), moment_at(passed)))
    std::abort();
  overlay.link_up(peer, (data[0] & 1) != 0 ? PeerKind::erlang : PeerKind::barrel, 77, (data[0] & 2) != 0,
                  moment_at(passed));
  ByteReader in({data + 1, size - 1});
  while (in.remaining() >= 4) {
    const Atom name(names[in.u8() % names.size()]);
    passed += std::chrono::milliseconds(50) * in.u8();
    const auto term = decode_etf(in.take(std::min<std::size_t>(in.u16(), in.remaining())));
    for (int turns = 0; turns < 100 && overlay.next_deadline(); ++turns) {
      if (*overlay.next_deadline() > moment_at(passed).now) break;
      overlay.advance(moment_at(passed));
    }
    if (term) overlay.message(peer, name, *term, moment_at(passed));
  }
  if (overlay.snapshot()->lookup_local("mine") == nullptr) std::abort();
  if (overlay.active_view().size() > HyParViewConfig().active_size) std::abort();
  if (overlay.passive_view().size() > HyParViewConfig().passive_size) std::abort();
  return 0;
}
