#include "node/epmd_registration.hpp"

#include <utility>

namespace barrel::node {

EpmdRegistration::EpmdRegistration(loop::Loop& loop, const SocketAddress& epmd, tcp::EpmdNode self,
                                   Metrics& metrics, Log log)
    : loop_(loop),
      epmd_(epmd),
      self_(std::move(self)),
      registered_(metrics.gauge("tcp.epmd_registered")),
      retries_(metrics.counter("tcp.epmd_retries")),
      log_(log),
      retry_(loop, [this] {
        retries_.add();
        start();
      }) {}

EpmdRegistration::~EpmdRegistration() = default;

void EpmdRegistration::start() {
  answer_.clear();
  stream_ = loop_.tcp_dialer().dial(epmd_);
  if (stream_ == nullptr) return try_later("no more sockets");
  stream_->start(*this);
}

void EpmdRegistration::on_connected() {
  const Bytes request = tcp::encode_register(self_);
  const BytesView piece(request);
  (void)stream_->write({&piece, 1});
}

void EpmdRegistration::on_bytes(BytesView bytes) {
  if (registered_.value() != 0) return;  // nothing more is due
  answer_.insert(answer_.end(), bytes.begin(), bytes.end());
  const auto answer = tcp::parse_registered(answer_);
  if (answer && !*answer) return;
  if (!answer || !(*answer)->accepted) {
    stream_->close();
    return try_later(answer ? "it refuses the name " + self_.name + ": is there another node of that name?"
                            : answer.error().message());
  }
  registered_.set(1);
  last_problem_.clear();
  log_.info("registered with EPMD", {{"epmd", epmd_.to_string()}, {"name", self_.name}});
}

void EpmdRegistration::on_closed(const std::string& why) {
  try_later(registered_.value() != 0 ? "it has gone: " + why : why);
}

void EpmdRegistration::try_later(const std::string& why) {
  registered_.set(0);
  if (why != last_problem_) {
    log_.warning(
        "not registered with EPMD; Erlang nodes will not find this one until that works",
        {{"epmd", epmd_.to_string()}, {"why", why}, {"do", "start epmd, or set epmd_register = false"}});
  }
  last_problem_ = why;
  retry_.arm_after(retry_after);
}

}  // namespace barrel::node
