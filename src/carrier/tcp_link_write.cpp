// How what a TCP link sends gets to the system: pieces of the outbound queue as they lie there, many in one
// call.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "carrier/link_context.hpp"
#include "carrier/tcp_link.hpp"

namespace barrel::carrier {
namespace {

/// Asked of the outbound queue at once, and encrypted ahead of what has left. A guess: what a socket buffer
/// holds.
constexpr std::size_t take_bytes = 256U << 10;
/// Written by one call.
constexpr std::size_t pieces_max = 64;

}  // namespace

void TcpLink::flush(Instant now) {
  context_.now = std::max(context_.now, now);
  if (phase_ == Phase::up && !blocked_) pump();
}

void TcpLink::on_writable() {
  touch();
  blocked_ = false;
  pump();
}

void TcpLink::enqueue(SharedBytes bytes, std::optional<dist::Lane> lane) {
  if (bytes.size() == 0) return;
  if (tls_ && lane) {
    tls_->write(bytes.view());
    outbound_->acknowledged(*lane, bytes.size());
    return;
  }
  queued_bytes_ += bytes.size();
  queue_.push_back({std::move(bytes), lane});
}

void TcpLink::enqueue_plain(const SharedBytes& frames, dist::Lane lane) {
  Bytes plain;
  std::vector<dist::SpawnReply> answers;
  for (ByteReader in(frames.view()); !in.at_end();) {
    const std::uint32_t length = in.u32();
    auto written = plain_->write(in.take(length), plain);
    if (!written.any) context_.count("dist.plain_left_out");
    if (written.answer) answers.push_back(*std::move(written.answer));
  }
  // Off the budget at once: no more is taken from the queue while the system takes nothing.
  outbound_->acknowledged(lane, frames.size());
  if (tls_) tls_->write(plain);
  else enqueue(SharedBytes(std::move(plain)), {});
  for (dist::SpawnReply& answer : answers) {
    dist::Message message{std::move(answer), {}};
    context_.owner.on_message(*this, message, lane);
  }
}

bool TcpLink::take_more() {
  if (phase_ != Phase::up || outbound_ == nullptr) return false;
  bool any = false;
  for (const dist::Lane lane : {dist::Lane::overlay, dist::Lane::messages}) {
    for (SharedBytes& block : outbound_->take(lane, take_bytes)) {
      if (plain_) enqueue_plain(block, lane);
      else enqueue(std::move(block), lane);
      any = true;
    }
  }
  return any;
}

void TcpLink::pump() {
  if (stream_ == nullptr) return;
  do {
    if (tls_) enqueue(SharedBytes(tls_->take_output()), {});
    if (!blocked_) write_pieces();
  } while (!blocked_ && connected() && take_more());
  tell_drained();
}

void TcpLink::write_pieces() {
  while (!queue_.empty() && !blocked_) {
    std::array<BytesView, pieces_max> pieces;
    const std::size_t count = std::min(queue_.size(), pieces_max);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      pieces[i] = queue_[i].bytes.view();
      if (i == 0) pieces[i] = pieces[i].subspan(front_written_);
      bytes += pieces[i].size();
    }
    const std::size_t taken = stream_->write(std::span(pieces).first(count));
    written(taken);
    if (taken < bytes) blocked_ = true;
  }
}

void TcpLink::written(std::size_t count) {
  if (count == 0) return;
  last_sent_ = context_.now;
  queued_bytes_ -= count;
  while (count > 0) {
    const Piece& front = queue_.front();
    const std::size_t part = std::min(count, front.bytes.size() - front_written_);
    count -= part;
    front_written_ += part;
    if (front.lane && outbound_ != nullptr) outbound_->acknowledged(*front.lane, part);
    if (front_written_ < front.bytes.size()) return;
    queue_.pop_front();
    front_written_ = 0;
  }
}

}  // namespace barrel::carrier
