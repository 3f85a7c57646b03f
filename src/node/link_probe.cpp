#include "node/link_probe.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "node/originals.hpp"

namespace barrel::node {

namespace {

/// Between two questions to a node, which may leave as many of them unanswered. Guess: long enough for the
/// answer of a busy node, and a call that waits for its connection to be given up is repeated by then.
constexpr Duration probe_interval = std::chrono::seconds(5);
constexpr int intervals_max = 2;

/// To the probe itself.
struct Probe {
  static constexpr std::string_view internal_name = "$barrel_probe";
};

/// A monitor whose end has not come.
struct Question {
  Monitor monitor;
  int intervals = 0;
};

class LinkProbe {
 public:
  using Unanswered = std::function<void(NodeName)>;

  LinkProbe(Self self, const Unanswered& unanswered) : self_(self), unanswered_(unanswered) {}

  void on(const NodeUp&) { begin(); }
  void on(const NodeDown& down) { asked_.erase(down.node); }
  void on(const Down& down) {
    const auto found = down.name ? asked_.find(down.name->node) : asked_.end();
    if (found != asked_.end() && found->second.monitor.ref() == down.ref) asked_.erase(found);
  }
  void on(const Probe&) {
    probing_ = false;
    for (auto question = asked_.begin(); question != asked_.end();) {
      const bool is_over = ++question->second.intervals >= intervals_max;
      if (is_over) unanswered_(question->first);
      question = is_over ? asked_.erase(question) : std::next(question);
    }
    begin();
  }
  void on(const Term&) {}

  /// Asks everybody, when there is anybody to ask.
  void begin() {
    if (probing_) return;
    const std::vector<PeerInfo> peers = self_.node().peers();
    for (const PeerInfo& peer : peers) {
      if (!is_original(peer)) continue;
      probing_ = true;
      if (asked_.contains(peer.name)) continue;
      asked_.emplace(peer.name, Question{self_.monitor(NodeLocalName{"barrel_nobody", peer.name})});
    }
    if (probing_) (void)self_.send_after(probe_interval, self_.pid(), Probe{});
  }

 private:
  Self self_;
  const Unanswered& unanswered_;
  std::map<NodeName, Question> asked_;
  bool probing_ = false;
};

Task<> probe_links(Self self, std::shared_ptr<const LinkProbe::Unanswered> unanswered) {
  LinkProbe probe(self, *unanswered);
  (void)self.monitor_nodes();
  probe.begin();
  for (;;) {
    const auto message = co_await self.receive<NodeUp, NodeDown, Down, Probe, Term>();
    std::visit([&](const auto& one) { probe.on(one); }, message);
  }
}

}  // namespace

void start_link_probe(Runtime& runtime, std::function<void(NodeName)> unanswered) {
  auto shared = std::make_shared<const LinkProbe::Unanswered>(std::move(unanswered));
  const detail::HeldProcess probe =
      detail::hold_process(runtime, nullptr, false, &probe_links, std::move(shared));
  if (probe) detail::make_system_process(probe, "barrel_links");
}

}  // namespace barrel::node
