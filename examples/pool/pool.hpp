#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "barrel/node/node.hpp"
#include "barrel/otp/gen_server.hpp"

namespace pool {

using namespace barrel;

/// Who did a job.
struct Done {
  static constexpr std::string_view tag = "done";
  NodeName by;
};

/// Something that takes a while: {job, Text, Milliseconds}.
struct Job {
  static constexpr std::string_view tag = "job";
  std::string text;
  int milliseconds = 0;
  using Reply = Done;
};

/// One of the pool: on every node that wants to help, under the same name, with its load for all to see.
class Worker {
 public:
  /// To itself, when a job's time is up.
  struct Finished {
    static constexpr std::string_view tag = "finished";
    std::uint64_t number = 0;
  };
  using Calls = Messages<Job>;
  using Casts = Messages<>;
  using Infos = Messages<Finished>;

  explicit Worker(Self self) : self_(self) {
    auto registered = self_.node().registry().register_service(self_, Atom("worker"), {{"load", 0}});
    if (!registered) exit(registered.error().reason);
    registration_ = std::move(*registered);
  }

  void handle_call(const Job& job, ReplyTo<Job> client) {
    clients_.emplace(++jobs_, std::move(client));
    self_.send_after(std::chrono::milliseconds(job.milliseconds), self_.pid(), Finished{jobs_});
    publish_load();
  }
  void handle_info(const Finished& job) {
    clients_.at(job.number).reply({self_.node().name()});
    clients_.erase(job.number);
    publish_load();
  }

 private:
  void publish_load() {
    const auto published = registration_.update({{"load", clients_.size()}});
    if (!published) exit(published.error().reason);
  }

  Self self_;
  Registration registration_;
  std::uint64_t jobs_ = 0;
  std::map<std::uint64_t, ReplyTo<Job>> clients_;
};

/// How much a worker says it has to do.
inline int load_of(const ServiceEntry& worker) {
  return worker.meta.get<int>("load").value_or(0);
}

/// The worker with least to do that is not one of the `lost`.
inline std::optional<Pid> least_loaded(const Registry& registry, const std::set<Pid>& lost = {}) {
  auto workers = registry.lookup(Atom("worker"));
  std::erase_if(workers, [&](const ServiceEntry& worker) { return lost.contains(worker.pid); });
  const auto best = std::ranges::min_element(workers, {}, load_of);
  if (best == workers.end()) return std::nullopt;
  return best->pid;
}

/// Has a job done; by the next best worker when one is lost over it.
inline Task<Result<Done>> submit(Self self, Job job) {
  std::set<Pid> lost;
  while (const auto worker = least_loaded(self.node().registry(), lost)) {
    const auto done = co_await self.call(*worker, job, 1min);
    if (done || done.error().code == Errc::timeout) co_return done;
    lost.insert(*worker);
  }
  co_return Error(Errc::not_found);
}

}  // namespace pool
