#include "carrier/silence.hpp"

#include <algorithm>

namespace barrel::carrier {

Silence::Silence(const Liveness& liveness, Instant now)
    : liveness_(liveness), since_(now), heard_(now), next_(now + liveness.ping_after), probed_(now) {}

Silence::Step Silence::look(Instant heard, Instant now) {
  if (now > next_ + stall_min) since_ += now - next_;
  if (heard > heard_) {
    heard_ = heard;
    since_ = std::max(since_, heard);
  }
  since_ = std::min(since_, now);
  const Duration silence = now - since_;
  next_ = now + (suspected_ ? suspected_interval : liveness_.ping_after);
  if (silence >= liveness_.down_after) return Step::down;

  if (suspected_ && silence < liveness_.suspect_after) {
    suspected_ = false;
    next_ = since_ + liveness_.ping_after;
    return Step::alive;
  }
  if (!suspected_ && silence >= liveness_.suspect_after) {
    suspected_ = true;
    probed_ = now;
    next_ = std::min(now + suspected_interval, since_ + liveness_.down_after);
    return Step::suspect;
  }
  Step step = Step::none;
  if (silence >= liveness_.ping_after && now - probed_ >= liveness_.ping_after) {
    probed_ = now;
    step = Step::probe;
  }
  const Instant boundary = since_ + (suspected_ ? liveness_.down_after : liveness_.suspect_after);
  const Instant ping =
      silence >= liveness_.ping_after ? probed_ + liveness_.ping_after : since_ + liveness_.ping_after;
  next_ = std::min(suspected_ ? now + suspected_interval : ping, boundary);
  return step;
}

}  // namespace barrel::carrier
