#include "node/lookups.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "barrel/node/node.hpp"

namespace barrel::node {

namespace {

/// How long the neighbours may take: the original waits 5 s for each, and we are a neighbour ourselves.
constexpr Duration lookup_limit = std::chrono::seconds(4);

struct Go {
  static constexpr std::string_view internal_name = "$barrel_go";
};
struct Over {
  static constexpr std::string_view internal_name = "$barrel_over";
};

/// {found, Node, Pid} by the first neighbour who knows, or {error, not_found}.
Task<Term> ask_neighbours(Self self, RouteQuery query) {
  std::vector<NodeName> asked = self.node().membership().active_view();
  std::erase_if(asked,
                [&](NodeName peer) { return std::ranges::find(query.visited, peer) != query.visited.end(); });
  --query.ttl;
  query.visited.insert(query.visited.begin(), asked.begin(), asked.end());
  query.visited.insert(query.visited.begin(), self.node().name());
  if (query.visited.size() > RouteQuery::visited_max) {
    self.runtime().metrics().counter("overlay.lookups_too_long").add();
    co_return route_error("not_found");
  }
  query.caller = self.pid();
  std::vector<Term> open;
  for (const NodeName peer : asked) {
    query.ref = self.make_ref();
    open.push_back(query.ref);
    self.send(NodeLocalName{"barrel_p2p_router", peer}, to_term(query));
  }
  (void)self.send_after(lookup_limit, self.pid(), Over{});
  while (!open.empty()) {
    const auto message = co_await self.receive<Over, Term>();
    const Term* answer = std::get_if<Term>(&message);
    if (answer == nullptr) break;
    if (!answer->is_tuple(2) || std::erase(open, answer->elements()[0]) == 0) continue;
    const auto pid = read_route_found(answer->elements()[1]);
    if (pid) co_return route_found(*pid);
  }
  co_return route_error("not_found");
}

/// Ends with {shutdown, Result}, which its monitor brings: nothing can come late.
Task<> find_for(Self self, RouteQuery query) {
  co_await self.receive<Go>();
  Task<Term> asking = ask_neighbours(self, std::move(query));
  const Term result = co_await std::move(asking);
  exit(Term::tuple_of(shutdown(), result));
}

/// Gives its place among those that run back.
class Place {
 public:
  Place(NodeName asker, std::shared_ptr<Lookups::Places> running)
      : asker_(asker), running_(std::move(running)) {}
  Place(Place&&) = delete;
  ~Place() { running_->give_back(asker_); }

 private:
  NodeName asker_;
  std::shared_ptr<Lookups::Places> running_;
};

Task<> answer(Self self, NodeName asker, RouteQuery query, std::shared_ptr<Lookups::Places> running) {
  const Place place(asker, std::move(running));
  const Pid caller = query.caller;
  const Term ref = query.ref;
  Task<Term> asking = ask_neighbours(self, std::move(query));
  const Term result = co_await std::move(asking);
  const Term answer = Term::tuple_of(ref, result);
  const detail::Sender node{&self.runtime(), nullptr};
  // Whoever asks is connected; nobody else is dialed because a question names him.
  (void)detail::deliver_remote(node, RemoteTarget(caller), detail::Payload<Term>(answer), SendMode::answer);
}

}  // namespace

Lookups::Lookups(Runtime& runtime, Metrics& metrics)
    : runtime_(runtime),
      running_(std::make_shared<Places>()),
      dropped_(metrics.counter("barrel_p2p.router.request_dropped")),
      asker_full_(metrics.counter("overlay.lookups_of_one_asker_full")) {}

Lookups::Places::Taken Lookups::Places::take(NodeName asker) {
  const std::scoped_lock lock(mutex_);
  if (all_ >= passed_on_max) return Taken::all_full;
  std::uint32_t& own = of_[asker];
  if (own >= passed_on_per_asker_max) return Taken::asker_full;
  ++own;
  ++all_;
  return Taken::yes;
}

void Lookups::Places::give_back(NodeName asker) {
  const std::scoped_lock lock(mutex_);
  --all_;
  const auto own = of_.find(asker);
  if (--own->second == 0) of_.erase(own);
}

Task<Result<Pid>> Lookups::find(Self self, Term name) const {
  if (!beside_originals_.load(std::memory_order_relaxed)) co_return Error(Errc::not_found);
  if (self.node().membership().active_view().empty()) co_return Error(Errc::not_found);
  RouteQuery query;
  query.name = std::move(name);
  query.origin = self.node().name();
  const Pid worker = self.spawn(&find_for, std::move(query));
  const Monitor watch = self.monitor(worker);
  self.send(worker, Go{});
  const auto is_its_end = [ref = watch.ref()](const Down& down) { return down.ref == ref; };
  const Down down = co_await self.receive_if<Down>(is_its_end);
  if (!down.reason.is_tagged("shutdown", 2)) co_return Error(Errc::not_found);
  const auto pid = read_route_found(down.reason.elements()[1]);
  if (!pid) co_return Error(Errc::not_found);
  co_return *pid;
}

bool Lookups::pass_on(NodeName asker, const RouteQuery& query) {
  if (const auto taken = running_->take(asker); taken != Places::Taken::yes) {
    (taken == Places::Taken::all_full ? dropped_ : asker_full_).add();
    return false;
  }
  RouteQuery onward = query;
  // Neither who asks us nor who began is to be asked, whether they say so or not; nor who is to be answered.
  if (asker != query.caller.node()) onward.visited.push_back(asker);
  onward.visited.push_back(query.caller.node());
  onward.visited.push_back(query.origin);
  runtime_.spawn(&answer, asker, std::move(onward), running_);
  return true;
}

}  // namespace barrel::node
