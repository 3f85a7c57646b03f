#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "barrel/base/bytes.hpp"
#include "barrel/base/metrics.hpp"
#include "barrel/base/shared_parts.hpp"
#include "barrel/term/pid.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "dist/atom_cache.hpp"
#include "dist/buffer_pool.hpp"
#include "dist/envelope.hpp"
#include "dist/fragment_turns.hpp"
#include "dist/slices.hpp"

namespace barrel::dist {

/// Which stream of a channel a message goes by. All signals of one pair (sender, receiver) take the same
/// lane.
enum class Lane : std::uint8_t {
  messages,  ///< Everything that processes send.
  overlay,   ///< Membership, gossip and liveness of the node itself: never behind a user's bulk data.
};
inline constexpr std::size_t lane_count = 2;

/// Default and effect of each limit of an Outbound.
struct OutboundLimits {
  /// Bytes of a lane that are queued or not yet acknowledged by the peer, above which push() refuses.
  /// Erlang's busy limit is 1 MiB; ours covers bytes in flight too: 8 MiB is 1.4 GB/s at 5 ms of round trip.
  std::size_t budget_bytes_max = 8U << 20;
  /// After a refusal the lane counts as drained once it holds no more than this. Half the budget, a guess.
  std::size_t drained_bytes_max = 4U << 20;
  /// Largest distribution message. Erlang has no limit; 64 MiB is above any message of the handbook, and
  /// bounds what the receiver buffers for one.
  std::size_t frame_bytes_max = 64U << 20;
};

/// What the peer of a connection takes.
struct OutboundForm {
  Envelope envelope = Envelope::pass_through;
  /// The two ends keep a cache of atoms; only in the header envelope.
  bool atom_cache = false;
  /// Large messages may go in fragments; only in the header envelope.
  bool fragments = false;
  /// A frame may lie in several slices, since nobody between here and the peer looks into it.
  bool in_parts = false;
  friend bool operator==(const OutboundForm&, const OutboundForm&) = default;
};

/// The messages that wait for one channel, encoded: a byte queue for each lane, filled by the threads of the
/// senders, emptied by the cluster thread. There before the channel is up, so that messages wait for the dial
/// in order, and used again by each connection of the channel.
///
/// Senders encode their frames (`Length:32, message`) by themselves and append them to the lane's open block
/// under a short lock. Large ones keep the buffer into which they were encoded, and large binaries within
/// them are not even copied to there: they are sent from where they lie. take() hands slices out without
/// copying; what it handed out stays charged to the budget until acknowledged() says that the peer has it.
/// Slices that follow each other in a block have the same owner, so that the transport can join them.
///
/// Messages that wait for a connection are in the default form. use() turns them into the one that the
/// connection wants, in which all later ones are written at once. In the header envelope large
/// messages go in fragments, whose senders take turns. With an atom cache the small messages of the first
/// lane that leave in the order in which they came refer to its atoms; all others have them spelled out.
///
/// Thread-safe: push(), busy(), pending_bytes() for all; the rest for the cluster thread.
class Outbound {
 public:
  enum class Status : std::uint8_t {
    queued,
    busy,       ///< The lane's budget is used up; nothing was queued.
    too_large,  ///< The message is larger than frame_bytes_max; nothing was queued.
  };
  struct Pushed {
    Status status = Status::queued;
    /// The channel was clean before: the caller must tell the cluster thread, once, that it is dirty now.
    bool wake = false;
    /// The peer will drop the message; see expect_depth().
    bool too_deep = false;
  };

  /// Size of a block. As OTP's output buffers, and few enough to hold by the hundred.
  static constexpr std::size_t block_bytes = 64U << 10;
  /// A frame of at least this size is not copied into a block.
  static constexpr std::size_t large_bytes = 16U << 10;
  /// Up to here a message refers to the connection's cache of atoms: its terms have to be gone through. A
  /// guess; the atoms of larger messages matter less.
  static constexpr std::size_t shortened_bytes_max = 4U << 10;
  /// Of the buffers of large messages, for each channel: as much as is sent between busy and drained. A
  /// channel that has nothing to send keeps little of it.
  static constexpr std::size_t pool_bytes_max = 4U << 20;
  static constexpr std::size_t idle_pool_bytes_max = 256U << 10;
  /// A buffer in which a thread encodes is kept for its next message unless it is larger.
  static constexpr std::size_t encoding_bytes_max = Shelf<Bytes>::buffer_bytes_max;

  /// `metrics` must outlive this.
  Outbound(OutboundLimits limits, Metrics& metrics);
  ~Outbound();
  Outbound(const Outbound&) = delete;
  Outbound& operator=(const Outbound&) = delete;

  [[nodiscard]] const OutboundLimits& limits() const { return limits_; }

  /// Who sends, as far as the order of its messages is concerned: a process of this node, or the node itself.
  enum class Sender : std::uint64_t { node = 0 };
  [[nodiscard]] static Sender sender_of(const Pid& pid) {
    return Sender{std::uint64_t{pid.id} << 32 | pid.serial};
  }

  /// Queues one frame. `encode(ByteWriter&, Envelope)` appends the message in that envelope (encode_head()
  /// and payload), and may be called again if the form changes meanwhile. It may leave large binaries to
  /// the writer's SharedParts. When it throws, nothing is queued and the exception passes.
  /// `force`: also over the budget, for signals that must not be lost (exits, DOWNs, acknowledgements); the
  /// number of those is bounded by the links and monitors that exist.
  template <class Encode>
  Pushed push(Lane lane, Encode&& encode, bool force = false, Sender sender = Sender::node) {
    Queue& queue = queue_of(lane);
    if (const Status status = admit(queue, force); status != Status::queued) return {status, false};
    for (Frame frame;;) {
      const OutboundForm form = queue.form;
      ByteWriter writer = frame.begin(form.in_parts);
      encode(writer, form.envelope);
      const bool too_deep = lane == Lane::messages && is_too_deep(frame);
      const std::lock_guard guard(queue.lock);
      if (queue.form.load() != form) continue;  // a connection came or went while we encoded
      Pushed pushed = append(queue, frame, sender);
      if (too_deep && pushed.status == Status::queued) {
        too_deep_.add();
        pushed.too_deep = true;
      }
      return pushed;
    }
  }

  /// What waits in a lane, in order, as slices that keep their block alive: whole frames until
  /// `bytes_max` is reached or passed. The channel counts as clean as soon as a lane was asked: a push
  /// afterwards says wake again.
  [[nodiscard]] std::vector<SharedBytes> take(Lane lane, std::size_t bytes_max);
  /// The peer has acknowledged `bytes` more of what take() gave: they are off the budget.
  void acknowledged(Lane lane, std::size_t bytes);
  /// True once after a lane had refused a push and has drained since.
  [[nodiscard]] bool poll_drained(Lane lane);

  [[nodiscard]] bool busy(Lane lane) const;
  /// As busy(); and if so, poll_drained() will tell when the lane has drained, as after a refusal.
  [[nodiscard]] bool wait_if_busy(Lane lane);
  /// Queued and unacknowledged bytes of a lane.
  [[nodiscard]] std::size_t pending_bytes(Lane lane) const;
  /// Bytes of a lane that peers have acknowledged, over all connections.
  [[nodiscard]] std::uint64_t acknowledged_bytes(Lane lane) const;
  /// Queued bytes of a lane that were not taken yet.
  [[nodiscard]] std::size_t queued_bytes(Lane lane) const;

  /// The form of the connection that takes from here from now on. What waits is turned into that. Cluster
  /// thread, before the connection's first take().
  void use(OutboundForm form);
  /// The peer accepts no larger messages than this: those that wait are dropped and counted, those that are
  /// pushed from now on refused. Cluster thread, before use().
  void lower_frame_limit(std::size_t bytes_max);

  /// The peer drops messages whose payload nests deeper, as Barrel nodes do; 0: it does not. They are sent
  /// all the same, and counted. Any thread; until restart().
  void expect_depth(std::uint32_t depth_max) { depth_max_ = depth_max; }

  /// Begins anew for the next connection: drops what waits and forgets what is in flight, both counted, the
  /// peer's limit and its envelope. Cluster thread; who took from this before must not call acknowledged()
  /// afterwards.
  void restart();

 private:
  /// A frame while it is encoded, in the thread's buffer: its size is known only afterwards.
  class Frame {
   public:
    Frame();
    ~Frame();
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    /// Empties it but for its length, which is written last.
    [[nodiscard]] ByteWriter begin(bool in_parts);
    [[nodiscard]] std::size_t size() const { return bytes.size() + parts.bytes(); }
    /// Copies the parts to where they belong.
    void join();

    Bytes bytes;
    SharedParts parts;
  };
  struct Piece {
    SharedBytes bytes;
    bool more = false;  // its last frame goes on in the next one
  };
  struct Block;
  struct Queue {
    explicit Queue(FragmentTurns::Sequences& sequences) : turns(sequences) {}

    mutable std::mutex lock;
    std::atomic<OutboundForm> form{OutboundForm()};  // written with the lock held
    Bytes shortened;                                 // a frame, with references to the cache
    std::unique_ptr<AtomCacheWriter> atom_cache;
    std::vector<Piece> full;         // to take, oldest first
    std::shared_ptr<Block> open;     // where small frames are appended
    std::size_t open_sliced = 0;     // bytes of `open` that are in slices already
    FragmentTurns turns;             // what goes in fragments, and what waits behind it
    std::uint64_t whole_queued = 0;  // bytes that ever came to `full` and `open`
    std::uint64_t whole_taken = 0;   // and left them
    std::size_t queued_bytes = 0;
    std::atomic<std::size_t> pending_bytes{0};
    std::atomic<std::uint64_t> acknowledged_bytes{0};
    std::atomic<bool> refused{false};
  };

  [[nodiscard]] Queue& queue_of(Lane lane) { return queues_[static_cast<std::size_t>(lane)]; }
  [[nodiscard]] const Queue& queue_of(Lane lane) const { return queues_[static_cast<std::size_t>(lane)]; }
  [[nodiscard]] Status admit(Queue& queue, bool force);
  /// Whether the payload of a frame nests deeper than the peer takes.
  [[nodiscard]] bool is_too_deep(Frame& frame) const;

  // With the queue's lock held.
  Pushed append(Queue& queue, Frame& frame, Sender sender);
  Pushed append_large(Queue& queue, Frame& frame, Sender sender);
  Pushed refuse_large();
  /// The bytes of a large frame and its parts. The frame has another buffer afterwards, if its own is large.
  [[nodiscard]] Slices slices_of(Frame& frame) const;
  Pushed queued(Queue& queue, std::size_t count);
  [[nodiscard]] static BytesView shorten(Queue& queue, BytesView frame);
  static void add_open(Queue& queue, BytesView frame);
  static void add_whole(Queue& queue, Slices frame);
  void drop_too_large(Queue& queue);
  void convert(Queue& queue);  // what waits, to the header envelope
  void convert(Queue& queue, BytesView frame);
  static void slice_open(Queue& queue);  // makes a slice of what `open` holds beyond its slices

  const OutboundLimits limits_;
  Counter& refused_busy_;
  Counter& refused_large_;
  Counter& too_deep_;
  Counter& lost_bytes_;
  Counter& unacknowledged_bytes_;
  Counter& atoms_taken_;
  BufferPool pool_{pool_bytes_max};
  FragmentTurns::Sequences sequences_{0};
  std::array<Queue, lane_count> queues_{Queue(sequences_), Queue(sequences_)};
  std::atomic<std::size_t> frame_bytes_max_;
  std::atomic<std::uint32_t> depth_max_{0};
  std::atomic<bool> dirty_{false};
};

}  // namespace barrel::dist
