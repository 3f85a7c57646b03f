#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/base/time.hpp"

/// ngtcp2 under one face: what differs between 0.12 (Debian 12, Ubuntu 24.04) and 1.x (Debian 13) is here and
/// nowhere else.
namespace barrel::quic::ng {

#if NGTCP2_VERSION_NUM >= 0x010000
#define BARREL_NGTCP2_1X 1
#else
#define BARREL_NGTCP2_1X 0
#endif

/// Our time line as ngtcp2 counts it: nanoseconds that are never zero, also when a simulation starts at zero.
constexpr ngtcp2_tstamp timestamp_origin = NGTCP2_SECONDS;
[[nodiscard]] inline ngtcp2_tstamp timestamp(Instant now) {
  return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()) + timestamp_origin;
}
[[nodiscard]] inline Instant instant(ngtcp2_tstamp time) {
  return Instant(Duration(static_cast<Duration::rep>(time - timestamp_origin)));
}

[[nodiscard]] inline const std::uint8_t* reason_bytes(std::string_view text) {
  return as_bytes(text).data();
}

#if BARREL_NGTCP2_1X

using CloseError = ngtcp2_ccerr;
using CidStatus = ngtcp2_connection_id_status_type;

inline void close_with_liberr(CloseError& error, int liberr) {
  ngtcp2_ccerr_set_liberr(&error, liberr, nullptr, 0);
}
inline void close_with_transport(CloseError& error, std::uint64_t code, std::string_view text) {
  ngtcp2_ccerr_set_transport_error(&error, code, reason_bytes(text), text.size());
}
inline void close_with_application(CloseError& error, std::uint64_t code, std::string_view text) {
  ngtcp2_ccerr_set_application_error(&error, code, reason_bytes(text), text.size());
}
[[nodiscard]] inline CloseError received_close(ngtcp2_conn* conn) {
  return *ngtcp2_conn_get_ccerr(conn);
}
[[nodiscard]] inline bool is_application(const CloseError& error) {
  return error.type == NGTCP2_CCERR_TYPE_APPLICATION;
}
using ConnStat = ngtcp2_conn_info;
inline void conn_stat(ngtcp2_conn* conn, ConnStat& out) {
  ngtcp2_conn_get_conn_info(conn, &out);
}
inline int shutdown_write(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream_write(conn, 0, stream, code);
}
inline int shutdown_read(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream_read(conn, 0, stream, code);
}
inline void set_token(ngtcp2_settings& settings, BytesView token) {
  settings.token = token.data();
  settings.tokenlen = token.size();
  settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
}
[[nodiscard]] inline BytesView token_of(const ngtcp2_pkt_hd& header) {
  return {header.token, header.tokenlen};
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& dcid) {
  params.original_dcid = dcid;
  params.original_dcid_present = 1;
}
constexpr ngtcp2_duration keep_alive_never = UINT64_MAX;
/// Whether a unidirectional stream of the peer is closed when all of it has arrived. 0.12 keeps it, some
/// hundred bytes, as long as the connection and never says that it is done.
constexpr bool closes_received_streams = true;

#else

using CloseError = ngtcp2_connection_close_error;
using CidStatus = int;
using ConnStat = ngtcp2_conn_stat;

inline void close_with_liberr(CloseError& error, int liberr) {
  ngtcp2_connection_close_error_set_transport_error_liberr(&error, liberr, nullptr, 0);
}
inline void close_with_transport(CloseError& error, std::uint64_t code, std::string_view text) {
  ngtcp2_connection_close_error_set_transport_error(&error, code, reason_bytes(text), text.size());
}
inline void close_with_application(CloseError& error, std::uint64_t code, std::string_view text) {
  ngtcp2_connection_close_error_set_application_error(&error, code, reason_bytes(text), text.size());
}
[[nodiscard]] inline CloseError received_close(ngtcp2_conn* conn) {
  CloseError error{};
  ngtcp2_conn_get_connection_close_error(conn, &error);
  return error;
}
[[nodiscard]] inline bool is_application(const CloseError& error) {
  return error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
}
inline void conn_stat(ngtcp2_conn* conn, ConnStat& out) {
  ngtcp2_conn_get_conn_stat(conn, &out);
}
inline int shutdown_write(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream_write(conn, stream, code);
}
inline int shutdown_read(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream_read(conn, stream, code);
}
/// The library only looks at the token, though it declares it writable.
inline void set_token(ngtcp2_settings& settings, BytesView token) {
  settings.token = {const_cast<std::uint8_t*>(token.data()), token.size()};
}
[[nodiscard]] inline BytesView token_of(const ngtcp2_pkt_hd& header) {
  return {header.token.base, header.token.len};
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& dcid) {
  params.original_dcid = dcid;
}
constexpr ngtcp2_duration keep_alive_never = 0;
constexpr bool closes_received_streams = false;

#endif

}  // namespace barrel::quic::ng
