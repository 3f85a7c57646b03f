%% The Erlang side of bench_erlang: the same workloads as exchange.cpp.
-module(erlang_peer).
-export([serve/0, one_way/4, sequential_echo/2, pipelined_echo/3]).

serve() ->
    [register(list_to_atom("sink" ++ integer_to_list(I)), spawn(fun() -> sink(0) end)) || I <- lists:seq(0, 7)],
    register(echo, spawn(fun echo/0)),
    ok.

sink(Received) ->
    receive
        {finish, From} -> From ! {finished, Received}, sink(0);
        Binary when is_binary(Binary) -> sink(Received + 1)
    end.

echo() ->
    receive
        {echo, From, Binary} -> From ! Binary, echo()
    end.

%% Messages per second.
one_way(Server, Senders, Count, Size) ->
    Each = Count div Senders,
    Message = binary:copy(<<"x">>, Size),
    alone(fun() ->
        Begin = now_us(),
        Pids = [spawn_monitor(fun() ->
            To = {list_to_atom("sink" ++ integer_to_list(I)), Server},
            flood(To, Message, Each),
            To ! {finish, self()},
            receive {finished, Each} -> ok end
        end) || I <- lists:seq(0, Senders - 1)],
        [receive {'DOWN', Ref, process, Pid, normal} -> ok end || {Pid, Ref} <- Pids],
        Count / (now_us() - Begin) * 1.0e6
    end).

flood(_, _, 0) -> ok;
flood(To, Message, Left) -> To ! Message, flood(To, Message, Left - 1).

%% The median and the 99th percentile, in microseconds.
sequential_echo(Server, Count) ->
    To = {echo, Server},
    Request = {echo, self(), <<0:512>>},
    alone(fun() ->
        Mine = setelement(2, Request, self()),
        Samples = lists:sort([sample(To, Mine) || _ <- lists:seq(1, Count)]),
        {lists:nth(Count div 2, Samples) / 1000, lists:nth(Count * 99 div 100, Samples) / 1000}
    end).

sample(To, Request) ->
    Begin = erlang:monotonic_time(nanosecond),
    To ! Request,
    receive Binary when is_binary(Binary) -> erlang:monotonic_time(nanosecond) - Begin end.

%% Echoes per second.
pipelined_echo(Server, Count, Outstanding) ->
    To = {echo, Server},
    alone(fun() ->
        Request = {echo, self(), <<0:512>>},
        Begin = now_us(),
        [To ! Request || _ <- lists:seq(1, Outstanding)],
        pipeline(To, Request, Count, Count - Outstanding),
        Count / (now_us() - Begin) * 1.0e6
    end).

pipeline(_, _, 0, _) -> ok;
pipeline(To, Request, Left, Unsent) ->
    receive Binary when is_binary(Binary) -> ok end,
    Unsent > 0 andalso (To ! Request),
    pipeline(To, Request, Left - 1, Unsent - 1).

%% In a process of its own, whose heap and mailbox hold nothing else.
alone(Work) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({value, Work()}) end),
    receive {'DOWN', Ref, process, Pid, {value, Value}} -> Value end.

now_us() ->
    erlang:monotonic_time(microsecond).
