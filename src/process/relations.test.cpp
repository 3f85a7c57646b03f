#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "process/test_runtime.hpp"

namespace barrel {
namespace {

using test::EveryScheduler;
class RelationsTest : public EveryScheduler {};
BARREL_ON_EVERY_SCHEDULER(RelationsTest);

struct Go {
  static constexpr std::string_view tag = "go";
};
struct Tick {
  static constexpr std::string_view tag = "tick";
  int number = 0;
};
struct Ready {
  static constexpr std::string_view tag = "ready";
};

Task<> waits(Self self) {
  co_await self.receive<Go>();
}
Task<> ends_with(Self self, Term reason) {
  co_await self.receive<Go>();
  exit(reason);
}
Task<> throws(Self) {
  throw std::runtime_error("broken");
  co_return;
}
/// Waits for Go with its exits trapped or not, linked to `other`.
Task<> linked_to(Self self, Pid other, Pid report) {
  self.link(other);
  self.send(report, Ready{});
  co_await self.receive<Go>();
}

// -- monitors

TEST_P(RelationsTest, AMonitorFiresOnceWithTheReasonAndAfterTheLastMessage) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    for (int round = 0; round < 100; ++round) {
      const Pid pid = self.spawn(
          [](Self other, Pid to) -> Task<> {
            co_await other.receive<Go>();
            for (int i = 0; i < 100; ++i) other.send(to, Tick{i});
            exit(Atom("done"));
          },
          self.pid());
      const auto monitor = self.monitor(pid);
      self.send(pid, Go{});
      for (int i = 0; i < 100; ++i) {
        const auto next = co_await self.receive<Tick, Down>();
        EXPECT_TRUE(std::holds_alternative<Tick>(next)) << "the Down overtook a message";
      }
      const Down down = co_await self.receive<Down>();
      EXPECT_EQ(down.ref, monitor.ref());
      EXPECT_EQ(down.pid, pid);
      EXPECT_EQ(down.reason, Term(Atom("done")));
      const auto again = co_await self.receive<Down>(0ms);
      EXPECT_TRUE(std::holds_alternative<Timeout>(again));
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, MonitoringTheDeadGivesNoproc) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid pid = self.spawn([](Self) -> Task<> { co_return; });
    const auto first = self.monitor(pid);
    co_await self.receive<Down>();
    const auto second = self.monitor(pid);
    const Down down = co_await self.receive<Down>();
    EXPECT_EQ(down.reason, Term(noproc()));
    const auto never = self.monitor(Pid{Atom("test@127.0.0.1"), 12345, 0, 99});  // another incarnation
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(noproc()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, DestroyingAMonitorFlushesItsDownAndOnlyThat) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid pid = self.spawn(waits);
    std::optional<Monitor> first = self.monitor(pid);
    const auto second = self.monitor(pid);
    self.send(pid, Go{});
    const Ref wanted = second.ref();
    const auto is_wanted = [wanted](const Down& down) { return down.ref == wanted; };
    co_await self.receive_if<Down>(is_wanted);
    first.reset();  // its Down waits, or was taken to be waiting: it came before the second's
    const auto none = co_await self.receive<Down>(0ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(none));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, AMonitorGivenUpBeforeTheEndStaysSilent) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid pid = self.spawn(waits);
    { const auto monitor = self.monitor(pid); }
    const auto other = self.monitor(pid);
    self.send(pid, Go{});
    EXPECT_EQ((co_await self.receive<Down>()).ref, other.ref());
    const auto none = co_await self.receive<Down>(0ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(none));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, AMonitorByNameAnswersWithTheName) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid pid = self.spawn(
        [](Self other, Pid to) -> Task<> {
          EXPECT_TRUE(other.register_name("the_server"));
          other.send(to, Ready{});
          co_await other.receive<Go>();
        },
        self.pid());
    co_await self.receive<Ready>();
    const auto by_name = self.monitor(local("the_server"));
    const auto by_full_name = self.monitor(NodeLocalName{"the_server", "test@127.0.0.1"});
    const auto unknown = self.monitor(local("nobody"));
    const Down nobody = co_await self.receive<Down>();
    EXPECT_EQ(nobody.ref, unknown.ref());
    EXPECT_EQ(nobody.reason, Term(noproc()));
    self.send(pid, Go{});
    for (int i = 0; i < 2; ++i) {
      const Down down = co_await self.receive<Down>();
      EXPECT_TRUE(down.name.has_value());
      EXPECT_EQ(down.to_term().elements()[3], Term::tuple_of(Atom("the_server"), Atom("test@127.0.0.1")));
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

// -- links and exits

TEST_P(RelationsTest, AnAbnormalEndTakesLinkedProcessesAlongAndNobodyElse) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid crasher = self.spawn(ends_with, Term(Atom("boom")));
    std::vector<Pid> chain{crasher};
    for (int i = 0; i < 5; ++i) {
      chain.push_back(self.spawn(linked_to, chain.back(), self.pid()));
      co_await self.receive<Ready>();
    }
    const Pid bystander = self.spawn(waits);
    std::vector<Monitor> monitors;
    for (const Pid& pid : chain) monitors.push_back(self.monitor(pid));
    self.send(crasher, Go{});
    for (std::size_t i = 0; i < chain.size(); ++i) {
      EXPECT_EQ((co_await self.receive<Down>()).reason, Term(Atom("boom")));
    }
    EXPECT_TRUE(self.runtime().is_alive(bystander));
    self.send(bystander, Go{});
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, ANormalEndLeavesLinkedProcessesAlone) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const Pid ends = self.spawn(waits);
    const Pid stays = self.spawn(linked_to, ends, self.pid());
    co_await self.receive<Ready>();
    const auto monitor = self.monitor(ends);
    self.send(ends, Go{});
    co_await self.receive<Down>();
    const auto second = self.monitor(stays);
    const auto none = co_await self.receive<Down>(5ms);
    EXPECT_TRUE(std::holds_alternative<Timeout>(none));
    self.send(stays, Go{});
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(normal()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, ATrappedExitIsAMessage) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const Pid child = self.spawn_link(ends_with, Term(Atom("boom")));
    self.send(child, Go{});
    const Exit exit = co_await self.receive<Exit>();
    EXPECT_EQ(exit.from, child);
    EXPECT_EQ(exit.reason, Term(Atom("boom")));
    const Pid quiet = self.spawn_link([](Self) -> Task<> { co_return; });
    EXPECT_EQ((co_await self.receive<Exit>()).from, quiet);
    self.link(quiet);  // dead by now
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(noproc()));
    self.exit(self.pid(), Atom("to_myself"));
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(Atom("to_myself")));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, AfterUnlinkNoExitComes) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    for (int i = 0; i < 100; ++i) {
      const Pid child = self.spawn_link(ends_with, Term(Atom("boom")));
      const auto monitor = self.monitor(child);
      self.send(child, Go{});
      self.unlink(child);
      co_await self.receive<Down>();
      const auto none = co_await self.receive<Exit>(0ms);
      EXPECT_TRUE(std::holds_alternative<Timeout>(none));
      const Pid other = self.spawn(ends_with, Term(Atom("boom")));
      self.link(other);
      self.unlink(other);
      self.link(other);  // links anew, whatever is still on its way
      self.send(other, Go{});
      EXPECT_EQ((co_await self.receive<Exit>()).from, other);
    }
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, ExitSignalsFollowErlangsRules) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto trapping = [](Self other, Pid report) -> Task<> {
      other.trap_exits(true);
      other.send(report, Ready{});
      for (;;) {
        const Exit exit = co_await other.receive<Exit>();
        other.send(report, Term::tuple_of(Atom("trapped"), exit.reason));
      }
    };
    const Pid plain = self.spawn(waits);
    const auto plain_monitor = self.monitor(plain);
    self.exit(plain, normal());  // ignored
    self.exit(plain, Atom("reason"));
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(Atom("reason")));

    const Pid trapper = self.spawn(trapping, self.pid());
    co_await self.receive<Ready>();
    const auto trapper_monitor = self.monitor(trapper);
    self.exit(trapper, normal());
    EXPECT_EQ(co_await self.receive<Term>(), Term::tuple_of(Atom("trapped"), normal()));
    self.kill(trapper);
    EXPECT_EQ((co_await self.receive<Down>()).reason, Term(killed()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, AKilledProcessTellsItsLinksKilledWhichTheyCanTrap) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    const Pid child = self.spawn_link(waits);
    self.kill(child);
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term(killed()));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

TEST_P(RelationsTest, AnEscapingExceptionEndsOnlyItsProcess) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    self.spawn_link(throws);
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term::tuple_of(Atom("exception"), "broken"));
    co_return true;
  });
  EXPECT_TRUE(ok);
  EXPECT_TRUE(runtime_.log().contain("a process crashed"));
  EXPECT_GE(runtime_.counter("process.ended_abnormally"), 1U);
}

struct Odd {};

TEST_P(RelationsTest, AnExceptionThatIsNoStdExceptionIsKnownByItsType) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    self.trap_exits(true);
    self.spawn_link([](Self) -> Task<> {
      throw Odd();
      co_return;
    });
    EXPECT_EQ((co_await self.receive<Exit>()).reason,
              Term::tuple_of(Atom("exception"), "of type barrel::(anonymous namespace)::Odd"));
    self.spawn_link([](Self) -> Task<> {
      throw 42;
      co_return;
    });
    EXPECT_EQ((co_await self.receive<Exit>()).reason, Term::tuple_of(Atom("exception"), "of type int"));
    co_return true;
  });
  EXPECT_TRUE(ok);
}

// -- names

TEST_P(RelationsTest, ANameBelongsToOneProcessUntilItEnds) {
  const auto ok = runtime_.run([](Self self) -> Task<bool> {
    const auto registers = [](Self other, Pid to) -> Task<> {
      const auto registered = other.register_name("taken");
      other.send(to, Term(registered ? Atom("got_it") : Atom("refused")));
      co_await other.receive<Go>();
    };
    const Pid first = self.spawn(registers, self.pid());
    EXPECT_EQ(co_await self.receive<Term>(), Term(Atom("got_it")));
    self.spawn(registers, self.pid());
    EXPECT_EQ(co_await self.receive<Term>(), Term(Atom("refused")));
    EXPECT_EQ(self.whereis("taken"), first);
    const auto monitor = self.monitor(first);
    self.send(local("taken"), Go{});
    co_await self.receive<Down>();
    EXPECT_EQ(self.whereis("taken"), std::nullopt);
    EXPECT_TRUE(self.register_name("taken"));
    EXPECT_TRUE(self.register_name("taken"));  // once more is no error
    EXPECT_TRUE(self.unregister_name("taken"));
    EXPECT_FALSE(self.unregister_name("taken"));
    EXPECT_EQ(self.whereis("taken"), std::nullopt);
    co_return true;
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel
