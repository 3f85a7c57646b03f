// Links, monitors and names of a process, and what it tells the others when it ends.
#include "process/relations.hpp"

#include <algorithm>
#include <utility>

#include "barrel/process/exit.hpp"
#include "barrel/process/monitor.hpp"
#include "process/process.hpp"
#include "process/runtime_impl.hpp"

namespace barrel::detail {

Relations& Process::related() {
  if (!relations)
    relations = std::make_unique<Relations>(runtime->relation_quotas, runtime->config.remote_relations_max);
  return *relations;
}

void Process::touch_node(NodeName node) {
  auto& nodes = related().nodes;
  if (std::ranges::find(nodes, node) != nodes.end()) return;
  nodes.push_back(node);
  runtime->nodes.add(node, {id, serial.load(std::memory_order_relaxed)});
}

void Process::start_remote_relation(NodeName node, std::uint64_t& epoch) {
  // Listed first: a connection that is lost from here on is either signalled to us or older than the epoch.
  touch_node(node);
  epoch = runtime->nodes.epoch();
}

void Process::send_signal(const Pid& to, Signal* signal) {
  runtime->send_signal(pid(), to, signal);
}

// -- links

void Process::link(const Pid& other) {
  if (other == pid()) return;
  const bool remote = !runtime->is_local(other);
  if (const auto present = related().links.find(other); present != relations->links.end()) {
    if (present->second.unlinking == 0) return;
  }
  Relations::Link& link = add_link(other);
  link = Relations::Link{};
  if (remote) start_remote_relation(other.node(), link.epoch);
  send_signal(other, make_signal(Signal::Op::link, pid()));
}

Relations::Link& Process::add_link(const Pid& other) {
  const auto [entry, is_new] = related().links.try_emplace(other);
  if (is_new && !runtime->is_local(other)) relations->remote_links.add(other.node_atom);
  return entry->second;
}

void Process::forget_link(const Pid& other) {
  if (relations->links.erase(other) == 0) return;
  if (!runtime->is_local(other)) relations->remote_links.give_back(other.node_atom);
}

const Relations::Link* Process::link_to(const Pid& other) const {
  if (!relations) return nullptr;
  const auto link = relations->links.find(other);
  return link == relations->links.end() ? nullptr : &link->second;
}

void Process::unlink(const Pid& other) {
  if (!relations) return;
  const auto link = relations->links.find(other);
  if (link == relations->links.end() || link->second.unlinking != 0) return;
  link->second.unlinking = relations->next_unlink++;
  Signal* signal = make_signal(Signal::Op::unlink, pid());
  signal->number = link->second.unlinking;
  // An exit signal of this link that already waits as a message stays, as in Erlang.
  send_signal(other, signal);
}

// -- monitors

Ref Process::start_monitor(const Address& target, const AliasEnd* alias) {
  Relations::Watching watching;
  watching.is_alias = alias != nullptr;
  const Ref ref = ref_of(++refs_made, watching);
  if (alias != nullptr) related().aliases.emplace(number_of(ref), *alias);
  std::optional<Atom> remote_name;
  const auto resolved = resolve({&runtime->facade, this}, target);
  if (const auto* local = std::get_if<LocalName>(&target.target())) {
    watching.name = NodeLocalName{local->name, runtime->config.node};
  } else if (const auto* name = std::get_if<NodeLocalName>(&target.target())) {
    watching.name = *name;
    if (name->node.atom() != runtime->node_atom) {
      remote_name = name->name;
      watching.target.node_atom = name->node.atom();
    }
  }
  const auto* pid_found = resolved ? std::get_if<Pid>(&*resolved) : nullptr;
  if (pid_found != nullptr) watching.target = *pid_found;
  watching.remote = remote_name || (pid_found != nullptr && !runtime->is_local(*pid_found));
  if (watching.remote) start_remote_relation(watching.target.node(), watching.epoch);
  related().watching.emplace(number_of(ref), watching);

  if (pid_found == nullptr && !remote_name) {
    Signal* down = make_signal(Signal::Op::down, pid());
    down->ref = ref;
    down->reason = noproc();
    runtime->signal(pid(), down);
    return ref;
  }
  Signal* signal = make_signal(Signal::Op::monitor, pid());
  signal->ref = ref;
  signal->name = remote_name;
  send_signal(watching.target, signal);
  return ref;
}

void Process::stop_monitor(const Ref& ref) {
  if (!relations) return;
  const auto found = relations->watching.find(number_of(ref));
  if (found == relations->watching.end()) return;
  end_alias_of_monitor(number_of(ref));
  const Relations::Watching watching = found->second;
  relations->watching.erase(found);
  if (!watching.fired) {
    // A local name that nobody held has no target; its Down is on its way to us and finds nothing.
    if (!watching.remote && watching.target.id == 0) return;
    Signal* signal = make_signal(Signal::Op::demonitor, pid());
    signal->ref = ref;
    if (watching.remote && watching.name) signal->name = watching.name->name;
    return send_signal(watching.target, signal);
  }
  for (Envelope** link = &queue; *link != nullptr; link = &(*link)->next) {
    if ((*link)->type != &TypeInfo<Down>::type) continue;
    if (static_cast<TypedMessage<Down>&>(**link).value.ref != ref) continue;
    detail::dispose(unlink_message(link));
    return;
  }
}

const Relations::Watcher* Process::watcher_by(const Ref& ref) const {
  if (!relations) return nullptr;
  const auto found = relations->watchers.find(ref);
  return found == relations->watchers.end() ? nullptr : &found->second;
}

void Process::forget_watcher(const Ref& ref) {
  const auto found = relations->watchers.find(ref);
  relations->remote_watchers.give_back(found->second.pid.node_atom);
  relations->watchers.erase(found);
}

Ref start_monitor(Process& process, const Address& target, const AliasEnd* alias) {
  BARREL_ASSERT(Scheduler::is_current(process));
  return process.start_monitor(target, alias);
}

void stop_monitor(Process& process, std::uint32_t serial, const Ref& ref) noexcept {
  if (process.serial.load(std::memory_order_acquire) != serial) return;
  BARREL_ASSERT(Scheduler::is_current(process));
  process.stop_monitor(ref);
}

std::uint32_t serial_of(const Process& process) noexcept {
  return process.serial.load(std::memory_order_relaxed);
}

// -- the end

namespace {
/// The elements in a fixed order, so that a deterministic runtime tells them in the same order every time.
template <class Map>
auto sorted(const Map& map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> entries(map.begin(), map.end());
  std::ranges::sort(entries, {}, [](const auto& entry) { return entry.first; });
  return entries;
}
}  // namespace

void Process::hand_root_down() {
  if (!relations || !is_root.load(std::memory_order_relaxed)) return;
  for (const auto& [other, link] : relations->links) {
    Process* heir = link.unlinking == 0 ? runtime->find_alive(other) : nullptr;
    if (heir == nullptr || heir->is_root.exchange(true)) continue;
    ++runtime->heirs;
  }
}

void Process::tell_relations() {
  const Pid me = pid();
  for (const NodeName node : relations->nodes) runtime->nodes.remove(node, {me.id, me.serial});
  if (relations->watches_all_nodes) runtime->node_watchers.remove({me.id, me.serial});
  for (const auto& [number, watching] : sorted(relations->watching)) {
    if (watching.fired || (!watching.remote && watching.target.id == 0)) continue;
    Signal* signal = make_signal(Signal::Op::demonitor, me);
    signal->ref = ref_of(number, watching);
    if (watching.remote && watching.name) signal->name = watching.name->name;
    send_signal(watching.target, signal);
  }
  for (const auto& [other, link] : sorted(relations->links)) {
    if (link.unlinking == 0) send_signal(other, make_exit(me, reason));
  }
  for (const auto& [ref, watcher] : sorted(relations->watchers)) {
    Signal* signal = make_signal(Signal::Op::down, me);
    signal->ref = ref;
    signal->name = watcher.name;
    signal->reason = reason;
    send_signal(watcher.pid, signal);
  }
}

}  // namespace barrel::detail
