#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostile/attacker.hpp"
#include "hostile/tcp_peer.hpp"
#include "support/chat_node.hpp"
#include "support/temp_dir.hpp"

namespace barrel::hostile {

/// What a process of the operating system holds.
struct Footprint {
  std::size_t memory_kib = 0;  ///< Resident.
  std::size_t peak_kib = 0;    ///< The most that was resident since Arena::forget_peak().
  std::size_t descriptors = 0;
};

/// The victim and two honest nodes as processes of the operating system, and the chat that has to go on: bob
/// speaks, carol listens, in a room of bob's and in a room of the victim's.
class Arena {
 public:
  Arena();

  /// The nodes give free memory back to the system at once, so that what is resident is what is held. Before
  /// start().
  void give_memory_back();
  /// With `over_tcp` the victim speaks TCP, too.
  [[nodiscard]] bool start(bool over_tcp, std::chrono::milliseconds auth_timeout);
  [[nodiscard]] Target target(std::string_view node = "alice") const;

  /// Where the victim takes TCP connections.
  [[nodiscard]] std::uint16_t tcp_port() const { return tcp_port_; }
  /// The victim's EPMD, which does as the test says.
  [[nodiscard]] TcpTrap& epmd() { return *epmd_; }

  /// Bob says a word in both rooms. Whether carol hears it is asked later, by heard().
  void speak();
  [[nodiscard]] bool heard();
  /// speak(), and until carol has heard it in time; `meanwhile` is called again and again.
  [[nodiscard]] bool chats(const std::function<void()>& meanwhile = {});

  using Counters = std::map<std::string, std::uint64_t>;
  [[nodiscard]] Counters counters(std::string_view node = "alice");
  /// The victim's.
  [[nodiscard]] Footprint footprint() const;
  void forget_peak() const;
  [[nodiscard]] std::string transcript() const;
  /// Something that a node knows of: `rooms`, `nodes`, ...
  [[nodiscard]] test::ChatNode& node(std::string_view name) { return *nodes_.at(std::string(name)); }
  /// Where the nodes find each other.
  [[nodiscard]] std::filesystem::path discovery_directory() const { return directory_.path() / "discovery"; }
  [[nodiscard]] std::filesystem::path data_of(std::string_view name) const {
    return test::ChatNode::data_directory(setup_, name);
  }

 private:
  /// The victim's entry in /proc.
  [[nodiscard]] std::filesystem::path process() const;
  test::ChatNode& launch(const std::string& name, const std::string& contact,
                         const std::vector<std::string>& arguments);
  /// Answers the victim's registration, and learns its port by it.
  [[nodiscard]] bool register_victim();

  test::TempDir directory_;
  test::ChatSetup setup_;
  std::map<std::string, std::unique_ptr<test::ChatNode>> nodes_;
  int words_ = 0;
  std::size_t mark_ = 0;
  std::unique_ptr<TcpTrap> epmd_;
  std::optional<TcpPeer> registration_;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace barrel::hostile
