#include "services/registry_messages.hpp"

#include <unordered_map>

#include "barrel/base/bytes.hpp"
#include "barrel/base/keyed_hash.hpp"
#include "barrel/term/node_term.hpp"
#include "barrel/term/term_size.hpp"
#include "crdt/or_map_wire.hpp"
#include "crdt/term_hash.hpp"

namespace barrel::registry {
namespace {

constexpr std::string_view envelope_tag = "$barrel_p2p_replica";
constexpr std::string_view companion_tag = "barrel_down";

using DownByKey = std::unordered_map<Term, Down, TermHash>;

void read_companion(const Term& key, const Term& value, const Bounds& bounds, DownByKey& down) {
  if (!value.is_tagged("down", 3)) return;
  auto at = timestamp_from_term(value.elements()[1]);
  const Term& reason = value.elements()[2];
  if (!at || estimate_bytes(reason, bounds.reason_bytes_max) > bounds.reason_bytes_max) return;
  down.insert_or_assign(Term::tuple_of(key.elements()[1], key.elements()[2]), Down{*at, reason});
}

/// Whether reading has left out writers.
bool is_cut(const Term& value, const OrMapEntry& read) {
  return read.dots.size() == OrMapEntry::dots_max &&
         value.elements()[2].entries().size() > OrMapEntry::dots_max;
}

std::optional<Item> read_item(const Term& key, const Term& value, const Bounds& bounds,
                              const DownByKey& down) {
  if (!key.is_tuple(2)) return std::nullopt;
  const auto node = node_from_term(key.elements()[1]);
  auto entry = entry_from_term(value);
  if (!node || !entry) return std::nullopt;
  if (estimate_bytes(key.elements()[0], bounds.name_bytes_max) > bounds.name_bytes_max) return std::nullopt;
  Item item{key, {key.elements()[0], *node}, std::move(*entry), std::nullopt};
  item.cut = is_cut(value, item.entry);
  if (item.entry.is_live()) {
    if (!read_value(item.entry.value, item.key, bounds)) return std::nullopt;
  } else if (const auto found = down.find(key); found != down.end()) {
    if (found->second.at == item.entry.stamp()) item.reason = found->second.reason;
  }
  return item;
}

std::optional<Digests> read_digests(const Term& term) {
  Digests digests{};
  if (!term.is_binary() || term.bytes().size() != digests.size() * sizeof(std::uint64_t)) return std::nullopt;
  ByteReader reader(term.bytes());
  for (auto& digest : digests) digest = reader.u64();
  return digests;
}

Term to_term(const Digests& digests) {
  Bytes bytes;
  ByteWriter writer(bytes);
  for (const auto digest : digests) writer.u64(digest);
  return Term::binary(BytesView(bytes));
}

struct Encode {
  Term operator()(const FullSync& m) const { return Term::tuple_of(Atom("full_sync"), m.sender, m.map); }
  Term operator()(const RequestSync& m) const { return Term::tuple_of(Atom("request_sync"), m.sender); }
  Term operator()(const SyncDigest& m) const {
    return Term::tuple_of(Atom(m.is_reply ? "sync_digest_reply" : "sync_digest"), m.sender,
                          to_term(m.digests));
  }
};

}  // namespace

Term key_term(const Term& name, NodeName node) {
  return Term::tuple_of(name, node);
}

std::size_t part_of(const Term& key) {
  return hash_term(key) % std::tuple_size_v<Digests>;
}

std::uint64_t hash_of(const Term& key, const OrMapEntry& entry) {
  if (!entry.is_live()) return 0;
  const Dot& dot = entry.dots.front();
  std::uint64_t hash = hash_mix(hash_term(key), static_cast<std::uint64_t>(dot.at.wall_ms));
  hash = hash_mix(hash, static_cast<std::uint64_t>(dot.at.logical));
  // The content, too: whoever has changed that under the owner's own stamp would not be found out.
  return hash_term(entry.value, hash_term(Term(dot.node), hash));
}

void MapBuilder::add(const Term& key, const OrMapEntry& entry, const Term* reason) {
  entries_.push_back({key, barrel::to_term(entry)});
  if (reason == nullptr || entry.is_live()) return;
  entries_.push_back({Term::tuple_of(Atom(companion_tag), key.elements()[0], key.elements()[1]),
                      Term::tuple_of(Atom("down"), barrel::to_term(entry.stamp()), *reason)});
}

Term MapBuilder::take() {
  Term map = Term::map(std::move(entries_));
  entries_.clear();
  return map;
}

Term entry_value(const ServiceEntry& entry) {
  static const Atom tag(ServiceEntry::tag);
  return Term::tuple_of(tag, entry.name, entry.pid, entry.node, entry.meta);
}

std::optional<ServiceEntry> read_value(const Term& value, const Key& key, const Bounds& bounds) {
  if (!value.is_tagged(ServiceEntry::tag, 5)) return std::nullopt;
  const auto fields = value.elements();
  if (!(fields[1] == key.name) || fields[3].atom_text() != key.node.text() || !fields[4].is_map())
    return std::nullopt;
  const auto pid = fields[2].as_pid();
  if (!pid || pid->node() != key.node) return std::nullopt;
  if (estimate_bytes(fields[4], bounds.meta_bytes_max) > bounds.meta_bytes_max) return std::nullopt;
  return ServiceEntry{key.name, *pid, key.node, fields[4]};
}

Items read_map(const Term& map, const Bounds& bounds) {
  Items read;
  if (!map.is_map()) {
    ++read.malformed;
    return read;
  }
  DownByKey down(0, TermHash{detail::hash_key().start});
  for (const auto& [key, value] : map.entries()) {
    if (key.is_tagged(companion_tag, 3)) read_companion(key, value, bounds, down);
  }
  read.items.reserve(map.entries().size());
  for (const auto& [key, value] : map.entries()) {
    if (key.is_tagged(companion_tag, 3)) continue;
    auto item = read_item(key, value, bounds, down);
    if (!item) {
      ++read.malformed;
      continue;
    }
    read.items.push_back(std::move(*item));
  }
  return read;
}

Term delta_payload(NodeName origin, Term map) {
  static const Atom delta("delta");
  return Term::tuple_of(delta, origin, std::move(map));
}

std::optional<Delta> read_delta(const Term& payload) {
  if (!payload.is_tagged("delta", 3)) return std::nullopt;
  const auto origin = node_from_term(payload.elements()[1]);
  return origin ? std::optional(Delta{*origin, payload.elements()[2]}) : std::nullopt;
}

Term encode(const Message& message) {
  return Term::tuple_of(Atom(envelope_tag), std::visit(Encode{}, message));
}

Term audit_request(NodeName asker, std::uint64_t number) {
  const Term replica = Term::tuple_of(Atom("barrel_p2p_registry_replica"), asker);
  const Term tag = Term::tuple_of(Atom("barrel_audit"), number);
  return Term::tuple_of(Atom("system"), Term::tuple_of(replica, tag), Atom("barrel_audit"));
}

std::optional<std::uint64_t> audit_answer(const Term& message) {
  if (!message.is_tuple(2) || !message.elements()[0].is_tagged("barrel_audit", 2)) return std::nullopt;
  return message.elements()[0].elements()[1].as_uint64();
}

Result<Message> decode(const Term& term) {
  const Error malformed(Errc::malformed, Atom("replica"));
  if (!term.is_tagged(envelope_tag, 2) || term.elements()[1].elements().size() < 2) return malformed;
  const Term& content = term.elements()[1];
  const auto sender = node_from_term(content.elements()[1]);
  if (!sender) return malformed;
  if (content.is_tagged("request_sync", 2)) return Message(RequestSync{*sender});
  if (content.is_tagged("full_sync", 3)) return Message(FullSync{*sender, content.elements()[2]});
  const bool is_reply = content.is_tagged("sync_digest_reply", 3);
  if (!is_reply && !content.is_tagged("sync_digest", 3)) return malformed;
  const auto digests = read_digests(content.elements()[2]);
  if (!digests) return malformed;
  return Message(SyncDigest{*sender, *digests, is_reply});
}

}  // namespace barrel::registry
