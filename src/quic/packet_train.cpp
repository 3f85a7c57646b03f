#include "quic/packet_train.hpp"

#include <algorithm>
#include <cstring>

#include "barrel/base/assert.hpp"

namespace barrel::quic {

PacketTrain::PacketTrain(DatagramSink& sink, std::size_t packet_bytes_max)
    : sink_(&sink),
      packet_bytes_max_(packet_bytes_max),
      buffer_(std::max(bytes_max, packet_bytes_max) + packet_bytes_max) {}

std::span<std::uint8_t> PacketTrain::next() {
  if (count_ == segments_max || size_ + packet_bytes_max_ > std::max(bytes_max, packet_bytes_max_)) flush();
  return std::span(buffer_).subspan(size_, packet_bytes_max_);
}

void PacketTrain::commit(std::size_t count, const Path& path) {
  BARREL_ASSERT(count <= packet_bytes_max_);
  if (count_ > 0 && (count > segment_ || !path_.same_as(path))) {
    const std::size_t start = size_;
    flush();
    std::memmove(buffer_.data(), buffer_.data() + start, count);
  }
  if (count_ == 0) {
    segment_ = count;
    path_.assign(path);
  }
  size_ += count;
  ++count_;
  if (count < segment_) flush();
}

void PacketTrain::flush() {
  if (count_ == 0) return;
  const DatagramTrain train{path_.local(), path_.remote(), BytesView(buffer_).first(size_),
                            count_ == 1 ? 0 : segment_};
  sent_.packets += count_;
  sent_.bytes += size_;
  ++sent_.trains;
  size_ = 0;
  count_ = 0;
  if (sink_->send(train) == DatagramSink::Status::blocked) blocked_ = true;
}

void PacketTrain::send_single(BytesView datagram, const SocketAddress& local, const SocketAddress& remote) {
  flush();
  ++sent_.packets;
  ++sent_.trains;
  sent_.bytes += datagram.size();
  if (sink_->send({local, remote, datagram, 0}) == DatagramSink::Status::blocked) blocked_ = true;
}

}  // namespace barrel::quic
