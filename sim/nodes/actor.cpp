#include "sim/nodes/actor.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "barrel/term/term_text.hpp"

namespace barrel::sim {

namespace {

constexpr std::size_t streams_max = 3;
constexpr std::size_t monitors_max = 4;
constexpr std::size_t registrations_max = 2;
/// Of the acts that would link, where there is a link to take back.
constexpr std::uint32_t unlink_per_million = 500'000;
/// Messages in a row; so that some share a packet and some do not.
constexpr std::uint64_t burst_max = 6;

}  // namespace

Actor::Life::Life(Self self, Stage& stage, std::size_t node) : self_(self), stage_(stage) {
  stage_.ledger.started(self_.pid(), node);
  stage_.past.at(node).push_back(self_.pid());
}

Actor::Life::~Life() {
  stage_.names.drop_all(self_.pid());
  stage_.ledger.ended(self_.pid(), detail::exit_reason(self_.process()));
}

Actor::Actor(Self self, Stage& stage, std::size_t node, std::uint64_t seed, std::optional<Atom> name)
    : self_(self), stage_(stage), life_(self, stage, node), node_(node), random_(seed) {
  next_act_ = stage_.queue.now() + Duration(random_.between(0, stage_.pace.count()));
  if (name && self_.register_name(*name)) stage_.ledger.takes_name(self_.pid(), *name);
}

void Actor::end(Term reason) {
  stage_.ledger.ending(self_.pid(), reason);
  verdict_ = std::move(reason);
}

void Actor::on(const Down& down) {
  stage_.ledger.down(self_.pid(), down);
  const auto monitor = monitors_.find(down.ref);
  if (monitor == monitors_.end()) return;
  const Pid target = monitor->second.second;
  monitors_.erase(monitor);
  // Who is lost is often wanted back.
  if (down.reason == Term(noconnection()) && stage_.ledger.alive(target) && random_.chance(500'000)) {
    Monitor again = self_.monitor(target);
    stage_.ledger.monitors(self_.pid(), again.ref(), target, std::nullopt);
    const Ref ref = again.ref();
    monitors_.emplace(ref, std::pair(std::move(again), target));
  }
}

void Actor::on(const Exit& exit) {
  // Nobody's exit signal is that of the node, which shuts down.
  if (exit.from.id == 0) return end(exit.reason);
  stage_.ledger.exit(self_.pid(), exit);
  std::erase(links_, exit.from);
}

void Actor::on(const Term& other) {
  stage_.faults.add("a process got something that nobody sent: " + to_string(other));
}

Duration Actor::patience() const {
  const Instant now = stage_.queue.now();
  // Who was parked may find that all is over.
  if (std::max(next_act_, now) > stage_.acting_until) return std::chrono::hours(1);
  return std::max(next_act_ - now, Duration::zero());
}

void Actor::act() {
  const Instant now = stage_.queue.now();
  if (now > stage_.acting_until || now < next_act_) return;
  next_act_ = now + Duration(random_.between(stage_.pace.count() / 4, stage_.pace.count() * 7 / 4));
  const std::uint64_t what = random_.below(100);
  if (what < 50) return send_some();
  if (what < 62) return monitor_somebody();
  if (what < 66) return stop_monitoring();
  if (what < 72) return link_somebody();
  if (what < 82) return register_name();
  if (what < 86) return unregister_name();
  if (what < 95) return look_up();
  if (what < 97) return kill_somebody();
  const Term reasons[] = {Atom("normal"), Atom("bored"), Term::tuple_of(Atom("error"), 42)};
  end(reasons[random_.below(std::size(reasons))]);
}

void Actor::open_stream() {
  const auto to = stage_.pick(node_, random_);
  if (!to || *to == self_.pid()) return;
  const Atom name("inbox");
  const auto holder = stage_.ledger.holder(to->node(), name);
  if (holder && *holder != self_.pid() && random_.chance(300'000)) {
    const std::int64_t id = stage_.ledger.open_stream(self_.pid(), *holder, name);
    streams_.push_back({id, NodeLocalName{name, to->node()}, *holder});
    return;
  }
  streams_.push_back({stage_.ledger.open_stream(self_.pid(), *to, std::nullopt), *to, *to});
}

void Actor::send_some() {
  if (streams_.size() < streams_max && (streams_.empty() || random_.chance(200'000))) open_stream();
  if (streams_.empty()) return;
  const std::size_t index = random_.below(streams_.size());
  const Stream& stream = streams_[index];
  const std::uint64_t count = 1 + random_.below(burst_max);
  const bool large = random_.chance(stage_.large_per_million);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Note note = stage_.ledger.sent(stream.id, large ? stage_.large_message_bytes : 0);
    self_.send(stream.to, note);
  }
  if (!stage_.ledger.alive(stream.pid)) streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(index));
}

void Actor::monitor_somebody() {
  const auto target = stage_.pick(node_, random_);
  if (!target || *target == self_.pid() || monitors_.size() >= monitors_max) return;
  const Atom name("inbox");
  const auto holder = stage_.ledger.holder(target->node(), name);
  if (holder && random_.chance(300'000))
    return monitor_name(NodeLocalName{name, target->node()}, *holder, *target);
  Monitor monitor = self_.monitor(*target);
  const Ref ref = monitor.ref();
  stage_.ledger.monitors(self_.pid(), ref, *target, std::nullopt);
  monitors_.emplace(ref, std::pair(std::move(monitor), *target));
}

void Actor::monitor_name(const NodeLocalName& name, const Pid& holder, const Pid& next) {
  Monitor monitor = self_.monitor(name);
  const Ref ref = monitor.ref();
  stage_.ledger.monitors(self_.pid(), ref, holder, name.name);
  monitors_.emplace(ref, std::pair(std::move(monitor), next));
  if (!stage_.signals_are_followed || holder == self_.pid()) return;
  const std::int64_t stream = stage_.ledger.open_stream(self_.pid(), holder, name.name);
  const Note note = stage_.ledger.sent(stream, 0);
  self_.send(name, note);
}

void Actor::stop_monitoring() {
  if (monitors_.empty()) return;
  const auto at = std::next(monitors_.begin(), static_cast<std::ptrdiff_t>(random_.below(monitors_.size())));
  stage_.ledger.stops_monitoring(at->first);
  monitors_.erase(at);
}

void Actor::link_somebody() {
  if (stage_.unlinks && !links_.empty() && random_.chance(unlink_per_million)) return unlink_somebody();
  const auto other = stage_.pick(node_, random_);
  if (!other || *other == self_.pid() || !stage_.ledger.links(self_.pid(), *other)) return;
  self_.link(*other);
  links_.push_back(*other);
  if (stage_.signals_are_followed) follow(*other);
}

void Actor::unlink_somebody() {
  const auto at = links_.begin() + static_cast<std::ptrdiff_t>(random_.below(links_.size()));
  const Pid other = *at;
  links_.erase(at);
  stage_.ledger.unlinks(self_.pid(), other);
  self_.unlink(other);
  follow(other);
}

void Actor::follow(const Pid& to) {
  const std::int64_t stream = stage_.ledger.open_stream(self_.pid(), to, std::nullopt);
  const Note note = stage_.ledger.sent(stream, 0);
  self_.send(to, note);
}

Term Actor::service_name() {
  // Some names belong to one node, some are held by several.
  if (random_.chance(400'000))
    return Term::tuple_of(Atom("shared"), static_cast<std::int64_t>(random_.below(3)));
  return Term::tuple_of(Atom("own"), static_cast<std::int64_t>(node_),
                        static_cast<std::int64_t>(random_.below(6)));
}

void Actor::register_name() {
  const Term name = service_name();
  const auto load = static_cast<std::int64_t>(random_.below(1'000));
  const Metadata meta{Metadata::Entry("load", load)};
  const NodeName here = self_.node().name();
  const auto put = [&] { stage_.names.put({name, self_.pid(), here, meta.term()}); };
  if (const auto mine = registrations_.find(name); mine != registrations_.end()) {
    if (mine->second.update(meta)) put();
    return;
  }
  if (registrations_.size() >= registrations_max) return;
  auto registered = self_.node().registry().register_service(self_, name, meta);
  if (!registered) {
    if (registered.error().code != Errc::already_registered)
      stage_.faults.add("a registration was refused: " + registered.error().message());
    return;
  }
  if (stage_.names.held(name, here)) stage_.faults.add("two processes of a node hold " + to_string(name));
  registrations_.emplace(name, *std::move(registered));
  put();
}

void Actor::unregister_name() {
  if (registrations_.empty()) return;
  const auto at =
      std::next(registrations_.begin(), static_cast<std::ptrdiff_t>(random_.below(registrations_.size())));
  stage_.names.drop(at->first, self_.node().name());
  registrations_.erase(at);
}

void Actor::look_up() {
  const Registry& registry = self_.node().registry();
  for (const auto& [name, registration] : registrations_) {
    const auto found = registry.find(name);
    if (!found || *found != self_.pid())
      stage_.faults.add("a process does not find itself as " + to_string(name));
  }
  const Term name = service_name();
  for (const ServiceEntry& entry : registry.lookup(name)) {
    if (!stage_.names.knows(name, entry.pid))
      stage_.faults.add(to_string(name) + " gives a process that never held it");
  }
}

void Actor::kill_somebody() {
  const auto target = stage_.pick(node_, random_);
  if (target && *target != self_.pid()) self_.kill(*target);
}

Task<> run_actor(Self self, Stage* stage, std::size_t node, std::uint64_t seed, std::optional<Atom> name) {
  self.trap_exits(true);
  Actor actor(self, *stage, node, seed, name);
  while (!actor.verdict()) {
    auto message = co_await self.receive<Note, Down, Exit, Term>(actor.patience());
    std::visit([&](const auto& what) { actor.on(what); }, message);
  }
  exit(*actor.verdict());
}

}  // namespace barrel::sim
