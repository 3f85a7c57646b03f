#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "hostile/arena.hpp"

namespace barrel::hostile {

/// What becomes of the connection that an attack came over.
enum class Ending : std::uint8_t {
  stays,      ///< Whoever attacks wastes what is dropped, and goes on.
  closed,     ///< The victim closes it.
  no_matter,  ///< There is none, or the attack ends it itself.
};

class Scene;

/// What an attack may leave its victim with while it goes on, and what it may take for a moment, both beyond
/// what there was before. The defaults are for attacks of which nothing is kept: twice what they were seen to
/// take.
struct Memory {
  std::size_t kept_mib = 4;
  std::size_t peak_mib = 16;
  /// For more than that, the reason.
  std::string_view why{};
};

/// One attack, as docs/security.md tells of it and as the tests carry it out.
struct Attack {
  /// For messages of a failed test.
  std::string_view name;
  /// The columns of the table. The counter grows by the attack: once, or as often as Scene::must_count()
  /// says.
  std::string_view attack;
  std::string_view answer;
  std::string_view counter;
  Ending ending = Ending::stays;
  void (*run)(Scene& scene);
  Memory memory{};
  /// The node whose counter it is.
  std::string_view counted_by = "alice";
};

/// Attacks of one kind, in a file of their own. Each is carried out by one test on one arena.
struct Family {
  std::string_view name;
  /// Heading of the table's part.
  std::string_view title;
  std::span<const Attack> attacks;
  /// The victim speaks TCP, too, and asks the arena's EPMD.
  bool over_tcp = false;
  /// How long the victim waits for an authentication: short, so that attacks that wait for its end are.
  std::chrono::milliseconds auth_timeout{3'000};
};
[[nodiscard]] std::span<const Family> families();

/// What an attack is carried out with.
class Scene {
 public:
  explicit Scene(Arena& arena) : arena_(arena) {}

  [[nodiscard]] Arena& arena() { return arena_; }
  /// An attacker with a valid key, connected; made when first asked for. Throws when it is not let in.
  [[nodiscard]] Attacker& attacker();
  /// Makes another one, of the victim or another node, which is not connected yet.
  Attacker& make(AttackerOptions options = {}, std::string_view target = "alice");
  /// The one made last, or null.
  [[nodiscard]] Attacker* last() { return last_.get(); }
  /// The victim's room, a process that reads all its messages.
  [[nodiscard]] Pid room();

  /// The attack's counter, or another one of that node's, has to grow by `times` at least; calls add up.
  void must_count(std::uint64_t times, std::string_view counter = {}) {
    owed_[std::string(counter)] += times;
  }
  /// By counter; that of the attack has no name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& owed() const { return owed_; }

 private:
  Arena& arena_;
  std::map<std::string, std::uint64_t> owed_;
  std::unique_ptr<Attacker> last_;
};

}  // namespace barrel::hostile
