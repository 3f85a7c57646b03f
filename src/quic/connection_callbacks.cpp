// What ngtcp2 calls while it reads and writes packets of a ConnectionImpl.
#include <gnutls/crypto.h>

#include <algorithm>
#include <utility>

#include "barrel/base/assert.hpp"
#include "quic/connection_impl.hpp"

namespace barrel::quic {
namespace {

// The library tells a connection's owner nothing about packets as such, and gives its decryption no context;
// a thread opens one packet at a time, so that comparing before and after a call is exact.
thread_local std::uint64_t opened_packets = 0;

int decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const std::uint8_t* sealed, std::size_t sealed_bytes, const std::uint8_t* nonce,
            std::size_t nonce_bytes, const std::uint8_t* associated, std::size_t associated_bytes) {
  const int result = ngtcp2_crypto_decrypt_cb(out, aead, context, sealed, sealed_bytes, nonce, nonce_bytes,
                                              associated, associated_bytes);
  if (result == 0) ++opened_packets;
  return result;
}

ConnectionImpl& self(void* user_data) {
  return *static_cast<ConnectionImpl*>(user_data);
}

void random_bytes(std::uint8_t* out, std::size_t count, const ngtcp2_rand_ctx*) {
  // The library takes no refusal, and what it makes of these bytes must not be guessed.
  BARREL_ASSERT(gnutls_rnd(GNUTLS_RND_NONCE, out, count) == 0);
}

}  // namespace

std::uint64_t packets_opened() {
  return opened_packets;
}

/// Trampolines from C.
struct Callbacks {
  using Stream = ConnectionImpl::Stream;

  static int handshake_completed(ngtcp2_conn*, void* user) { return self(user).on_handshake_completed(); }

  static int stream_open(ngtcp2_conn*, std::int64_t id, void* user) {
    self(user).on_stream_opened(static_cast<StreamId>(id));
    return 0;
  }

  static int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t,
                         const std::uint8_t* data, std::size_t size, void* user, void* stream) {
    if (stream == nullptr) return 0;
    self(user).on_stream_data(*static_cast<Stream*>(stream), {data, size},
                              (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    return 0;
  }

  static int acknowledged(ngtcp2_conn*, std::int64_t, std::uint64_t offset, std::uint64_t count, void* user,
                          void* stream) {
    if (stream != nullptr) self(user).on_acknowledged(*static_cast<Stream*>(stream), offset + count);
    return 0;
  }

  static int stream_close(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t, void* user,
                          void* stream) {
    if (stream == nullptr) return 0;
    self(user).on_stream_close(*static_cast<Stream*>(stream),
                               (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0);
    return 0;
  }

  static int stream_reset(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t code, void* user,
                          void* stream) {
    // A stream that was reset before anything else arrived of it never existed here.
    if (stream != nullptr) self(user).on_stream_reset(*static_cast<Stream*>(stream), code);
    return 0;
  }

  static int window_grew(ngtcp2_conn*, std::int64_t, std::uint64_t, void* user, void* stream) {
    if (stream == nullptr) return 0;
    auto& parked = *static_cast<Stream*>(stream);
    parked.parked = false;
    if (parked.out.has_work() && !parked.write_ended) self(user).make_ready(parked);
    return 0;
  }

  static int more_streams_bidi(ngtcp2_conn*, std::uint64_t, void* user) { return more_streams(user, false); }
  static int more_streams_uni(ngtcp2_conn*, std::uint64_t, void* user) { return more_streams(user, true); }
  static int more_streams(void* user, bool unidirectional) {
    auto& connection = self(user);
    if (connection.told()) connection.events_->on_streams_available(connection, unidirectional);
    return 0;
  }

  static int stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) {
    self(user).reset_received_ = true;
    return 0;
  }

  static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t length,
                               void* user) {
    if (length != connection_id_bytes) return NGTCP2_ERR_CALLBACK_FAILURE;
    *cid = self(user).issue_connection_id();
    self(user).token_for(*cid, token);
    return 0;
  }

  static int connection_id_retired(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
    const auto id = wire_id(*cid);
    if (!id || std::erase(self(user).issued_, *id) == 0) return 0;
    self(user).host_->remove_route(*id);
    return 0;
  }

  static int peer_connection_id(ngtcp2_conn*, ng::CidStatus status, std::uint64_t, const ngtcp2_cid*,
                                const std::uint8_t* token, void* user) {
    if (token == nullptr) return 0;
    ResetToken key;
    std::copy_n(token, key.size(), key.begin());
    auto& connection = self(user);
    if (status == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE) {
      connection.host_->add_reset_token(key, connection);
    } else {
      connection.host_->remove_reset_token(key, connection);
    }
    return 0;
  }
};

ngtcp2_callbacks ConnectionImpl::make_callbacks() {
  ngtcp2_callbacks callbacks{};
  if (client_) {
    callbacks.client_initial = ngtcp2_crypto_client_initial_cb;
    callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
  } else {
    callbacks.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  }
  callbacks.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
  callbacks.decrypt = decrypt;
  callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
  callbacks.update_key = ngtcp2_crypto_update_key_cb;
  callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  callbacks.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
  callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  callbacks.rand = random_bytes;
  callbacks.handshake_completed = Callbacks::handshake_completed;
  callbacks.stream_open = Callbacks::stream_open;
  callbacks.recv_stream_data = Callbacks::stream_data;
  callbacks.acked_stream_data_offset = Callbacks::acknowledged;
  callbacks.stream_close = Callbacks::stream_close;
  callbacks.stream_reset = Callbacks::stream_reset;
  callbacks.extend_max_stream_data = Callbacks::window_grew;
  callbacks.extend_max_local_streams_bidi = Callbacks::more_streams_bidi;
  callbacks.extend_max_local_streams_uni = Callbacks::more_streams_uni;
  callbacks.recv_stateless_reset = Callbacks::stateless_reset;
  callbacks.get_new_connection_id = Callbacks::new_connection_id;
  callbacks.remove_connection_id = Callbacks::connection_id_retired;
  callbacks.dcid_status = Callbacks::peer_connection_id;
  return callbacks;
}

int ConnectionImpl::on_handshake_completed() {
  // Closed by its owner while the last handshake packet was on its way.
  if (state_ != State::handshaking) return 0;
  alpn_ = tls_->alpn();
  peer_certificate_ = tls_->peer_certificate();
  ng::CloseError error{};
  const auto refuse = [&](std::uint64_t code, const char* why) {
    ng::close_with_transport(error, code, {});
    end_with({.kind = CloseKind::transport, .code = code, .by_peer = false, .text = why}, error);
    return 0;
  };
  // A server without our protocols may go on without any, as the original's does.
  if (alpn_.empty()) return refuse(no_common_protocol, "no common ALPN");
  if (client_ && peer_certificate_.empty()) {
    return refuse(NGTCP2_CRYPTO_ERROR | GNUTLS_A_CERTIFICATE_REQUIRED, "no server certificate");
  }
  state_ = State::connected;
  if (!client_) {
    events_ = host_->handshake_done(*this);
    if (events_ == nullptr) return refuse(NGTCP2_CONNECTION_REFUSED, "nobody takes the connection");
  }
  if (told()) events_->on_connected(*this);
  return 0;
}

void ConnectionImpl::on_stream_opened(StreamId id) {
  add_stream(id, true);
  if (told()) events_->on_stream_opened(*this, id);
}

void ConnectionImpl::on_stream_data(Stream& stream, BytesView bytes, bool fin) {
  stream.unconsumed += bytes.size();
  if (stream.discarding || !told()) {
    // Nobody will ever consume it.
    return consume(stream.id, bytes.size());
  }
  if (stream.fin_told) return;
  stream.fin_told = fin;
  const StreamId id = stream.id;
  events_->on_stream_data(*this, id, bytes, fin);
  if (fin) end_received(id);
}

/// Does what ngtcp2 0.12 leaves undone at the end of a unidirectional stream of the peer.
void ConnectionImpl::end_received(StreamId id) {
  if (ng::closes_received_streams || can_write(id)) return;
  Stream* stream = find(id);
  if (stream == nullptr || stream->closed) return;
  ngtcp2_conn_set_stream_user_data(conn_, static_cast<std::int64_t>(id), nullptr);
  on_stream_close(*stream, false);
}

void ConnectionImpl::on_acknowledged(Stream& stream, std::uint64_t offset) {
  const auto before = stream.out.buffered();
  stream.out.acknowledge(offset);
  const auto freed = before - stream.out.buffered();
  if (freed == 0) return;
  buffered_ -= freed;
  if (told()) events_->on_stream_acknowledged(*this, stream.id, stream.out.acknowledged());
}

void ConnectionImpl::on_stream_reset(Stream& stream, std::uint64_t code) {
  if (stream.reset_by_peer) return;
  stream.reset_by_peer = true;
  const StreamId id = stream.id;
  if (told()) events_->on_stream_reset(*this, id, code);
  end_received(id);
}

void ConnectionImpl::on_stream_close(Stream& stream, bool error_code_set) {
  // Neither side's own reset explains the code: the peer asked us to stop.
  const bool stopped = error_code_set && can_write(stream.id) && !stream.reset_by_us &&
                       !stream.reset_by_peer && !stream.discarding && !stream.stop_told;
  release(stream);
  const StreamId id = stream.id;
  if (stopped && told()) events_->on_stop_sending(*this, id);
  if (told()) events_->on_stream_closed(*this, id);
  // The owner may have consumed the rest meanwhile, which forgot the stream.
  if (Stream* left = find(id); left != nullptr) forget_if_done(*left);
}

}  // namespace barrel::quic
