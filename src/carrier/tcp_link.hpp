#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "barrel/term/shared_bytes.hpp"
#include "base/byte_stream.hpp"
#include "carrier/link.hpp"
#include "carrier/link_context.hpp"
#include "carrier/message_sizes.hpp"
#include "carrier/tcp_config.hpp"
#include "dist/frame_reader.hpp"
#include "dist/plain_forms.hpp"
#include "tcp/tls.hpp"

namespace barrel::carrier {

/// What the TCP links of one node share beside a LinkContext; the TcpCarrier owns it.
struct TcpContext {
  TcpConfig config;
  StreamDialer& dialer;
  const Clock& clock;
};

/// One TCP connection to an Erlang node as a distribution channel, with or without TLS. Made and driven by
/// the TcpCarrier.
///
/// The name of the other end is what it says: the cookie, and with TLS the certificate, are all that speaks
/// for it. There is no on_authenticated() and no pin().
class TcpLink final : public Link, private StreamEvents {
 public:
  TcpLink(LinkContext& context, TcpContext& tcp, std::uint64_t id, std::optional<NodeName> target);
  ~TcpLink() override;

  // Link
  [[nodiscard]] Instant last_heard() const override { return last_heard_; }
  [[nodiscard]] std::string missing() const override;
  [[nodiscard]] const SocketAddress& remote_address() const override { return remote_; }
  [[nodiscard]] std::size_t unacknowledged_bytes() const override { return queued_bytes_; }
  void flush(Instant now) override;
  void on_timer() override;

  // For the carrier.
  /// False when the system has no more sockets; then nothing follows.
  [[nodiscard]] bool dial(const TcpDial& where);
  void accept(std::unique_ptr<ByteStream> stream);
  /// Undoes the making of a link that could not be dialed.
  void abandon();

 private:
  /// What a connection that is not up is waiting for.
  enum class Stage : std::uint8_t {
    asking,      ///< EPMD's answer.
    connecting,  ///< TCP.
    securing,    ///< TLS.
    speaking,
  };
  /// What waits to be written.
  struct Piece {
    SharedBytes bytes;
    std::optional<dist::Lane> lane;  // whose budget it is on
  };

  // StreamEvents
  void on_connected() override;
  [[nodiscard]] std::span<std::uint8_t> room() override;
  void on_placed(std::size_t count) override;
  void on_bytes(BytesView bytes) override;
  void on_writable() override;
  void on_closed(const std::string& why) override;

  // Setting up.
  [[nodiscard]] bool connect(const SocketAddress& remote);
  void on_epmd_answer(BytesView bytes);
  void begin();
  void on_secured_bytes(BytesView bytes);
  void send_control(Bytes bytes) override;
  void on_handshake_complete(const dist::HandshakeComplete& complete) override;

  // Messages.
  void on_plain_bytes(BytesView bytes);
  void read_messages(BytesView bytes);
  void read_frames();
  void on_frames_read();
  void count_ticks();
  void enqueue(SharedBytes bytes, std::optional<dist::Lane> lane);
  /// The same for whole frames to a peer that understands older forms only.
  void enqueue_plain(const SharedBytes& frames, dist::Lane lane);
  /// Writes what waits, and takes more from the outbound queue, until the system takes no more.
  void pump();
  [[nodiscard]] bool take_more();
  void write_pieces();
  void written(std::size_t count);

  // The end, and time.
  [[nodiscard]] bool connected() const override { return stream_ != nullptr && !released_; }
  void release(bool linger) override;
  [[nodiscard]] std::optional<Instant> next_timer() const override;
  void check_silence();
  void touch() { context_.now = std::max(context_.now, tcp_.clock.now()); }
  [[nodiscard]] Duration tick_interval() const { return tcp_.config.ticktime / 4; }

  TcpContext& tcp_;
  Stage stage_ = Stage::connecting;
  std::unique_ptr<ByteStream> epmd_;
  std::unique_ptr<ByteStream> stream_;
  std::unique_ptr<tcp::TlsSession> tls_;
  SocketAddress remote_;
  Bytes epmd_answer_;
  bool released_ = false;
  Instant last_heard_{};
  Instant last_sent_{};
  Instant next_tick_{};
  dist::FrameReader reader_;
  MessageSizes sizes_;
  std::uint64_t ticks_counted_ = 0;
  std::optional<dist::PlainForms> plain_;  // to a peer that needs them
  std::deque<Piece> queue_;
  std::size_t front_written_ = 0;  // bytes of the first piece that are gone
  std::size_t queued_bytes_ = 0;
  bool blocked_ = false;  // until on_writable()
};

}  // namespace barrel::carrier
