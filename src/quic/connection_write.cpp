// How a ConnectionImpl makes packets out of its streams.
#include <algorithm>
#include <array>
#include <utility>

#include "quic/connection_impl.hpp"

namespace barrel::quic {
namespace {

/// Views of a stream's blocks given to ngtcp2 for one frame; a packet takes more frames if there is room.
/// ngtcp2 before 1.6 leaks a frame of many views that is split when it is sent again (its issue 1244); one of
/// two is small enough.
constexpr std::size_t views_max = 2;
/// One connection's burst before the next one's turn; the kernel takes 64 at once.
constexpr std::size_t burst_packets = 2 * PacketTrain::segments_max;
/// A stream is taken again and again into one packet only while it has something to give; stops a loop that
/// is not supposed to exist.
constexpr int frames_per_packet_max = 1'024;

}  // namespace

ngtcp2_ssize ConnectionImpl::write_packet(std::span<std::uint8_t> room, Path& path, ngtcp2_tstamp now) {
  ngtcp2_pkt_info info{};
  for (int frames = 0;; ++frames) {
    Stream* stream = nullptr;
    if (frames < frames_per_packet_max) {
      for (auto& queue : ready_) {
        if (stream == nullptr && !queue.empty()) stream = queue.front();
      }
    }
    std::array<ngtcp2_vec, views_max> vectors{};
    std::size_t count = 0;
    bool fin = false;
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (stream != nullptr) {
      std::array<BytesView, views_max> views;
      count = stream->out.peek(views, room.size());
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < count; ++i) {
        // The library only reads it, though it declares it writable.
        vectors[i] = {const_cast<std::uint8_t*>(views[i].data()), views[i].size()};
        bytes += views[i].size();
      }
      fin = stream->out.finished() && bytes == stream->out.unsent();
      flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0U);
    }
    ngtcp2_ssize taken = -1;
    const auto written = ngtcp2_conn_writev_stream(
        conn_, path.get(), &info, room.data(), room.size(), &taken, flags,
        stream != nullptr ? static_cast<std::int64_t>(stream->id) : -1, vectors.data(), count, now);
    if (stream == nullptr) return written;
    if (taken >= 0) on_sent(*stream, static_cast<std::size_t>(taken), fin);
    switch (written) {
      case NGTCP2_ERR_WRITE_MORE: continue;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        stream->parked = true;
        unready(*stream);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        end_writing(*stream);
        stopped_.push_back(stream->id);
        continue;
      default: break;
    }
    // The next packet begins with another stream.
    auto& queue = ready_[static_cast<std::size_t>(stream->priority)];
    if (written > 0 && queue.size() > 1 && queue.front() == stream) {
      queue.pop_front();
      queue.push_back(stream);
    }
    return written;
  }
}

void ConnectionImpl::on_sent(Stream& stream, std::size_t count, bool fin) {
  stream.out.mark_sent(count);
  if (fin && stream.out.unsent() == 0) stream.out.mark_fin_sent();
  if (!stream.out.has_work()) unready(stream);
  if (stream.full && stream.out.unsent() < host_->config().send_low_water) {
    stream.full = false;
    writable_.push_back(stream.id);
  }
}

bool ConnectionImpl::write(PacketTrain& train, Instant now) {
  if (end_) return false;
  const auto timestamp = stamp(now);
  bool more = false;
  Path path;
  for (std::size_t packets = 0; !train.blocked(); ++packets) {
    if (packets == burst_packets) {
      more = true;
      break;
    }
    const auto written = write_packet(train.next(), path, timestamp);
    if (written < 0) {
      fail(static_cast<int>(written));
      break;
    }
    if (written == 0) break;
    train.commit(static_cast<std::size_t>(written), path);
  }
  if (!end_ && probe_wanted_) write_probe(train, now);
  train.flush();
  // Pacing the handshake costs 26 ms of it in ngtcp2 0.12.
  if (!end_ && state_ == State::connected) ngtcp2_conn_update_pkt_tx_time(conn_, latest_);
  tell_deferred();
  if (close_wanted_ && !end_) {
    ng::CloseError error{};
    if (close_wanted_->kind == CloseKind::application) {
      ng::close_with_application(error, close_wanted_->code, close_wanted_->text);
    } else {
      ng::close_with_transport(error, close_wanted_->code, close_wanted_->text);
    }
    end_with(*close_wanted_, error);
  }
  return more && !end_;
}

/// A PING is something that only the keep-alive sends; for one packet it is made overdue.
void ConnectionImpl::write_probe(PacketTrain& train, Instant now) {
  if (train.blocked()) return;
  probe_wanted_ = false;
  Path path;
  ngtcp2_pkt_info info{};
  ngtcp2_conn_set_keep_alive_timeout(conn_, 1);
  // A moment later than what was just read or written, which counts as alive too.
  latest_ = stamp(now) + 1;
  const auto room = train.next();
  const auto written = ngtcp2_conn_write_pkt(conn_, path.get(), &info, room.data(), room.size(), latest_);
  apply_keep_alive();
  if (written < 0) return fail(static_cast<int>(written));
  if (written > 0) train.commit(static_cast<std::size_t>(written), path);
}

/// What the owner is told only now, because between the frames of one packet it must not touch the
/// connection.
void ConnectionImpl::tell_deferred() {
  for (const auto id : std::exchange(stopped_, {})) {
    Stream* stream = find(id);
    if (stream == nullptr || stream->stop_told) continue;
    stream->stop_told = true;
    if (told()) events_->on_stop_sending(*this, id);
  }
  for (const auto id : std::exchange(writable_, {})) {
    if (find(id) != nullptr && told()) events_->on_stream_writable(*this, id);
  }
}

}  // namespace barrel::quic
