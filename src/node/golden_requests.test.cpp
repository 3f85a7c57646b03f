// What one Erlang node asked of another, asked by a process of ours: our frames are its frames byte by byte,
// but for the numbers of processes and references; and what the other one answered, with our numbers, is what
// our process hears.
#include <algorithm>
#include <chrono>
#include <map>
#include <span>

#include "barrel/process/runtime.hpp"
#include "dist/frame_reader.hpp"
#include "node/test_golden_node.hpp"

namespace barrel::node {
namespace {

using namespace std::chrono_literals;

struct ByName {
  static constexpr std::string_view tag = "is_auth";
  NodeName who;
  using Reply = Atom;
};

/// What the captured process did, in its order; gives what it heard, as text.
Task<> requester(Self self, std::vector<std::string>* heard) {
  const auto hear = [heard](const Term& what) { heard->push_back(to_string(what)); };
  const Pid leader{n2.atom(), 77, 0, 4};
  const Pid own = self.pid();
  self.set_group_leader(leader, own);
  const NodeLocalName name{"spec_echo", n1};
  self.send(name, Term::tuple_of(own, Atom("hello")));
  const Term hello = co_await self.receive<Term>();
  const Pid server = *hello.elements()[0].as_pid();
  hear(hello.elements()[1]);
  self.send(server, Term::tuple_of(own, Atom("hi")));
  const Term hi = co_await self.receive<Term>();
  hear(hi.elements()[1]);

  const auto by_name = co_await self.call<Term>(name, Atom("req"));
  hear(by_name->elements()[1]);
  const auto by_pid = co_await self.call<Term>(server, Atom("req2"));
  hear(by_pid->elements()[1]);

  const NodeLocalName bridge{"barrel_p2p_bridge", n1};
  self.cast(bridge, Atom("foo"));

  const NodeLocalName nobody{"nosuchname", n1};
  const Monitor of_nobody = self.monitor(nobody);
  const Down down = co_await self.receive<Down>();
  EXPECT_EQ(down.ref, of_nobody.ref());
  hear(down.reason);
  Monitor taken_back = self.monitor(server);
  taken_back.reset();
  self.link(server);
  self.unlink(server);

  for (int i = 0; i < 2; ++i) {
    const auto node = co_await self.rpc<Term>(n1, "erlang", "node");
    hear(*node);
  }
  const NodeLocalName kernel{"net_kernel", n1};
  const ByName is_auth{n2};
  const auto yes = co_await self.call(kernel, is_auth);
  hear(Term(*yes));

  const auto sleeper = co_await self.spawn_on(n1, "timer", "sleep", 200);
  hear(Term(*sleeper));
  self.trap_exits(true);
  const auto linked = co_await self.spawn_link_on(n1, "timer", "sleep", 100);
  const Exit exit = co_await self.receive<Exit>();
  EXPECT_EQ(exit.from, *linked);
  hear(exit.reason);
  const auto watched = co_await self.spawn_monitor_on(n1, "erlang", "exit", Atom("boom"));
  const Down boom = co_await self.receive<Down>();
  EXPECT_EQ(boom.ref, watched->monitor.ref());
  hear(boom.reason);
  const auto killed = co_await self.spawn_on(n1, "timer", "sleep", 20000);
  self.kill(*killed);
  const auto led = co_await self.spawn_on(n1, "timer", "sleep", 2000);
  self.set_group_leader(own, *led);
  hear(Term(*led));
  const Term stray = co_await self.receive<Term>();
  hear(stray);
}

/// The pids and references of n2 in the order in which they appear in its frames.
class Numbers {
 public:
  /// The frame with the numbers in their places.
  std::string number(std::string hex) {
    for (std::size_t at = 0; at < hex.size(); at += 2) {
      const std::size_t digits = digits_at(hex, at);
      if (digits == 0) continue;
      const std::string found = hex.substr(at, digits);
      std::string name = "<" + std::to_string(number_of(found)) + ">";
      if (name.size() % 2 != 0) name += " ";
      hex.replace(at, digits, name);
      at += name.size() - 2;
    }
    return hex;
  }
  /// From now on these two are one.
  void unite(const Ref& one, const Ref& other) {
    numbers_[to_hex(encode_etf(Term(other))).substr(2)] = number_of(to_hex(encode_etf(Term(one))).substr(2));
  }
  /// The frame with `others` in place of these, number for number.
  [[nodiscard]] std::string exchanged(std::string hex, const Numbers& others) const {
    for (std::size_t at = 0; at < hex.size(); at += 2) {
      const std::size_t digits = digits_at(hex, at);
      const auto known = numbers_.find(hex.substr(at, digits));
      if (digits == 0 || known == numbers_.end()) continue;
      const std::string& other = others.first_.at(known->second);
      hex.replace(at, digits, other);
      at += other.size() - 2;
    }
    return hex;
  }

 private:
  /// Of a pid or reference of n2 that begins there; 0: none does. Group leaders keep their number.
  static std::size_t digits_at(const std::string& hex, std::size_t at) {
    static const std::string node = "770c" + to_hex(Bytes(n2.text().begin(), n2.text().end()));
    constexpr std::size_t pid_digits = 24;
    const std::string_view rest = std::string_view(hex).substr(at);
    if (rest.starts_with("58" + node)) {
      const std::size_t digits = 2 + node.size() + pid_digits;
      return rest.substr(2 + node.size(), 8) == "0000004d" ? 0 : digits;
    }
    if (!rest.starts_with("5a") || rest.size() < 6 + node.size() || rest.substr(6, node.size()) != node)
      return 0;
    const std::size_t words = std::stoul(std::string(rest.substr(2, 4)), nullptr, 16);
    return 6 + node.size() + 8 * (1 + words);
  }

  std::size_t number_of(const std::string& found) {
    const auto [known, is_new] = numbers_.try_emplace(found, first_.size());
    if (is_new) first_.push_back(found);
    return known->second;
  }

  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> first_;  // of each number
};

constexpr std::size_t unlink_id_at = 16;  // in digits: 83 44 00, 68 04, 61 23, 61

/// n2's process and router, and what n1 answered it.
class GoldenRequests : public GoldenNode {
 protected:
  GoldenRequests() : GoldenNode(n2, n1) {
    (void)Atom("barrel_p2p_router");  // a name that is not known is not read
  }

  /// A process that waits for an answer takes its request back when it ends.
  void TearDown() override {
    runtime_.exit(requester_, kill());
    while (runtime_.run_until_idle()) {}
  }

  /// What has to be sent now.
  void take_frames() {
    while (runtime_.run_until_idle()) {}
    dist::FrameReader reader(1 << 20);
    for (const SharedBytes& slice :
         channels_.find(n1.atom())->outbound.take(dist::Lane::messages, SIZE_MAX)) {
      reader.feed(slice.view());
      while (reader.next() == dist::FrameReader::Step::frame) {
        std::string frame = to_hex(reader.frame());
        // Erlang counts these in another way.
        if (frame.starts_with("834400680461236")) unlink_id_ = std::exchange(frame[unlink_id_at + 1], '4');
        sent_.push_back(ours_.number(frame));
      }
    }
  }
  [[nodiscard]] Bytes for_us(const Captured& captured) const {
    std::string hex = theirs_.exchanged(to_hex(captured.frame), ours_);
    if (std::holds_alternative<dist::UnlinkAck>(captured.control)) hex[unlink_id_at + 1] = unlink_id_;
    return from_hex(hex).value();
  }
  /// Brings what n1 answered to our process, as the dispatcher does; gives what it was.
  std::string hear(const Captured& captured) {
    const Bytes frame = for_us(captured);
    const auto message = reader_.read(frame);
    if (!message || !*message) return "malformed";
    const BytesView bytes = (*message)->payload.bytes;
    const SharedBytes payload{Bytes(bytes.begin(), bytes.end())};
    const dist::Control& control = (*message)->control;
    RemoteSignal signal;
    signal.from = Pid{n1.atom(), 0, 0, 0};
    if (const auto* send = std::get_if<dist::Send>(&control)) {
      runtime_.deliver_encoded(send->to, payload, context_);
      return "Send";
    }
    if (const auto* send = std::get_if<dist::SendAlias>(&control)) {
      runtime_.deliver_encoded(send->to, payload, context_);
      return "SendAlias";
    }
    if (const auto* down = std::get_if<dist::MonitorDown>(&control)) {
      signal.op = RemoteSignal::Op::down;
      if (const auto* name = std::get_if<Atom>(&down->from)) signal.name = *name;
      else signal.from = std::get<Pid>(down->from);
      signal.to = down->to;
      signal.ref = down->ref;
      runtime_.deliver_signal(signal, payload, context_);
      return "MonitorDown";
    }
    if (const auto* exit = std::get_if<dist::ExitLinked>(&control)) {
      signal.op = RemoteSignal::Op::exit;
      signal.from = exit->from;
      signal.to = exit->to;
      runtime_.deliver_signal(signal, payload, context_);
      return "ExitLinked";
    }
    return hear_without_payload(control, signal);
  }
  std::string hear_without_payload(const dist::Control& control, RemoteSignal signal) {
    if (const auto* reply = std::get_if<dist::SpawnReply>(&control)) {
      signal.op = RemoteSignal::Op::spawn_reply;
      signal.to = reply->to;
      signal.ref = reply->id;
      signal.id = reply->flags;
      signal.reason = reply->result;
      runtime_.deliver_signal(signal);
      return "SpawnReply";
    }
    const auto* ack = std::get_if<dist::UnlinkAck>(&control);
    if (ack == nullptr) return "something else";
    signal.op = RemoteSignal::Op::unlink_ack;
    signal.from = ack->from;
    signal.to = ack->to;
    signal.id = ack->id;
    runtime_.deliver_signal(signal);
    return "UnlinkAck";
  }

  /// Whether the captured process sent it, to what is not of the overlay.
  static bool is_request(const Captured& captured) {
    if (!captured.from_n2) return false;
    return to_hex(captured.frame).find(requester_hex) != std::string::npos &&
           !is_of_overlay(captured.control);
  }
  /// The look-ups of names, which our processes leave to the overlay.
  static bool is_of_overlay(const dist::Control& control) {
    const auto* named = std::get_if<dist::SendName>(&control);
    return named != nullptr && named->to == Atom("barrel_p2p_router");
  }
  /// Whether n1 answered the captured process with it. The router's answers belong to the overlay.
  static bool is_answer(const Captured& captured) {
    if (captured.from_n2) return false;
    // Of spec_echo and net_kernel; global's have other readers.
    if (const auto* send = std::get_if<dist::Send>(&captured.control))
      return send->to.id == requester_number && send->from.id == echo_number;
    if (const auto* send = std::get_if<dist::SendAlias>(&captured.control))
      return send->from.id == echo_number || send->from.id == kernel_number;
    return std::holds_alternative<dist::MonitorDown>(captured.control) ||
           std::holds_alternative<dist::SpawnReply>(captured.control) ||
           std::holds_alternative<dist::ExitLinked>(captured.control) ||
           std::holds_alternative<dist::UnlinkAck>(captured.control);
  }

  // Their numbers in the capture.
  static constexpr std::uint32_t requester_number = 10;
  static constexpr std::uint32_t kernel_number = 64;
  static constexpr std::uint32_t echo_number = 160;
  static constexpr const char* requester_hex = "6e32403132372e302e302e310000000a";

  dist::MessageReader reader_{dist::Envelope::header, dist::MessageParser(n2, n1), {}, metrics_};
  Numbers ours_;
  Numbers theirs_;
  std::vector<std::string> sent_;
  Pid requester_;
  char unlink_id_ = '0';
};

TEST_F(GoldenRequests, AreTheOriginalsByteByByteAndItsAnswersAreUnderstood) {
  std::vector<std::string> heard;
  requester_ = runtime_.spawn(&requester, &heard);
  std::vector<std::string> expected;
  std::map<std::string, int> answers;  // by kind
  for (const Captured& captured : captured_messages(BARREL_DIST_TESTDATA "/captured_messages.txt")) {
    take_frames();
    // Where erpc has a reference for the request and one for the result, ours has one.
    const auto* request = std::get_if<dist::SpawnRequest>(&captured.control);
    if (request != nullptr && to_string(request->function).starts_with("{erpc,"))
      theirs_.unite(request->id, *captured.payload.elements()[0].as_ref());
    if (is_request(captured)) expected.push_back(theirs_.number(to_hex(captured.frame)));
    if (!is_answer(captured)) continue;
    // Ours may be ahead of theirs, not behind.
    ASSERT_GE(sent_.size(), expected.size());
    ASSERT_TRUE(std::ranges::equal(expected, std::span(sent_).first(expected.size())))
        << testing::PrintToString(sent_) << testing::PrintToString(expected);
    ++answers[hear(captured)];
    ASSERT_FALSE(HasFatalFailure());
  }
  take_frames();
  EXPECT_EQ(sent_, expected);
  EXPECT_EQ(expected.size(), 26U);
  EXPECT_EQ(answers, (std::map<std::string, int>{{"Send", 2},
                                                 {"SendAlias", 3},
                                                 {"UnlinkAck", 1},
                                                 {"ExitLinked", 1},
                                                 {"MonitorDown", 4},
                                                 {"SpawnReply", 7}}));
  EXPECT_EQ(heard, (std::vector<std::string>{"hello", "hi", "req", "req2", "noproc", "'n1@127.0.0.1'",
                                             "'n1@127.0.0.1'", "yes", "<n1@127.0.0.1.172.0>", "normal",
                                             "boom", "<n1@127.0.0.1.176.0>"}));
  EXPECT_TRUE(runtime_.is_alive(requester_));
}

}  // namespace
}  // namespace barrel::node
