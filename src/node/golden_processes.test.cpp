// What one Erlang node asked the processes of another, replayed to processes that do what those did: our
// frames are theirs byte by byte, but for the numbers of our processes.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "barrel/base/overloaded.hpp"
#include "barrel/process/exit.hpp"
#include "barrel/process/functions.hpp"
#include "barrel/process/runtime.hpp"
#include "dist/frame_reader.hpp"
#include "node/test_golden_node.hpp"

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

/// The capture's server: {From, What} comes back as {self(), What}, a call of What is answered {echoed, What,
/// From}.
Task<> spec_echo(Self self) {
  if (auto registered = self.register_name("spec_echo"); !registered) exit(registered.error().reason);
  for (;;) {
    const Term message = co_await self.receive<Term>();
    const auto parts = message.elements();
    if (message.is_tagged("$gen_call", 3)) {
      const auto from = parts[1].elements();
      const Term reply = Term::tuple_of(from[1], Term::tuple_of(Atom("echoed"), parts[2], from[0]));
      self.send(*from[1].tail().as_ref(), reply);  // to [alias | Ref]
    } else {
      const Term reply = Term::tuple_of(self.pid(), parts[1]);
      self.send(*parts[0].as_pid(), reply);
    }
  }
}

NodeName node_function(Self self) {
  return self.runtime().node_name();
}
void exit_function(Term reason) {
  exit(std::move(reason));
}
/// And tells `slept` whom it prints to.
Task<Atom> sleep_function(Self self, std::int64_t milliseconds) {
  co_await self.sleep(std::chrono::milliseconds(milliseconds));
  self.send(local("slept"), Term(self.group_leader()));
  co_return Atom("ok");
}
Task<> record(Self self, std::vector<Pid>* leaders) {
  if (auto registered = self.register_name("slept"); !registered) exit(registered.error().reason);
  for (;;) {
    const Pid leader = co_await self.receive<Pid>();
    leaders->push_back(leader);
  }
}

/// Frames as text, with the processes of n1 numbered in the order in which they appear.
class Frames {
 public:
  void add(std::string hex) {
    // NEW_PID_EXT, and the node's name as a SMALL_ATOM_UTF8_EXT; then number, serial and creation.
    const std::string begins = "58770c" + to_hex(Bytes(n1.text().begin(), n1.text().end()));
    constexpr std::size_t digits = 24;
    for (std::size_t at = hex.find(begins); at != std::string::npos; at = hex.find(begins, at)) {
      const std::string pid = hex.substr(at + begins.size(), digits);
      const auto number = numbers_.try_emplace(pid, numbers_.size() + 1).first->second;
      hex.replace(at, begins.size() + digits, "<" + std::to_string(number) + ">");
    }
    texts_.push_back(std::move(hex));
  }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> texts_;
};

/// n1's processes and router: what they answer, as frames of the connection to n2.
class GoldenProcesses : public GoldenNode {
 protected:
  GoldenProcesses() : GoldenNode(n1, n2) {
    runtime_.functions().expose("erlang", "node", node_function);
    runtime_.functions().expose("erlang", "exit", exit_function);
    runtime_.functions().expose("timer", "sleep", sleep_function);
    ours_[captured_echo] = runtime_.spawn(&spec_echo);
    (void)runtime_.spawn(&record, &leaders_);
    (void)take_frames();
  }

  /// What has to be sent now. A process that a reply tells of is known by `captured_number` from then on.
  std::vector<std::string> take_frames(std::optional<std::uint32_t> captured_number = {}) {
    while (runtime_.run_until_idle()) {}
    std::vector<std::string> frames;
    dist::FrameReader reader(1 << 20);
    for (const SharedBytes& slice :
         channels_.find(n2.atom())->outbound.take(dist::Lane::messages, SIZE_MAX)) {
      reader.feed(slice.view());
      while (reader.next() == dist::FrameReader::Step::frame) {
        frames.push_back(to_hex(reader.frame()));
        const auto message = n2_reads_.read(reader.frame());
        const auto* started = std::get_if<dist::SpawnReply>(&(*message)->control);
        if (started != nullptr && captured_number) ours_[*captured_number] = *started->result.as_pid();
      }
    }
    return frames;
  }

  /// Brings a captured message to whom it was for; false when that was no process of those played here.
  bool play(const Captured& captured) {
    const SharedBytes payload{Bytes(captured.bytes)};
    const auto signal = [&](RemoteSignal::Op op, const Pid& from, const dist::Target& to) {
      RemoteSignal made;
      made.op = op;
      made.from = from;
      made.to_node = n1;
      if (const auto* name = std::get_if<Atom>(&to)) made.name = *name;
      else made.to = our_pid(std::get<Pid>(to));
      return made;
    };
    const auto deliver = [&](const RemoteSignal& made) {
      if (made.name && !is_played(*made.name)) return false;
      runtime_.deliver_signal(made, payload, context_);
      return true;
    };
    return std::visit(
        overloaded{[&](const dist::SendName& send) {
                     if (!is_played(send.to)) return false;
                     runtime_.deliver_encoded(NodeLocalName{send.to, n1}, payload, context_);
                     return true;
                   },
                   [&](const dist::Send& send) {
                     if (!ours_.contains(send.to.id)) return false;
                     runtime_.deliver_encoded(our_pid(send.to), payload, context_);
                     return true;
                   },
                   [&](const dist::Monitor& monitor) {
                     RemoteSignal made = signal(RemoteSignal::Op::monitor, monitor.from, monitor.to);
                     made.ref = monitor.ref;
                     return deliver(made);
                   },
                   [&](const dist::MonitorNobody& monitor) {
                     if (!monitor.name.is_atom("nosuchname")) return false;
                     router_.refuse_monitor(n2, {monitor.name, monitor.from, monitor.ref});
                     return true;
                   },
                   [&](const dist::Demonitor& demonitor) {
                     RemoteSignal made = signal(RemoteSignal::Op::demonitor, demonitor.from, demonitor.to);
                     made.ref = demonitor.ref;
                     return deliver(made);
                   },
                   [&](const dist::Link& link) {
                     return deliver(signal(RemoteSignal::Op::link, link.from, link.to));
                   },
                   [&](const dist::Unlink& unlink) {
                     RemoteSignal made = signal(RemoteSignal::Op::unlink, unlink.from, unlink.to);
                     made.id = unlink.id;
                     return deliver(made);
                   },
                   [&](const dist::Exit& exit) {
                     return deliver(signal(RemoteSignal::Op::exit2, exit.from, exit.to));
                   },
                   [&](const dist::GroupLeader& leader) {
                     return deliver(signal(RemoteSignal::Op::group_leader, leader.leader, leader.to));
                   },
                   [&](const dist::SpawnRequest& request) {
                     const RemoteSpawn spawn{request.group_leader, request.function, request.options, {}};
                     runtime_.deliver_spawn(request.from, request.id, spawn, payload, context_);
                     return true;
                   },
                   [](const auto&) { return false; }},
        captured.control);
  }

  /// Whether n1 sent it for one of the processes played here.
  static bool is_answer(const dist::Control& control) {
    if (const auto* send = std::get_if<dist::Send>(&control)) return send->from.id == captured_echo;
    if (const auto* send = std::get_if<dist::SendAlias>(&control)) return send->from.id == captured_echo;
    return std::holds_alternative<dist::MonitorDown>(control) ||
           std::holds_alternative<dist::SpawnReply>(control) ||
           std::holds_alternative<dist::ExitLinked>(control) ||
           std::holds_alternative<dist::UnlinkAck>(control);
  }
  static bool is_played(Atom name) { return name == Atom("spec_echo") || name == Atom("nosuchname"); }
  [[nodiscard]] Pid our_pid(const Pid& captured) const {
    const auto found = ours_.find(captured.id);
    return found == ours_.end() ? captured : found->second;
  }

  /// Its number in the capture.
  static constexpr std::uint32_t captured_echo = 160;

  std::vector<Pid> leaders_;
  dist::MessageReader n2_reads_{dist::Envelope::header, dist::MessageParser(n2, n1), {}, metrics_};
  std::map<std::uint32_t, Pid> ours_;
};

TEST_F(GoldenProcesses, AnswerAsTheOriginalsByteByByte) {
  const auto messages = captured_messages(BARREL_DIST_TESTDATA "/captured_messages.txt");
  Frames expected;
  std::vector<std::uint32_t> started;
  for (const Captured& captured : messages) {
    if (captured.from_n2 || !is_answer(captured.control)) continue;
    expected.add(to_hex(captured.frame));
    if (const auto* reply = std::get_if<dist::SpawnReply>(&captured.control))
      started.push_back(reply->result.as_pid()->id);
  }
  Frames sent;
  std::size_t played = 0;
  auto next_started = started.begin();
  for (const Captured& captured : messages) {
    if (!captured.from_n2 || !play(captured)) continue;
    ++played;
    std::optional<std::uint32_t> number;
    if (std::holds_alternative<dist::SpawnRequest>(captured.control)) number = *next_started++;
    for (std::string& frame : take_frames(number)) sent.add(std::move(frame));
    clock_.advance(250ms);  // those who sleep for less end
    for (std::string& frame : take_frames()) sent.add(std::move(frame));
  }
  EXPECT_EQ(played, 22U);
  EXPECT_EQ(expected.texts().size(), 17U);
  EXPECT_EQ(sent.texts(), expected.texts());
  clock_.advance(30s);
  EXPECT_TRUE(take_frames().empty());
  // Who was killed has not slept to its end, and who slept last has another group leader.
  const Pid at_first{n2.atom(), 77, 0, 4};
  const Pid at_last{n2.atom(), 10, 0, 4};
  EXPECT_EQ(leaders_, (std::vector<Pid>{at_first, at_first, at_last}));
  // All monitors and links with the server were taken back.
  runtime_.exit(ours_.at(captured_echo), kill());
  EXPECT_TRUE(take_frames().empty());
}

}  // namespace
}  // namespace barrel::node
