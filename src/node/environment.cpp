#include "node/environment.hpp"

#include <cstring>
#include <utility>

#include "auth/identity.hpp"
#include "loop/epoll_loop.hpp"
#include "node/log_sink.hpp"

namespace barrel::node {

namespace {

template <class Number>
Number fresh_number() {
  const auth::Nonce random = auth::fresh_nonce();
  Number number = 0;
  static_assert(sizeof number <= sizeof random);
  std::memcpy(&number, random.data(), sizeof number);
  return number;
}

Result<std::unique_ptr<loop::Loop>> make_real_loop(Metrics& metrics) {
  auto loop = loop::make_epoll_loop(metrics);
  if (!loop) return std::move(loop).error();
  return std::unique_ptr<loop::Loop>(*std::move(loop));
}

}  // namespace

Environment real_environment() {
  Environment environment;
  environment.make_loop = make_real_loop;
  environment.make_log_sink = make_log_sink;
  // Any number of at least 4 will do.
  const auto creation = fresh_number<std::uint32_t>();
  environment.creation = creation < 4 ? creation + 4 : creation;
  environment.seed = fresh_number<std::uint64_t>();
  return environment;
}

}  // namespace barrel::node
