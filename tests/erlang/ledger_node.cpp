// A Barrel node of the ledger's cluster: processes that send numbered messages to those of all nodes, monitor
// them by pid or by name, link to them and let go of them, kill them and end, at random, and write down what
// they do and see (ledger_book.hpp). Does the same as ledger_node.erl.
//
//   ledger_node NAME BASE SEED EPMD_PORT DIRECTORY DIARY NODE...
//
// Prints `ready`; a line on standard input makes the processes only receive from then on.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "barrel/base/random.hpp"
#include "barrel/process/self.hpp"
#include "barrel/term/term_text.hpp"
#include "erlang/killed_node.hpp"

namespace {

using namespace barrel;

constexpr int actors_count = 4;
constexpr std::size_t peers_max = 6;
constexpr std::size_t large_bytes = 100'000;

struct Act {
  static constexpr std::string_view tag = "act";
};
struct Quiet {
  static constexpr std::string_view tag = "quiet";
};
struct Pick {
  static constexpr std::string_view tag = "pick";
  Pid from;
};
struct Picked {
  static constexpr std::string_view tag = "picked";
  Pid pid;
  std::int64_t number = 0;
};
struct Linking {
  static constexpr std::string_view tag = "linking";
  Pid pid;
  std::int64_t number = 0;
};
/// To oneself, behind an exit message that has come before the link was taken back.
struct Unlinked {
  static constexpr std::string_view tag = "unlinked";
  std::int64_t number = 0;
};
/// A process has its name now.
struct Named {
  static constexpr std::string_view tag = "named";
  Pid pid;
};
struct Note {
  static constexpr std::string_view tag = "note";
  std::int64_t from = 0;
  std::int64_t stream = 0;
  std::int64_t number = 0;
  std::string text;
};

/// What all processes of this node share.
struct Stage {
  std::int64_t base = 0;
  std::uint64_t seed = 0;
  int diary = -1;
  std::vector<NodeName> nodes;

  /// A line is written at once, so that what has happened is there when the node is killed.
  void write(std::int64_t number, const std::string& what) const {
    const std::string line = std::to_string(number) + " " + what + "\n";
    if (::write(diary, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }
};

std::string text(std::int64_t number) {
  return std::to_string(number);
}

/// What the process with that number is registered as on its node.
Atom name_of(std::int64_t number) {
  return Atom("actor_" + text(number));
}

class Actor {
 public:
  Actor(Self self, const Stage& stage, std::int64_t number)
      : self_(self),
        stage_(stage),
        number_(number),
        random_(stage.seed ^ static_cast<std::uint64_t>(number)) {}

  void on(const Act& act);
  void on(const Quiet&) {
    quiet_ = true;
    write("quiet");
  }
  void on(const Note& note) {
    write("got " + text(note.from) + " " + text(note.stream) + " " + text(note.number));
  }
  void on(const Picked& picked);
  void on(const Linking& linking) {
    write("linked " + text(linking.number));
    known_[linking.pid] = linking.number;
  }
  void on(const Unlinked& unlinked) { write("unlinked " + text(unlinked.number)); }
  void on(const Down& down);
  void on(const Exit& exit);
  void on(const Term& other) { write("strange " + to_string(other)); }
  /// The reason to end with, when it is time.
  [[nodiscard]] const std::optional<Term>& verdict() const { return verdict_; }

 private:
  struct Peer {
    Pid pid;
    std::int64_t number = 0;
    std::int64_t stream = 0;
    Monitor monitor;
    std::int64_t sent = 0;
  };

  void write(const std::string& what) const { stage_.write(number_, what); }
  void wait() { self_.send_after(std::chrono::milliseconds(random_.between(5, 24)), self_.pid(), Act{}); }
  template <class List>
  auto& any(List& list) {
    return list[random_.below(std::size(list))];
  }
  void ask();
  void send_some();
  void stop_monitoring();
  void kill_somebody();
  void unlink_somebody();
  [[nodiscard]] Monitor monitor(const Picked& picked);

  Self self_;
  const Stage& stage_;
  const std::int64_t number_;
  Random random_;
  std::vector<Peer> peers_;
  std::int64_t streams_ = 0;
  std::map<std::int64_t, bool> linked_;
  std::vector<Picked> links_;
  std::map<Pid, std::int64_t> known_;
  bool quiet_ = false;
  std::optional<Term> verdict_;
};

void Actor::on(const Act&) {
  if (quiet_) return;
  wait();
  const auto what = random_.between(1, 100);
  if (peers_.empty() && what <= 95) return ask();
  if (what <= 55) return send_some();
  if (what <= 85) return ask();
  if (what <= 92) return stop_monitoring();
  if (what <= 94) return kill_somebody();
  if (what <= 97 && !links_.empty()) return unlink_somebody();
  const Term reasons[] = {Atom("normal"), Atom("bored"), Term::tuple_of(Atom("error"), 42)};
  if (what >= 98) verdict_ = any(reasons);
}

void Actor::ask() {
  const Pick pick{self_.pid()};
  self_.send(NodeLocalName{Atom("ledger"), any(stage_.nodes)}, pick);
}

void Actor::on(const Picked& picked) {
  const bool known = picked.pid == self_.pid() || std::ranges::count(peers_, picked.pid, &Peer::pid) > 0;
  if (known || quiet_ || peers_.size() >= peers_max) return;
  peers_.push_back({picked.pid, picked.number, ++streams_, monitor(picked)});
  if (random_.below(3) != 0 || !linked_.emplace(picked.number, true).second) return;
  write("links " + text(picked.number));
  known_[picked.pid] = picked.number;
  const Linking linking{self_.pid(), number_};
  self_.send(picked.pid, linking);
  self_.link(picked.pid);
  links_.push_back(picked);
}

Monitor Actor::monitor(const Picked& picked) {
  const std::string what = "monitors " + text(picked.number) + " " + text(streams_);
  if (random_.below(4) != 0) {
    write(what);
    return self_.monitor(picked.pid);
  }
  write(what + " name");
  return self_.monitor(NodeLocalName{name_of(picked.number), picked.pid.node()});
}

void Actor::on(const Down& down) {
  const auto peer = std::ranges::find(peers_, down.ref, [](const Peer& p) { return p.monitor.ref(); });
  if (peer == peers_.end()) return write("strange DOWN");
  write("down " + text(peer->stream) + " " + to_string(down.reason));
  peers_.erase(peer);
}

void Actor::on(const Exit& exit) {
  const auto known = known_.find(exit.from);
  if (known == known_.end()) return write("stranger " + to_string(exit.reason));
  write("exit " + text(known->second) + " " + to_string(exit.reason));
}

void Actor::send_some() {
  Peer& peer = any(peers_);
  const std::size_t bytes = random_.below(40) == 0 ? large_bytes : 1 + random_.below(100);
  for (std::uint64_t count = 1 + random_.below(6); count > 0; --count) {
    const Note note{number_, peer.stream, ++peer.sent, std::string(bytes, 'x')};
    write("sends " + text(peer.number) + " " + text(note.stream) + " " + text(note.number));
    self_.send(peer.pid, note);
  }
}

void Actor::stop_monitoring() {
  const auto peer = peers_.begin() + static_cast<std::ptrdiff_t>(random_.below(peers_.size()));
  peer->monitor.reset();
  write("demonitors " + text(peer->stream));
  peers_.erase(peer);
}

void Actor::kill_somebody() {
  const Peer& peer = any(peers_);
  write("kills " + text(peer.number));
  self_.kill(peer.pid);
}

void Actor::unlink_somebody() {
  const auto link = links_.begin() + static_cast<std::ptrdiff_t>(random_.below(links_.size()));
  write("unlinks " + text(link->number));
  self_.unlink(link->pid);
  const Unlinked unlinked{link->number};
  self_.send(self_.pid(), unlinked);
  links_.erase(link);
}

Task<> act(Self self, const Stage* stage, Pid keeper, std::int64_t number) {
  self.trap_exits(true);
  if (auto named = self.register_name(name_of(number)); !named) exit(named.error().reason);
  self.send(keeper, Named{self.pid()});
  Actor actor(self, *stage, number);
  while (!actor.verdict()) {
    auto message = co_await self.receive<Note, Act, Picked, Linking, Unlinked, Down, Exit, Quiet, Term>();
    std::visit([&](const auto& what) { actor.on(what); }, message);
  }
  exit(*actor.verdict());
}

/// Starts the processes, and tells others of them.
class Keeper {
 public:
  Keeper(Self self, const Stage& stage) : self_(self), stage_(stage), random_(stage.seed), last_(stage.base) {
    for (int i = 0; i < actors_count; ++i) start_one();
  }

  void on(const Pick& pick) {
    if (actors_.empty()) return;
    const auto& actor = actors_[random_.below(actors_.size())];
    if (!actor.has_name) return;
    const Picked picked{actor.pid, actor.number};
    self_.send(pick.from, picked);
  }
  void on(const Named& named) {
    const auto actor = std::ranges::find(actors_, named.pid, &Resident::pid);
    if (actor != actors_.end()) actor->has_name = true;
  }
  void on(const Down& down) {
    const auto actor = std::ranges::find(actors_, down.pid, &Resident::pid);
    if (actor == actors_.end()) return;
    stage_.write(actor->number, "dead " + to_string(down.reason));
    actors_.erase(actor);
    if (!quiet_) start_one();
  }
  void on(const Quiet&) {
    quiet_ = true;
    for (const Resident& actor : actors_) self_.send(actor.pid, Quiet{});
  }

 private:
  struct Resident {
    Pid pid;
    std::int64_t number = 0;
    Monitor monitor;
    bool has_name = false;
  };

  void start_one() {
    const std::int64_t number = ++last_;
    stage_.write(number, "born");
    const Pid pid = self_.spawn(act, &stage_, self_.pid(), number);
    actors_.push_back({pid, number, self_.monitor(pid)});
    self_.send(pid, Act{});  // the first: none ends before it is monitored
  }

  Self self_;
  const Stage& stage_;
  Random random_;
  std::int64_t last_;
  std::vector<Resident> actors_;
  bool quiet_ = false;
};

Task<> keep(Self self, const Stage* stage) {
  if (auto registered = self.register_name("ledger"); !registered) exit(registered.error().reason);
  Keeper keeper(self, *stage);
  for (;;) {
    auto message = co_await self.receive<Pick, Named, Down, Quiet>();
    std::visit([&](const auto& what) { keeper.on(what); }, message);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) return 2;
  Stage stage;
  stage.base = std::stoll(argv[2]);
  stage.seed = std::stoull(argv[3]);
  stage.diary = ::open(argv[6], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  for (int i = 7; i < argc; ++i) stage.nodes.emplace_back(Atom(argv[i]));
  Pid keeper;
  return test::run_killed_node(
      test::killed_node_config(argv[1], argv[5], argv[4]),
      [&](Node& node) {
        keeper = node.spawn(keep, &stage);
        return true;
      },
      [&](Node& node) { return bool(node.send(keeper, Quiet{})); });
}
