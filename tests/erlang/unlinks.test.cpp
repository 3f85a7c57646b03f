// Links that are taken back between a process of an Erlang node and one of a Barrel node, both ways round:
// what is heard of the other's end afterwards.

#include "erlang/signal_actor.hpp"

namespace barrel::test {
namespace {

using Unlinks = SignalActors;

// When a process has ended, a monitor that comes after answers noproc: behind all that its end has caused.
constexpr const char* start_and_ask =
    "A = signal_actor:start(One), P = signal_actor:start(Other),"
    "Told = fun() -> A ! {do, monitor, P}, (fun Wait(Seen) ->"
    " case Seen ++ signal_actor:heard(A) of Now -> case lists:keymember(down, 1, Now) of"
    " true -> [{What, Why} || {What, From, Why} <- Now, From =:= P]; false -> Wait(Now) end end end)([]) "
    "end,";

TEST_F(Unlinks, NothingIsHeardOfAProcessThatIsLinkedNoMore) {
  const std::string begin = start_and_ask;
  expect_both_ways(begin +
                       "A ! {do, link, P}, A ! {do, unlink, P}, signal_actor:fence(A, P),"
                       "signal_actor:dies(P, boom), Told()",
                   "[{down,noproc}]");
  // The one that was linked to takes it back.
  expect_both_ways(begin +
                       "A ! {do, link, P}, signal_actor:fence(A, P), P ! {do, unlink, A},"
                       "signal_actor:fence(P, A), signal_actor:dies(P, boom), Told()",
                   "[{down,noproc}]");
  // And the first one links anew: that is a link again.
  expect_both_ways(begin +
                       "A ! {do, link, P}, signal_actor:fence(A, P), P ! {do, unlink, A},"
                       "signal_actor:fence(P, A), signal_actor:fence(A, P), A ! {do, link, P},"
                       "signal_actor:fence(A, P), signal_actor:dies(P, boom), Told()",
                   "[{exit,boom},{down,noproc}]");
  // Killed, with the link only just taken back.
  expect_both_ways(begin +
                       "A ! {do, link, P}, signal_actor:fence(A, P), A ! {do, unlink, P},"
                       "A ! {do, exit, P, kill}, Told()",
                   "[{down,noproc}]");
  expect_both_ways(begin +
                       "A ! {do, link, P}, signal_actor:fence(A, P),"
                       "signal_actor:dies(P, boom), Told()",
                   "[{exit,boom},{down,noproc}]");
}

TEST_F(Unlinks, LinksThatComeAndGoManyTimesEndInAsManyExitsAsThereAreLinks) {
  // Each of 200 processes is linked to and let go again up to four times; every other one stays linked.
  expect_both_ways(
      "A = signal_actor:start(One), Targets = [{N, signal_actor:start(Other)} || N <- lists:seq(1, 200)],"
      "[begin [begin A ! {do, link, P}, A ! {do, unlink, P} end || _ <- lists:seq(1, 1 + N rem 4)],"
      " [A ! {do, link, P} || N rem 2 =:= 1] end || {N, P} <- Targets],"
      "signal_actor:fence(A, element(2, lists:last(Targets))),"
      "[signal_actor:dies(P, {over, N}) || {N, P} <- Targets],"
      "[begin A ! {do, monitor, P} end || {_, P} <- Targets],"
      "Wait = fun Wait(Seen) -> Now = Seen ++ signal_actor:heard(A),"
      " case length([1 || {down, _, _} <- Now]) of 200 -> Now; _ -> Wait(Now) end end,"
      "Exits = [{P, Why} || {exit, P, Why} <- Wait([])],"
      "{length(Exits), lists:sort(Exits) =:= lists:sort([{P, {over, N}} || {N, P} <- Targets, N rem 2 =:= "
      "1])}",
      "{100,true}", 30s);
  // And one process two hundred times.
  expect_both_ways(std::string(start_and_ask) +
                       "[begin A ! {do, link, P}, A ! {do, unlink, P} end || _ <- lists:seq(1, 200)],"
                       "A ! {do, link, P}, signal_actor:fence(A, P), signal_actor:dies(P, boom), Told()",
                   "[{exit,boom},{down,noproc}]", 20s);
}

TEST_F(Unlinks, BothMayLetGoAtTheSameTime) {
  // Fifty pairs: linked by one, let go by both at once. Every other one is linked again by the other, when
  // both have heard of each other: an unlink that is on its way would win, as between two Erlang nodes.
  expect_both_ways(
      "Pairs = [{N, signal_actor:start(One), signal_actor:start(Other)} || N <- lists:seq(1, 50)],"
      "[A ! {do, link, P} || {_, A, P} <- Pairs], [signal_actor:fence(A, P) || {_, A, P} <- Pairs],"
      "[begin A ! {do, unlink, P}, P ! {do, unlink, A} end || {_, A, P} <- Pairs],"
      "Fence = fun() -> [begin signal_actor:fence(A, P), signal_actor:fence(P, A), signal_actor:fence(A, P) "
      "end ||"
      " {_, A, P} <- Pairs] end, Fence(),"
      "[P ! {do, link, A} || {N, A, P} <- Pairs, N rem 2 =:= 1], Fence(),"
      "[signal_actor:dies(P, {over, N}) || {N, _, P} <- Pairs],"
      "[A ! {do, monitor, P} || {_, A, P} <- Pairs],"
      "Wait = fun Wait(A, Seen) -> Now = Seen ++ signal_actor:heard(A),"
      " case lists:keymember(down, 1, Now) of true -> [Why || {exit, _, Why} <- Now]; false -> Wait(A, Now)"
      " end end,"
      "[N || {N, A, _} <- Pairs, Wait(A, []) =/= case N rem 2 of 1 -> [{over, N}]; 0 -> [] end]",
      "[]", 30s);
}

}  // namespace
}  // namespace barrel::test
