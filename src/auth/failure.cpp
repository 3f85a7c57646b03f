#include "auth/failure.hpp"

#include <fmt/format.h>

namespace barrel::auth {

std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::timeout: return "timeout";
    case FailureReason::closed: return "closed";
    case FailureReason::no_certificate: return "no_certificate";
    case FailureReason::malformed_frame: return "malformed_frame";
    case FailureReason::unknown_message: return "unknown_message";
    case FailureReason::unexpected_message: return "unexpected_message";
    case FailureReason::unexpected_ok: return "unexpected_ok";
    case FailureReason::unsupported_version: return "unsupported_version";
    case FailureReason::invalid_name: return "invalid_name";
    case FailureReason::own_name: return "own_name";
    case FailureReason::name_mismatch: return "name_mismatch";
    case FailureReason::key_mismatch: return "key_mismatch";
    case FailureReason::untrusted_key: return "untrusted_key";
    case FailureReason::clock_skew: return "clock_skew";
    case FailureReason::signature_invalid: return "signature_invalid";
    case FailureReason::response_late: return "response_late";
    case FailureReason::rejected_by_peer: return "rejected_by_peer";
  }
  return "unknown";
}

namespace {

std::string presented(const Failure& failure) {
  return failure.presented_key ? to_string(*failure.presented_key) : std::string("unknown");
}

std::string explain_rejection(const Failure& failure, NodeName self) {
  if (failure.detail == "key_mismatch") {
    return fmt::format(
        "the peer refused us: it has another key pinned for {0}. If our identity was replaced on purpose, "
        "its operator "
        "must delete trusted/{0}.pub in its auth_key_dir; otherwise put our old node.key and node.pub back",
        self.text());
  }
  if (failure.detail == "untrusted_key") {
    return fmt::format(
        "the peer refused us: it runs in strict mode and does not know our key. Copy our node.pub to its "
        "auth_key_dir as "
        "trusted/{}.pub",
        self.text());
  }
  if (failure.detail == "signature_invalid") {
    return "the peer refused our signature: somebody may be between us, or its clock or ours jumped";
  }
  return fmt::format("the peer refused us: {}", failure.detail);
}

std::string with_detail(std::string_view sentence, const Failure& failure) {
  return failure.detail.empty() ? std::string(sentence) : fmt::format("{} ({})", sentence, failure.detail);
}

}  // namespace

std::string explain(const Failure& failure, NodeName self) {
  const std::string& name = failure.claimed_name;
  switch (failure.reason) {
    case FailureReason::timeout: return "authentication did not finish within auth_handshake_timeout";
    case FailureReason::closed: return "the peer ended authentication early; does it run with auth_enabled?";
    case FailureReason::no_certificate:
      return "the connection has no server certificate to bind signatures to";
    case FailureReason::malformed_frame: return with_detail("the peer sent a malformed message", failure);
    case FailureReason::unknown_message: return with_detail("the peer sent an unknown message", failure);
    case FailureReason::unexpected_message: return with_detail("the peer broke the sequence", failure);
    case FailureReason::unexpected_ok:
      return "the peer offered to skip authentication (its cookie_only_nodes has us); Barrel never does. "
             "Take our name "
             "out of that list";
    case FailureReason::unsupported_version:
      return with_detail("the peer speaks another version of the authentication protocol", failure);
    case FailureReason::invalid_name: return with_detail("the peer's node name is not valid", failure);
    case FailureReason::own_name: return fmt::format("the peer claims to be {}, which is us", self.text());
    case FailureReason::name_mismatch:
      return fmt::format("{} answered where {} was dialed; check discovery", name, failure.detail);
    case FailureReason::key_mismatch:
      return fmt::format(
          "{0} presented the key {1}, but another is pinned for it. Either somebody impersonates it, or its "
          "identity was "
          "replaced: if you know that it was, delete trusted/{0}.pub in our auth_key_dir",
          name, presented(failure));
    case FailureReason::untrusted_key:
      return fmt::format(
          "no key is pinned for {0} and auth_trust_mode is strict. If {1} is its key, put its node.pub into "
          "our "
          "auth_key_dir as trusted/{0}.pub",
          name, presented(failure));
    case FailureReason::clock_skew:
      return with_detail(fmt::format("the clock of {} is too far from ours; synchronise them", name),
                         failure);
    case FailureReason::signature_invalid:
      return fmt::format("{} could not prove that it holds its key: it does not, or somebody is between us",
                         name);
    case FailureReason::response_late:
      return fmt::format("{} took longer than auth_timestamp_window to sign", name);
    case FailureReason::rejected_by_peer: return explain_rejection(failure, self);
  }
  return "unknown";
}

}  // namespace barrel::auth
