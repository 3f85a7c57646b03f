#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "dist/control.hpp"
#include "dist/control_reader.hpp"

namespace barrel::dist {
namespace {

/// `unread`: what follows is not known, because the tuple was not read to its end.
enum class Follows : std::uint8_t { nothing, payload, reason_inside, unread };

/// What is known of an operation before its tuple is read: its arity, and whether a trace token is the last
/// element (the last but one before a reason that stands in the tuple).
struct Shape {
  std::uint8_t operation;
  std::uint8_t arity;
  bool token;
  Follows follows;
};
constexpr Shape shapes[] = {
    {1, 3, false, Follows::nothing},        {2, 3, false, Follows::payload},
    {3, 4, false, Follows::reason_inside},  {4, 3, false, Follows::nothing},
    {5, 1, false, Follows::nothing},        {6, 4, false, Follows::payload},
    {7, 3, false, Follows::nothing},        {8, 4, false, Follows::reason_inside},
    {12, 4, true, Follows::payload},        {13, 5, true, Follows::reason_inside},
    {16, 5, true, Follows::payload},        {18, 5, true, Follows::reason_inside},
    {19, 4, false, Follows::nothing},       {20, 4, false, Follows::nothing},
    {21, 5, false, Follows::reason_inside}, {22, 3, false, Follows::payload},
    {23, 4, true, Follows::payload},        {24, 3, false, Follows::payload},
    {25, 4, true, Follows::payload},        {26, 3, false, Follows::payload},
    {27, 4, true, Follows::payload},        {28, 4, false, Follows::payload},
    {29, 6, false, Follows::payload},       {30, 7, true, Follows::payload},
    {31, 5, false, Follows::nothing},       {32, 6, true, Follows::nothing},
    {33, 3, false, Follows::payload},       {34, 4, true, Follows::payload},
    {35, 4, false, Follows::nothing},       {36, 4, false, Follows::nothing},
};

constexpr std::uint8_t altact_send = 37;

const Shape* find_shape(std::uint8_t operation) {
  const auto* found = std::ranges::find(shapes, operation, &Shape::operation);
  return found == std::end(shapes) ? nullptr : found;
}

template <class C>
Control from_to(ControlReader& in) {
  C control;
  control.from = in.own_pid();
  control.to = in.pid();
  return control;
}

Control read_send(ControlReader& in) {
  Send send;
  send.from = in.sender();
  send.to = in.pid();
  return send;
}

Control read_send_name(ControlReader& in) {
  SendName send;
  send.from = in.sender();
  in.skip_term();
  send.to = in.name();
  return send;
}

Control read_send_alias(ControlReader& in) {
  SendAlias send;
  send.from = in.sender();
  send.to = in.ref();
  return send;
}

template <class C>
Control read_unlink(ControlReader& in, bool with_id) {
  C unlink;
  unlink.id = with_id ? in.integer() : 0;
  unlink.from = in.own_pid();
  unlink.to = in.pid();
  return unlink;
}

/// A Monitor or Demonitor; `of_nobody` makes what stands for one of a name that is unknown here.
template <class C, class F>
Control read_monitor(ControlReader& in, const F& of_nobody) {
  C monitor;
  monitor.from = in.own_pid();
  auto target = in.target();
  monitor.ref = in.ref();
  if (auto* name = std::get_if<Term>(&target)) return of_nobody(monitor.from, std::move(*name), monitor.ref);
  if (const auto* pid = std::get_if<Pid>(&target)) monitor.to = *pid;
  else monitor.to = std::get<Atom>(target);
  return monitor;
}

Control monitor_of_nobody(const Pid& from, Term name, const Ref& ref) {
  return MonitorNobody{from, std::move(name), ref};
}
Control demonitor_of_nobody(const Pid&, const Term&, const Ref&) {
  return Ignored{20};
}

Control read_down(ControlReader& in) {
  MonitorDown down;
  down.from = in.own_target();
  down.to = in.pid();
  down.ref = in.ref();
  return down;
}

Control read_spawn_request(ControlReader& in) {
  SpawnRequest request;
  request.id = in.ref();
  request.from = in.own_pid();
  request.group_leader = in.dispensable_pid();
  request.function = in.term();
  request.options = in.term();
  return request;
}

Control read_spawn_reply(ControlReader& in) {
  SpawnReply reply;
  reply.id = in.ref();
  reply.to = in.pid();
  const std::uint64_t flags = in.integer();
  if (flags > UINT32_MAX) in.fail(Errc::malformed, "impossible flags of a spawn reply");
  reply.flags = static_cast<std::uint32_t>(flags);
  reply.result = in.term();
  return reply;
}

Control read_without_payload(ControlReader& in, std::uint8_t operation) {
  switch (operation) {
    case 1: return from_to<Link>(in);
    case 4: return read_unlink<Unlink>(in, false);
    case 7: {
      GroupLeader change;
      change.leader = in.pid();
      change.to = in.pid();
      return change;
    }
    case 19: return read_monitor<Monitor>(in, monitor_of_nobody);
    case 20: return read_monitor<Demonitor>(in, demonitor_of_nobody);
    case 31:
    case 32: return read_spawn_reply(in);
    case 35: return read_unlink<Unlink>(in, true);
    case 36: return read_unlink<UnlinkAck>(in, true);
    default: return Ignored{operation};
  }
}

Control read_elements(ControlReader& in, std::uint8_t operation) {
  switch (operation) {
    case 2:
    case 12: {
      Send send;
      in.skip_term();
      send.to = in.pid();
      return send;
    }
    case 22:
    case 23: return read_send(in);
    case 6:
    case 16: return read_send_name(in);
    case 33:
    case 34: return read_send_alias(in);
    case 3:
    case 13:
    case 24:
    case 25: return from_to<ExitLinked>(in);
    case 8:
    case 18:
    case 26:
    case 27: return from_to<Exit>(in);
    case 21:
    case 28: return read_down(in);
    case 29:
    case 30: return read_spawn_request(in);
    default: return read_without_payload(in, operation);
  }
}

/// 37: `{37, Flags, From, To [, Token]}`. Flags: 1 priority, 2 token, 4 to an alias, 8 to a name, 16 an exit
/// signal.
Control read_altact(ControlReader& in, std::uint8_t arity) {
  const std::uint64_t flags = in.integer();
  const bool token = (flags & 2) != 0;
  if (arity != (token ? 5 : 4)) in.fail(Errc::malformed, "a control message of the wrong size");
  const Pid from = in.sender();
  Control control = Ignored{altact_send};
  if ((flags & (4 | 16)) == (4 | 16)) {
    (void)in.ref();  // an exit signal to an alias, which only who offers ALTACT_SIG can be sent
  } else if ((flags & 4) != 0) {
    control = SendAlias{from, in.ref()};
  } else if ((flags & 8) != 0) {
    control = SendName{from, in.name()};
  } else if ((flags & 16) != 0) {
    control = Exit{from, in.pid()};
  } else {
    control = Send{from, in.pid()};
  }
  if (token) in.skip_term();
  return control;
}

/// A reason that stands in the tuple gets a version byte of its own, to look like all payloads.
Payload own_payload(BytesView reason) {
  Bytes bytes;
  bytes.reserve(reason.size() + 1);
  bytes.push_back(version_byte);
  bytes.insert(bytes.end(), reason.begin(), reason.end());
  const SharedBytes shared(std::move(bytes));
  return {shared.view(), shared.owner()};
}

/// A control tuple that was read, or why it could not be; `rest` are the bytes behind it.
struct Parsed {
  Control control;
  Follows follows = Follows::nothing;
  BytesView rest;
  std::optional<Error> error;
};

Parsed read_control(BytesView bytes, NodeName self, NodeName peer, const EtfLimits& limits) {
  ControlReader in(bytes, self, peer, limits);
  std::uint8_t arity = 0;
  const std::uint8_t operation = in.operation(arity);
  Parsed parsed;
  if (!in.ok()) {
    parsed.error = in.error();
    return parsed;
  }
  if (operation == altact_send) {
    parsed.follows = Follows::payload;
    parsed.control = read_altact(in, arity);
  } else if (const Shape* shape = find_shape(operation); shape == nullptr) {
    in.fail(Errc::malformed, "unknown operation " + std::to_string(operation));
  } else if (arity != shape->arity) {
    in.fail(Errc::malformed, "a control message of the wrong size");
  } else {
    parsed.follows = shape->follows;
    parsed.control = read_elements(in, operation);
    if (shape->token) in.skip_term();
  }
  if (in.ok()) {
    parsed.rest = in.reader().rest();
    return parsed;
  }
  parsed.error = in.error();
  const auto* spawn = std::get_if<SpawnRequest>(&parsed.control);
  const bool is_known = spawn != nullptr && spawn->from.node_atom == peer.atom();
  if (parsed.error->code == Errc::limit_exceeded && is_known) {
    parsed.control = SpawnUnread{spawn->id, spawn->from};
    parsed.follows = Follows::unread;
    parsed.error.reset();
  }
  return parsed;
}

Error without_payload() {
  return Error{Errc::malformed, "a message without payload"};
}

Error beyond_the_end() {
  return Error{Errc::malformed, "bytes behind a message that has no payload"};
}

/// The message, with `payload` if one belongs to it and is not in the tuple.
Result<Message> finish(Parsed parsed, Payload payload) {
  switch (parsed.follows) {
    case Follows::unread: return Message{std::move(parsed.control), {}};
    case Follows::nothing:
      if (!parsed.rest.empty()) return beyond_the_end();
      return Message{std::move(parsed.control), {}};
    case Follows::payload:
      if (payload.bytes.size() < 2) return without_payload();
      return Message{std::move(parsed.control), std::move(payload)};
    case Follows::reason_inside:
      if (parsed.rest.empty()) return Error{Errc::malformed, "an exit without reason"};
      return Message{std::move(parsed.control), own_payload(parsed.rest)};
  }
  return without_payload();
}

}  // namespace

Result<Message> MessageParser::parse(BytesView frame, std::shared_ptr<const void> owner) const {
  if (frame.size() < 2 || frame[0] != pass_through || frame[1] != version_byte) {
    return Error{Errc::malformed, "a message in another envelope than the negotiated one"};
  }
  Parsed parsed = read_control(frame.subspan(2), self_, peer_, limits_);
  if (parsed.error) return *std::move(parsed.error);
  if (parsed.follows == Follows::payload) {
    if (parsed.rest.size() < 2 || parsed.rest[0] != version_byte) return without_payload();
    return Message{std::move(parsed.control), {parsed.rest, std::move(owner)}};
  }
  return finish(std::move(parsed), {});
}

Result<Message> MessageParser::parse_unversioned(BytesView body, Bytes& room) const {
  Parsed parsed = read_control(body, self_, peer_, limits_);
  if (parsed.error) return *std::move(parsed.error);
  if (parsed.follows != Follows::payload) return finish(std::move(parsed), {});
  room.clear();
  room.reserve(parsed.rest.size() + 1);
  room.push_back(version_byte);
  room.insert(room.end(), parsed.rest.begin(), parsed.rest.end());
  return finish(std::move(parsed), {room, {}});
}

Result<Message> MessageParser::parse_parts(BytesView control, Payload payload) const {
  Parsed parsed = read_control(control, self_, peer_, limits_);
  if (parsed.error) return *std::move(parsed.error);
  const bool may_follow = parsed.follows == Follows::payload || parsed.follows == Follows::unread;
  if (!may_follow && !payload.bytes.empty()) return beyond_the_end();
  return finish(std::move(parsed), std::move(payload));
}

}  // namespace barrel::dist
