#pragma once

#include <algorithm>
#include <cstdint>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace barrel::test {

/// The diaries of all processes of a cluster, held against what Erlang and Barrel promise:
///   - messages of a stream arrive once, in order and without a gap while the connection lives;
///   - a monitor or link fires exactly once, with the right reason, when its target ended or the connection
///     was lost, and after the target's last message; never otherwise, nor after the link was taken back;
///   - `noproc` is no reason when the target has got a message that was sent after the monitor or link;
///   - a connection that was lost takes all monitors with it that are older than one that it took.
///
/// A stream is what one process sends to another while it monitors it. Processes have numbers, not pids:
/// node * 1,000,000,000 + the node's incarnation * 1,000,000 + a running number. A diary is a file of lines
/// `PROCESS VERB ...`; each process's are in order, those of a process are in one diary:
///
///   P born                 P sends TO STREAM NUMBER      P links TO           P kills TO
///   P dead REASON          P got FROM STREAM NUMBER      P linked FROM        P quiet
///   P monitors TO STREAM   P down STREAM REASON          P exit FROM REASON   P strange TEXT
///   P demonitors STREAM    P stranger REASON                P unlinks TO, then P unlinked TO
///
/// `linked` says that another process has announced its link, `stranger` is an exit signal of a process that
/// has announced none, `quiet` the point after which a process only receives. `monitors` ends with `name`
/// when the monitor is by name. `unlinks` is written before the link is taken back, `unlinked` when all is
/// read that had come until then. Nobody links to another a second time.
class LedgerBook {
 public:
  using Process = std::int64_t;
  /// A node's incarnation.
  using Life = std::int64_t;
  [[nodiscard]] static Life life_of(Process process) { return process / 1'000'000; }
  [[nodiscard]] static std::int64_t node_of(Process process) { return process / 1'000'000'000; }

  /// What was seen from one node of another.
  struct Count {
    std::uint64_t messages = 0;
    std::uint64_t downs = 0;
    std::uint64_t exits = 0;
    std::uint64_t lost = 0;   ///< Of these, noconnection.
    std::uint64_t named = 0;  ///< DOWN of monitors by name.
    std::uint64_t unlinks = 0;
  };

  /// The node ended without a word: its diaries may lack their end.
  void killed(Life life) { killed_.insert(life); }
  /// The connection between the two was cut.
  void cut(Life one, Life other) { cuts_.insert(std::minmax(one, other)); }
  void read(std::istream& diary);

  /// What is wrong, or must have happened by now and has not.
  [[nodiscard]] std::vector<std::string> faults();
  /// By watching and watched node; after faults().
  [[nodiscard]] const std::map<std::pair<std::int64_t, std::int64_t>, Count>& counts() const {
    return counts_;
  }

 private:
  struct Entry {
    std::string verb;
    std::vector<std::string> words;
    [[nodiscard]] std::int64_t number(std::size_t index) const { return std::stoll(words.at(index)); }
    [[nodiscard]] const std::string& text(std::size_t index) const { return words.at(index); }
  };
  struct Stream {
    Process to = 0;
    std::int64_t sent = 0;
    std::int64_t got = 0;
  };
  using StreamKey = std::pair<Process, std::int64_t>;  // sender, and its number
  struct Watch {
    Process target = 0;
    int fired = 0;
    bool stopped = false;
    bool by_name = false;
    std::size_t order = 0;  ///< Of the process's monitors.
  };
  struct Link {
    bool own = false;
    bool announced = false;
    bool unlinked = false;
    int fired = 0;
  };
  /// What the judge knows of the process whose diary is read.
  struct Reader {
    Process self = 0;
    std::map<std::int64_t, Watch> watches;
    std::map<Process, Link> links;
    std::set<Process> told_dead;
    /// Of the monitors that were lost with a connection to that life, the one that was set last.
    std::map<Life, std::size_t> last_lost;
    /// The first message to whom after the link: stream and number.
    std::map<Process, std::pair<std::int64_t, std::int64_t>> sent_after_link;
    bool quiet = false;
  };

  void collect();
  void judge(Process process, const std::vector<Entry>& entries);
  void judge_entry(Reader& reader, const Entry& entry);
  void judge_message(const Reader& reader, const Entry& entry);
  void judge_down(Reader& reader, const Entry& entry);
  void judge_exit(Reader& reader, const Entry& entry);
  /// `seen_alive`: the target had got what was sent to it after the monitor or link.
  void judge_end(Reader& reader, Process target, const std::string& reason, const std::string& what,
                 bool seen_alive);
  void find_missing(const Reader& reader);
  void find_incomplete_streams();

  [[nodiscard]] bool was_cut(Process one, Process other) const;
  /// Whether `to` has got that message, on a connection that was not cut.
  [[nodiscard]] bool has_got(Process to, StreamKey stream, std::int64_t number) const;
  [[nodiscard]] bool may_be_unlinked(Process process, Process other, const Link& link) const;
  [[nodiscard]] bool has_cuts(Process process) const;
  [[nodiscard]] bool node_killed(Process process) const { return killed_.contains(life_of(process)); }
  [[nodiscard]] bool dead(Process process) const { return dead_.contains(process) || node_killed(process); }
  /// How many messages a killed process may not have come to send although its diary has them.
  [[nodiscard]] std::int64_t unsure(Process process) const { return kill_targets_.contains(process) ? 1 : 0; }
  void fault(std::string text) { faults_.push_back(std::move(text)); }

  std::set<Life> killed_;
  std::set<std::pair<Life, Life>> cuts_;
  std::map<Process, std::vector<Entry>> diaries_;
  std::map<Process, std::string> dead_;
  std::set<Process> kill_targets_;
  std::set<std::pair<Process, Process>> links_;     // by and to whom
  std::set<std::pair<Process, Process>> unlinks_;   // by and of whom
  std::set<std::pair<Process, Process>> unlinked_;  // the same, and done
  std::map<StreamKey, Stream> streams_;
  std::map<std::pair<Process, StreamKey>, std::int64_t> got_;  // the last number, by whom
  std::map<std::pair<std::int64_t, std::int64_t>, Count> counts_;
  std::vector<std::string> faults_;
};

}  // namespace barrel::test
