#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/node/node.hpp"
#include "barrel/process/self.hpp"
#include "sim/nodes/note.hpp"
#include "sim/nodes/stage.hpp"

namespace barrel::sim {

/// A process of the workload: sends, monitors, links, registers, looks up, kills and dies as its random
/// numbers tell, and writes down what it does and sees.
class Actor {
 public:
  Actor(Self self, Stage& stage, std::size_t node, std::uint64_t seed, std::optional<Atom> name);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  void on(const Note& note) { stage_.ledger.received(self_.pid(), note); }
  void on(const Down& down);
  void on(const Exit& exit);
  void on(const Term& other);
  void on(const Timeout&) { act(); }

  /// How long to wait for a message before the next own act.
  [[nodiscard]] Duration patience() const;
  /// The reason to end with, when it is time.
  [[nodiscard]] const std::optional<Term>& verdict() const { return verdict_; }

 private:
  /// Tells the ledger of the end, however it comes; the last thing that goes.
  class Life {
   public:
    Life(Self self, Stage& stage, std::size_t node);
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life();

   private:
    Self self_;
    Stage& stage_;
  };
  struct Stream {
    std::int64_t id;
    Address to;
    Pid pid;
  };

  void act();
  void open_stream();
  void send_some();
  void monitor_somebody();
  /// `next`: who is monitored when the connection is lost.
  void monitor_name(const NodeLocalName& name, const Pid& holder, const Pid& next);
  void stop_monitoring();
  void link_somebody();
  void unlink_somebody();
  /// A message behind a signal, whose arrival tells the ledger that the signal came.
  void follow(const Pid& to);
  void register_name();
  void unregister_name();
  void look_up();
  void kill_somebody();
  void end(Term reason);
  [[nodiscard]] Term service_name();

  Self self_;
  Stage& stage_;
  Life life_;
  const std::size_t node_;
  Random random_;
  std::vector<Stream> streams_;
  std::map<Ref, std::pair<Monitor, Pid>> monitors_;
  /// Whom it has linked to.
  std::vector<Pid> links_;
  std::map<Term, Registration> registrations_;
  Instant next_act_;
  std::optional<Term> verdict_;
};

/// The body of an Actor's process.
Task<> run_actor(Self self, Stage* stage, std::size_t node, std::uint64_t seed, std::optional<Atom> name);

}  // namespace barrel::sim
