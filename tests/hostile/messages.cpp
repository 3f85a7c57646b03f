#include "hostile/messages.hpp"

namespace barrel::hostile {

namespace {

constexpr std::string_view limit = "system_limit";

/// `{Tag, {badrpc, {'EXIT', system_limit}}}`
bool is_refused_call(const Term& answer) {
  if (!answer.is_tuple(2) || !answer.elements()[1].is_tagged("badrpc", 2)) return false;
  const Term& why = answer.elements()[1].elements()[1];
  return why.is_tagged("EXIT", 2) && why.elements()[1].is_atom(limit);
}

}  // namespace

Bytes pass_through_message(const Term& tuple, const Term* payload) {
  Bytes bytes{dist::pass_through};
  ByteWriter writer(bytes);
  writer.u8(131);
  encode_etf(writer, tuple);
  if (payload != nullptr) {
    writer.u8(131);
    encode_etf(writer, *payload);
  }
  return bytes;
}

bool is_refusal(const dist::Message& message) {
  if (const auto* reply = std::get_if<dist::SpawnReply>(&message.control))
    return reply->result.is_atom(limit);
  if (message.payload.bytes.empty()) return false;
  const auto payload = decode_etf(message.payload.bytes);
  if (!payload) return false;
  const bool is_end = std::holds_alternative<dist::MonitorDown>(message.control) ||
                      std::holds_alternative<dist::ExitLinked>(message.control);
  return is_end ? payload->is_atom(limit) : is_refused_call(*payload);
}

}  // namespace barrel::hostile
