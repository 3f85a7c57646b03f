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
#include "barrel/term/pid.hpp"
#include "barrel/term/shared_bytes.hpp"
#include "dist/atom_cache.hpp"
#include "dist/buffer_pool.hpp"
#include "dist/envelope.hpp"
#include "dist/fragment_turns.hpp"

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

/// The messages that wait for one channel, encoded: a byte queue for each lane, filled by the threads of the
/// senders, emptied by the cluster thread. There before the channel is up, so that messages wait for the dial
/// in order, and used again by each connection of the channel.
///
/// Senders append whole frames (`Length:32, message`) to the lane's open block under a short lock. Large
/// messages are encoded outside of it into a block of their own. take() hands slices out without copying;
/// what it handed out stays charged to the budget until acknowledged() says that the peer has it. Slices that
/// follow each other in a block have the same owner, so that the transport can join them.
///
/// Messages that wait for a connection are in the pass-through envelope. use() turns them into the one that
/// the connection has negotiated, in which all later ones are written at once. In the header envelope large
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
  /// A message that is announced with at least this size is encoded outside of the lock.
  static constexpr std::size_t large_bytes = 16U << 10;
  /// Up to here a message refers to the connection's cache of atoms: its terms have to be gone through. A
  /// guess; the atoms of larger messages matter less.
  static constexpr std::size_t shortened_bytes_max = 4U << 10;
  /// Room for what stands before a large payload, so that its buffer need not grow.
  static constexpr std::size_t large_slack = 1U << 10;
  /// Of the buffers of large messages, for each channel: as much as is sent between busy and drained. A
  /// channel that has nothing to send keeps little of it.
  static constexpr std::size_t pool_bytes_max = 4U << 20;
  static constexpr std::size_t idle_pool_bytes_max = 256U << 10;

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
  /// and payload), and may be called again if the envelope changes meanwhile; `bytes_hint` is its size as far
  /// as the caller knows, 0 for small ones. When `encode` throws, nothing is queued and the exception passes.
  /// `force`: also over the budget, for signals that must not be lost (exits, DOWNs, acknowledgements); the
  /// number of those is bounded by the links and monitors that exist.
  template <class Encode>
  Pushed push(Lane lane, std::size_t bytes_hint, Encode&& encode, bool force = false,
              Sender sender = Sender::node) {
    Queue& queue = queue_of(lane);
    if (const Status status = admit(queue, force); status != Status::queued) return {status, false};
    if (bytes_hint >= large_bytes) return push_large(lane, bytes_hint, sender, encode);
    SharedBytes laid;  // what is to be looked at when others may go on
    Pushed pushed;
    {
      const std::lock_guard guard(queue.lock);
      queue.scratch.clear();
      ByteWriter writer(queue.scratch);
      writer.u32(0);
      encode(writer, queue.envelope);
      const bool looks = lane == Lane::messages && may_be_too_deep(queue.scratch.size());
      pushed = append(queue, sender, looks ? &laid : nullptr);
    }
    if (laid.size() > 0) pushed.too_deep = is_too_deep(laid.view());
    return pushed;
  }

  /// What waits in a lane, in order, as slices that keep their block alive: slices are taken until
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

  /// The envelope of the connection that takes from here from now on, whether the two ends keep a cache of
  /// atoms, and whether large messages may go in fragments. What waits is turned into that envelope. Cluster
  /// thread, before the connection's first take().
  void use(Envelope envelope, bool atom_cache = false, bool fragments = true);
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
  struct Block;
  struct Queue {
    explicit Queue(FragmentTurns::Sequences& sequences) : turns(sequences) {}

    mutable std::mutex lock;
    Envelope envelope = Envelope::pass_through;
    bool fragments = true;
    Bytes scratch;    // the frame being encoded: its size is known only afterwards
    Bytes shortened;  // the same, with references to the cache
    std::unique_ptr<AtomCacheWriter> atom_cache;
    std::vector<SharedBytes> full;   // slices to take, oldest first
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
  template <class Encode>
  Pushed push_large(Lane lane, std::size_t bytes_hint, Sender sender, Encode& encode) {
    Queue& queue = queue_of(lane);
    for (Envelope envelope = envelope_of(queue);;) {
      Bytes own = pool_.get(bytes_hint + large_slack);
      ByteWriter writer(own);
      writer.u32(0);
      encode(writer, envelope);
      const bool too_deep = lane == Lane::messages && is_too_deep(own);
      const std::lock_guard guard(queue.lock);
      if (queue.envelope == envelope) {
        Pushed pushed = push_locked(queue, std::move(own), sender);
        pushed.too_deep = too_deep;
        return pushed;
      }
      envelope = queue.envelope;  // a connection came or went while we encoded
    }
  }
  [[nodiscard]] static Envelope envelope_of(Queue& queue);
  /// Whether the payload of a frame nests deeper than the peer takes; counts it.
  [[nodiscard]] bool is_too_deep(BytesView frame);
  [[nodiscard]] bool may_be_too_deep(std::size_t frame_bytes) const;

  // With the queue's lock held.
  /// The frame in scratch. `laid`, if any, becomes the frame where it lies now, unless it is refused or waits
  /// behind another one.
  Pushed append(Queue& queue, Sender sender, SharedBytes* laid);
  Pushed push_locked(Queue& queue, Bytes frame, Sender sender, SharedBytes* laid = nullptr);
  Pushed queued(Queue& queue, std::size_t count);
  [[nodiscard]] static BytesView shorten(Queue& queue);
  static void add_open(Queue& queue, BytesView frame);
  static void add_whole(Queue& queue, SharedBytes frame);
  static std::vector<SharedBytes> take_in_turns(Queue& queue, std::size_t bytes_max, std::size_t& bytes);
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
