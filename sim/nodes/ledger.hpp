#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barrel/process/address.hpp"
#include "barrel/process/events.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/term.hpp"
#include "sim/nodes/faults.hpp"
#include "sim/nodes/note.hpp"

namespace barrel::sim {

/// What the processes of a run did and saw, written down as it happens, and held against what Barrel
/// promises:
///   - messages of a pair arrive once, in order, unchanged, and without a gap while the connection lives; in
///     order also among the pair's streams, to pid and to name;
///   - a monitor or link fires exactly once, when its target ended or the connection was lost, and after the
///     target's last message; never otherwise. A monitor by name is that of the name's holder, of a later
///     holder when the first one ended before the monitor came, or of nobody in between. A link binds the
///     process that was linked to as soon as the link has come to it.
/// A connection's incarnations are counted per node by what its cluster thread reports (lost()): a message is
/// stamped with the number at its sending, a monitor with that at its making.
class Ledger {
 public:
  explicit Ledger(Faults& faults) : faults_(faults) {}

  // -- connections
  /// `node` lost its connection to `peer`, or could not make one.
  void lost(std::size_t node, std::size_t peer) { ++losses_[{node, peer}]; }
  [[nodiscard]] std::uint64_t losses(std::size_t node, std::size_t peer) const;

  // -- processes
  void started(const Pid& pid, std::size_t node);
  /// The process is about to end of itself.
  void ending(const Pid& pid, const Term& reason) { actors_.at(pid).announced = reason; }
  void ended(const Pid& pid, const Term& reason);
  /// All processes of a node ended without a word.
  void crashed(std::size_t node);
  [[nodiscard]] bool alive(const Pid& pid) const;
  [[nodiscard]] const std::vector<Pid>& alive_on(std::size_t node) const;
  [[nodiscard]] std::size_t actors() const { return actors_.size(); }

  // -- messages
  /// `name`: when set the messages go to it on the node of `to`, else to the pid.
  [[nodiscard]] std::int64_t open_stream(const Pid& from, const Pid& to, std::optional<Atom> name);
  /// The next message, with so many bytes of text; 0: few, another number each time.
  [[nodiscard]] Note sent(std::int64_t stream, std::size_t bytes);
  void received(const Pid& by, const Note& note);
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  // -- monitors
  /// `name`: when set that is monitored, and `target` holds it.
  void monitors(const Pid& watcher, const Ref& ref, const Pid& target, std::optional<Atom> name);
  void stops_monitoring(const Ref& ref) { watches_.erase(ref); }
  void down(const Pid& watcher, const Down& down);
  [[nodiscard]] std::uint64_t downs() const { return downs_; }

  // -- links; a pair is linked once in its life, by the one process
  /// False when the pair was linked before.
  [[nodiscard]] bool links(const Pid& from, const Pid& to);
  /// By the one that had linked.
  void unlinks(const Pid& from, const Pid& to);
  void exit(const Pid& at, const Exit& exit);

  // -- local names
  void takes_name(const Pid& pid, Atom name) { holders_[{pid.node(), name}].push_back({pid, ++order_}); }
  [[nodiscard]] std::optional<Pid> holder(NodeName node, Atom name) const;

  /// What must have happened by now and has not.
  [[nodiscard]] std::vector<std::string> missing() const;

 private:
  struct Actor {
    std::size_t node = 0;
    bool alive = true;
    bool crashed = false;  ///< Nobody could be told.
    Term reason;
    std::optional<Term> announced;
    /// Its node's losses when it ended, by peer.
    std::map<std::size_t, std::uint64_t> losses;
  };
  struct Sent {
    /// The connection's incarnation.
    std::uint64_t epoch = 0;
    std::size_t bytes = 0;
    /// Among all messages, monitors and links of the run.
    std::uint64_t order = 0;
  };
  struct Stream {
    Pid from;
    /// With a name: who holds it, to whom the messages come for as long as it lives.
    Pid to;
    std::optional<Atom> name;
    std::vector<Sent> sent;
    /// The number of the last message that each receiver got.
    std::map<Pid, std::int64_t> last;
  };
  struct Watch {
    Pid watcher;
    /// With a name: who held it when it was monitored.
    Pid target;
    std::optional<Atom> name;
    std::uint64_t losses = 0;
    std::uint64_t order = 0;
    /// A message to the name that `watcher` sent later, on the same connection, has come to `target`: so had
    /// the monitor.
    bool arrived = false;
    bool fired = false;
  };
  struct Holding {
    Pid pid;
    std::uint64_t since = 0;
  };
  struct Link {
    Pid from;
    Pid to;
    std::uint64_t losses = 0;
    std::uint64_t losses_back = 0;
    std::uint64_t order = 0;
    /// Set when something came to `to` that `from` had sent after the link, on the same connection: so the
    /// link had come, too. The losses of `to` then.
    std::optional<std::uint64_t> arrived;
    /// The order of the unlink, and the losses then.
    std::optional<std::uint64_t> unlinked;
    std::uint64_t unlink_losses = 0;
    /// As `arrived`, of the unlink.
    bool unlink_arrived = false;
    bool fired_from = false;
    bool fired_to = false;
  };

  [[nodiscard]] std::size_t node_of(const Pid& pid) const { return actors_.at(pid).node; }
  [[nodiscard]] std::uint64_t losses_between(const Pid& from, const Pid& to) const;
  /// Whether `why` can be what the watcher hears of the name's holders.
  void check_name_reason(const std::string& what, const Watch& watch, const Term& why);
  /// Who has taken the name after it was monitored and can be whom the monitor came to.
  [[nodiscard]] std::vector<Pid> later_holders(const Watch& watch) const;
  /// Whether `why` can be what `watcher` hears of `target`, to which it has been connected since `since`.
  void check_reason(const std::string& what, const Pid& watcher, const Pid& target, const Term& why,
                    std::uint64_t since);
  /// Whether the message is what was sent, to whom it was sent, and neither too early nor too late.
  void check_message(const Pid& by, const Note& note, const Stream& stream, std::int64_t last);
  /// Whether nothing that the sender sent later has come before.
  void check_order(const std::string& what, const Pid& by, const Pid& from, std::uint64_t order);
  /// All that `target` sent over its last connection must have come by now.
  void check_last_messages(const Pid& watcher, const Pid& target);
  /// What `from` sent to a name has come to its holder; so has a monitor of that name that it had made
  /// before.
  void note_arrival_of_monitors(const Stream& stream, const Pid& to, const Sent& sent);
  /// What `from` sent has come to `to`; so has a link that it had made or taken back before.
  void note_arrival_of_link(const Pid& from, const Pid& to, const Sent& sent);
  [[nodiscard]] std::optional<std::string> unfired(const Watch& watch) const;
  /// Whether an exit signal with that reason may come to one side of a link that was taken back.
  void check_unlinked(const std::string& what, const Link& link, bool is_from, const Term& why);
  void missing_of(const Link& link, std::vector<std::string>& out) const;
  [[nodiscard]] bool is_complete(const Stream& stream) const;
  [[nodiscard]] static std::string text(const Pid& pid);

  Faults& faults_;
  std::map<Pid, Actor> actors_;
  std::map<std::size_t, std::vector<Pid>> living_;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> losses_;
  std::vector<Stream> streams_;
  std::map<std::pair<Pid, Pid>, std::vector<std::size_t>> streams_of_;
  std::map<Ref, Watch> watches_;
  std::map<std::pair<Pid, Pid>, Link> links_;
  /// Watcher and the name's holder.
  std::map<std::pair<Pid, Pid>, std::vector<Ref>> watches_by_name_;
  /// In the order of taking.
  std::map<std::pair<NodeName, Atom>, std::vector<Holding>> holders_;
  /// By receiver and sender: the latest message that came.
  std::map<std::pair<Pid, Pid>, std::uint64_t> last_orders_;
  /// Receiver and sender, of whose end the receiver was told.
  std::set<std::pair<Pid, Pid>> told_dead_;
  std::uint64_t order_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t downs_ = 0;
};

}  // namespace barrel::sim
