// Streams of a ConnectionImpl: what users do with them, and which of them have something to send.
#include <algorithm>
#include <utility>

#include "quic/connection_impl.hpp"

namespace barrel::quic {
namespace {

/// Unidirectional streams that a peer may open in the life of a connection where the library never frees them
/// (see closes_received_streams): 16 MB. The distribution protocol opens one.
constexpr std::uint64_t received_streams_max = 32'768;

/// Consumed bytes are given back to the peer in this many parts of the window: few frames, and always most of
/// the window left. A guess.
constexpr std::uint64_t window_parts = 8;

std::int64_t native(StreamId stream) {
  return static_cast<std::int64_t>(stream);
}

Error closed_error(std::string_view why) {
  return {Errc::closed, Term::binary(as_bytes(why))};
}

}  // namespace

Result<StreamId> ConnectionImpl::open(bool unidirectional) {
  if (state_ != State::connected || end_) return closed_error("connection");
  std::int64_t id = 0;
  const int result = unidirectional ? ngtcp2_conn_open_uni_stream(conn_, &id, nullptr)
                                    : ngtcp2_conn_open_bidi_stream(conn_, &id, nullptr);
  if (result == NGTCP2_ERR_STREAM_ID_BLOCKED) {
    return Error{Errc::busy, Term::binary(as_bytes("the peer allows no more streams"))};
  }
  if (result != 0) return Error{Errc::io, Term::binary(as_bytes(ngtcp2_strerror(result)))};
  return add_stream(static_cast<StreamId>(id), false).id;
}

ConnectionImpl::Stream& ConnectionImpl::add_stream(StreamId id, bool by_peer) {
  auto& stream = *streams_.insert_or_assign(id, std::make_unique<Stream>(id, by_peer)).first->second;
  if (id == 0) stream.priority = StreamPriority::control;
  ngtcp2_conn_set_stream_user_data(conn_, native(id), &stream);
  return stream;
}

ConnectionImpl::Stream* ConnectionImpl::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

const ConnectionImpl::Stream* ConnectionImpl::find(StreamId id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool ConnectionImpl::can_write(StreamId id) const {
  return !is_unidirectional(id) || opened_by_server(id) != client_;
}

void ConnectionImpl::set_priority(StreamId id, StreamPriority priority) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->priority == priority) return;
  const bool was_ready = stream->ready;
  unready(*stream);
  stream->priority = priority;
  if (was_ready) make_ready(*stream);
}

Result<std::uint64_t> ConnectionImpl::send(StreamId id, SharedBytes bytes, bool fin) {
  if (state_ != State::connected || end_) return closed_error("connection");
  Stream* stream = find(id);
  if (!can_write(id) || (stream != nullptr && stream->out.finished())) {
    return Error{Errc::invalid_argument, Term::binary(as_bytes("not a stream to write on"))};
  }
  if (stream == nullptr || stream->write_ended || stream->closed) return closed_error("stream");
  const auto& config = host_->config();
  if (buffered_ + bytes.size() > config.send_buffer_bytes_max) {
    host_->counters().send_buffer_limit.add();
    return Error{Errc::busy, Term::binary(as_bytes("send_buffer_bytes_max"))};
  }
  buffered_ += bytes.size();
  stream->out.push(std::move(bytes));
  if (fin) stream->out.finish();
  if (stream->out.unsent() > config.send_high_water) stream->full = true;
  if (!stream->parked && stream->out.has_work()) make_ready(*stream);
  host_->mark_dirty(*this);
  return stream->out.end();
}

std::uint64_t ConnectionImpl::acknowledged(StreamId id) const {
  const Stream* stream = find(id);
  return stream == nullptr ? 0 : stream->out.acknowledged();
}

std::size_t ConnectionImpl::unsent(StreamId id) const {
  const Stream* stream = find(id);
  return stream == nullptr ? 0 : stream->out.unsent();
}

void ConnectionImpl::consume(StreamId id, std::size_t count) {
  Stream* stream = find(id);
  if (stream == nullptr || end_) return;
  const auto credit = std::min<std::uint64_t>(count, stream->unconsumed);
  if (credit == 0) return;
  stream->unconsumed -= credit;
  if (!stream->closed) ngtcp2_conn_extend_max_stream_offset(conn_, native(id), credit);
  give_window(credit);
  host_->mark_dirty(*this);
  forget_if_done(*stream);
}

/// The library would tell the peer after each half of the window that the connection began with, which is
/// small.
void ConnectionImpl::give_window(std::uint64_t credit) {
  window_credit_ += credit;
  if (window_credit_ < window_bytes_ / window_parts) return;
  ngtcp2_conn_extend_max_offset(conn_, std::exchange(window_credit_, 0));
}

void ConnectionImpl::reset_stream(StreamId id, std::uint64_t code) {
  Stream* stream = find(id);
  if (stream == nullptr || end_ || !can_write(id) || stream->write_ended || stream->closed) return;
  stream->reset_by_us = true;
  end_writing(*stream);
  if (const int result = ng::shutdown_write(conn_, native(id), code); result != 0) fail(result);
  host_->mark_dirty(*this);
}

void ConnectionImpl::stop_sending(StreamId id, std::uint64_t code) {
  Stream* stream = find(id);
  if (stream == nullptr || end_ || stream->discarding) return;
  if (is_unidirectional(id) && !stream->opened_by_peer) return;
  stream->discarding = true;
  if (!stream->closed) {
    if (const int result = ng::shutdown_read(conn_, native(id), code); result != 0) fail(result);
  }
  consume(id, static_cast<std::size_t>(stream->unconsumed));
  host_->mark_dirty(*this);
}

void ConnectionImpl::make_ready(Stream& stream) {
  if (stream.ready) return;
  stream.ready = true;
  ready_[static_cast<std::size_t>(stream.priority)].push_back(&stream);
}

void ConnectionImpl::unready(Stream& stream) {
  if (!stream.ready) return;
  stream.ready = false;
  auto& queue = ready_[static_cast<std::size_t>(stream.priority)];
  if (queue.front() == &stream) queue.pop_front();
  else std::erase(queue, &stream);
}

void ConnectionImpl::end_writing(Stream& stream) {
  stream.write_ended = true;
  buffered_ -= stream.out.unsent();
  stream.out.drop_unsent();
  unready(stream);
}

/// The stream is gone in ngtcp2, and with it every view of its blocks.
void ConnectionImpl::release(Stream& stream) {
  unready(stream);
  buffered_ -= stream.out.buffered();
  stream.out = SendQueue();
  stream.write_ended = true;
  stream.closed = true;
}

void ConnectionImpl::forget_if_done(Stream& stream) {
  if (!stream.closed || stream.unconsumed > 0) return;
  const StreamId id = stream.id;
  if (stream.opened_by_peer) {
    if (!is_unidirectional(id)) {
      ngtcp2_conn_extend_max_streams_bidi(conn_, 1);
    } else if (ng::closes_received_streams || ++received_streams_ < received_streams_max) {
      ngtcp2_conn_extend_max_streams_uni(conn_, 1);
    } else {
      host_->counters().received_streams_limit.add();
    }
    host_->mark_dirty(*this);
  }
  streams_.erase(id);
}

}  // namespace barrel::quic
