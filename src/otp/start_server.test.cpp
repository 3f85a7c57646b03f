// Servers that a plain thread starts.
#include "barrel/otp/gen_server.hpp"
#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
using test::TestRuntime;
class StartServerTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(StartServerTest);

/// Starts linked processes until two are refused, and counts those that it hears were never started.
class Greedy {
 public:
  struct Fill {
    static constexpr std::string_view tag = "fill";
    using Reply = bool;
  };
  struct Lost {
    static constexpr std::string_view tag = "lost";
    using Reply = int;
  };
  using Calls = Messages<Fill, Lost>;
  using Infos = Messages<Exit>;
  explicit Greedy(Self self) : self_(self) { self_.trap_exits(true); }
  bool handle_call(const Fill&) {
    for (int refused = 0; refused < 2;) {
      const Pid pid = self_.spawn_link([](Self other) -> Task<> { (void)co_await other.receive<Term>(); });
      if (!self_.runtime().is_alive(pid)) ++refused;
    }
    return true;
  }
  int handle_call(const Lost&) const { return lost_; }
  void handle_info(const Exit& exit) {
    if (exit.reason == Term(noproc())) ++lost_;  // the others end when the runtime does
  }

 private:
  Self self_;
  int lost_ = 0;
};

TEST_P(StartServerTest, AServerOfAPlainThreadOutlivesLinkedProcessesThatAreRefused) {
  RuntimeConfig config = TestRuntime::with(GetParam());
  config.processes_max = 50;
  TestRuntime runtime(config);
  const auto server = runtime->start_server<Greedy>();
  ASSERT_TRUE(server);
  const auto lost = runtime.run(
      [](Self self, Pid greedy) -> Task<Result<int>> {
        auto filled = co_await self.call(greedy, Greedy::Fill{});
        if (!filled) co_return filled.error();
        co_return co_await self.call(greedy, Greedy::Lost{});  // behind the exit signals
      },
      *server);
  ASSERT_TRUE(lost) << lost.error().message();
  EXPECT_EQ(*lost, 2);
}

}  // namespace
}  // namespace barrel
