%% Stands between an Erlang node that dials and the node that it dials.
-module(dist_proxy).
-export([start/2]).

%% Passes one connection on to Port; gives the port to dial. Options:
%%
%%   drop_flags => Mask      takes these capabilities from what either says of itself
%%   stop_after => Bytes     swallows what the dialing node sends beyond that, until it closes its end
start(Port, Options) ->
    Starter = self(),
    spawn(fun() ->
        {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {packet, 2}, {ip, {127, 0, 0, 1}}]),
        {ok, Own} = inet:port(Listener),
        Starter ! {?MODULE, Own},
        {ok, Dialer} = gen_tcp:accept(Listener),
        {ok, Dialed} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {packet, 2}]),
        Mask = maps:get(drop_flags, Options, 0),
        pass_on(Dialer, Dialed, Mask),  % the name
        pass_on(Dialed, Dialer, Mask),  % the status
        pass_on(Dialed, Dialer, Mask),  % the challenge
        Sockets = [Dialer, Dialed],
        [ok = inet:setopts(Socket, [{packet, raw}]) || Socket <- Sockets],
        Back = spawn_link(fun() -> receive go -> pump(Dialed, Dialer, infinity) end end),
        ok = gen_tcp:controlling_process(Dialed, Back),
        Back ! go,
        pump(Dialer, Dialed, maps:get(stop_after, Options, infinity))
    end),
    receive {?MODULE, Own} -> Own end.

pass_on(From, To, Mask) ->
    {ok, Message} = gen_tcp:recv(From, 0),
    ok = gen_tcp:send(To, without(Mask, Message)).

without(Mask, <<$N, Flags:64, Rest/binary>>) -> <<$N, (Flags band bnot Mask):64, Rest/binary>>;
without(Mask, <<$n, Version:16, Flags:32, Rest/binary>>) -> <<$n, Version:16, (Flags band bnot Mask):32, Rest/binary>>;
without(_, Message) -> Message.

%% Until one of them closes its end.
pump(From, To, Left) ->
    case gen_tcp:recv(From, 0) of
        {ok, Data} when byte_size(Data) =< Left ->
            _ = gen_tcp:send(To, Data),
            pump(From, To, case Left of infinity -> infinity; _ -> Left - byte_size(Data) end);
        {ok, Data} ->
            _ = gen_tcp:send(To, binary:part(Data, 0, Left)),
            swallow(From);
        {error, _} ->
            exit(closed)
    end.

swallow(From) ->
    case gen_tcp:recv(From, 0) of
        {ok, _} -> swallow(From);
        {error, _} -> exit(closed)
    end.
