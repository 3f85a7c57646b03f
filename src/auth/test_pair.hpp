#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/handshake.hpp"

namespace barrel::auth::testing {

using namespace std::chrono_literals;

inline Seed seed_from(std::uint8_t first) {
  Seed seed;
  for (std::uint8_t& byte : seed) byte = first++;
  return seed;
}

inline Nonce nonce_of(std::uint8_t byte) {
  Nonce nonce;
  nonce.fill(byte);
  return nonce;
}

inline Moment moment_at(std::int64_t milliseconds) {
  return {Instant(std::chrono::milliseconds(milliseconds)),
          SystemTime(std::chrono::milliseconds(milliseconds))};
}

/// The two nodes of the protocol's published vector, with nothing pinned. Change a setup before making a
/// Handshake of it.
struct Nodes {
  Identity alice = Identity::from_seed(seed_from(0x00));
  Identity bob = Identity::from_seed(seed_from(0x20));
  ChannelBinding binding = *channel_binding(as_bytes("spec-fake-cert-der"));
  TrustStore alice_trusts;
  TrustStore bob_trusts;

  HandshakeSetup client() {
    return HandshakeSetup{.role = Role::client,
                          .self = "alice@127.0.0.1",
                          .identity = alice,
                          .dialed = NodeName("bob@127.0.0.1"),
                          .binding = binding,
                          .nonce = nonce_of(0xa1),
                          .trust = check(alice_trusts)};
  }
  HandshakeSetup server() {
    return HandshakeSetup{.role = Role::server,
                          .self = "bob@127.0.0.1",
                          .identity = bob,
                          .dialed = std::nullopt,
                          .binding = binding,
                          .nonce = nonce_of(0xb2),
                          .trust = check(bob_trusts)};
  }

 private:
  static TrustCheck check(const TrustStore& store) {
    return [&store](std::string_view name, const PublicKey& key) { return store.decide(name, key); };
  }
};

/// One side with everything it has emitted.
struct Side {
  Handshake handshake;
  Effects effects;
  /// All bytes it has sent.
  Bytes sent;

  explicit Side(HandshakeSetup setup) : handshake(std::move(setup)) {}

  void start(Moment now) {
    Effects out;
    handshake.start(now, out);
    take(out);
  }
  void receive(BytesView bytes, Moment now) {
    Effects out;
    handshake.receive(bytes, now, out);
    take(out);
  }
  void take(Effects& out) {
    for (Effect& effect : out) {
      if (const auto* send = std::get_if<Send>(&effect)) {
        sent.insert(sent.end(), send->bytes.begin(), send->bytes.end());
      }
      effects.push_back(std::move(effect));
    }
  }
  [[nodiscard]] const Authenticated* authenticated() const { return find<Authenticated>(); }
  [[nodiscard]] const Failure* failure() const {
    const auto* failed = find<Failed>();
    return failed == nullptr ? nullptr : &failed->failure;
  }
  [[nodiscard]] std::optional<FailureReason> failure_reason() const {
    return failure() == nullptr ? std::nullopt : std::optional(failure()->reason);
  }
  [[nodiscard]] bool finished() const { return find<Finish>() != nullptr; }

 private:
  template <class E>
  [[nodiscard]] const E* find() const {
    for (const Effect& effect : effects) {
      if (const auto* found = std::get_if<E>(&effect)) return found;
    }
    return nullptr;
  }
};

/// Carries bytes between a client and a server until both are silent.
struct Wire {
  Side& client;
  Side& server;
  std::size_t to_server = 0;
  std::size_t to_client = 0;
  /// Bytes handed over at a time.
  std::size_t piece = SIZE_MAX;

  /// The clock stands still at `now`.
  void run(Moment now) {
    bool moved = true;
    while (moved) {
      moved = pass(client.sent, to_server, server, now);
      moved = pass(server.sent, to_client, client, now) || moved;
    }
  }

 private:
  bool pass(const Bytes& from, std::size_t& position, Side& to, Moment now) const {
    if (position == from.size()) return false;
    const std::size_t count = std::min(piece, from.size() - position);
    to.receive(BytesView(from).subspan(position, count), now);
    position += count;
    return true;
  }
};

inline Bytes hex(std::string_view digits) {
  return from_hex(digits).value();
}

inline Bytes frame(const Message& message) {
  Bytes bytes;
  encode_frame(bytes, message);
  return bytes;
}

}  // namespace barrel::auth::testing
