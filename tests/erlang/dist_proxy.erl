%% Stands between an Erlang node that dials and the node that it dials.
-module(dist_proxy).
-export([start/2, seen/0]).

%% Passes one connection on to Port; gives the port to dial. Options:
%%
%%   drop_flags => Mask      takes these capabilities from what either says of itself
%%   stop_after => Bytes     swallows what the dialing node sends beyond that, until it closes its end
%%   record => true          remembers the control messages; neither side may use an atom cache
start(Port, Options) ->
    Starter = self(),
    _ = ets:whereis(?MODULE) =:= undefined andalso ets:new(?MODULE, [named_table, public]),
    ets:delete_all_objects(?MODULE),
    Plain = [binary, {active, false}, {packet, 2}, {nodelay, true}],
    spawn(fun() ->
        {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}} | Plain]),
        {ok, Own} = inet:port(Listener),
        Starter ! {?MODULE, Own},
        {ok, Dialer} = gen_tcp:accept(Listener),
        {ok, Dialed} = gen_tcp:connect({127, 0, 0, 1}, Port, Plain),
        Mask = maps:get(drop_flags, Options, 0),
        pass_on(Dialer, Dialed, Mask),  % the name
        pass_on(Dialed, Dialer, Mask),  % the status
        pass_on(Dialed, Dialer, Mask),  % the challenge
        pass_on_reply(Dialer, Dialed),
        pass_on(Dialed, Dialer, 0),     % the acknowledgement
        Recorded = maps:get(record, Options, false),
        Packet = case Recorded of true -> 4; false -> raw end,
        [ok = inet:setopts(Socket, [{packet, Packet}]) || Socket <- [Dialer, Dialed]],
        Back = spawn_link(fun() -> receive go -> pump(Dialed, Dialer, infinity, Recorded andalso back) end end),
        ok = gen_tcp:controlling_process(Dialed, Back),
        Back ! go,
        pump(Dialer, Dialed, maps:get(stop_after, Options, infinity), Recorded andalso there)
    end),
    receive {?MODULE, Own} -> Own end.

%% Which control messages the dialing node has sent, and which the dialed one.
seen() ->
    {[Op || {{there, Op}} <- lists:sort(ets:tab2list(?MODULE))],
     [Op || {{back, Op}} <- lists:sort(ets:tab2list(?MODULE))]}.

pass_on(From, To, Mask) ->
    {ok, Message} = gen_tcp:recv(From, 0),
    ok = gen_tcp:send(To, without(Mask, Message)).

%% And the complement that goes before it when the name was of the old form.
pass_on_reply(From, To) ->
    {ok, Message} = gen_tcp:recv(From, 0),
    ok = gen_tcp:send(To, Message),
    case Message of
        <<$r, _/binary>> -> ok;
        <<$c, _/binary>> -> pass_on_reply(From, To)
    end.

without(Mask, <<$N, Flags:64, Rest/binary>>) -> <<$N, (Flags band bnot Mask):64, Rest/binary>>;
without(Mask, <<$n, Version:16, Flags:32, Rest/binary>>) -> <<$n, Version:16, (Flags band bnot Mask):32, Rest/binary>>;
without(_, Message) -> Message.

%% Until one of them closes its end.
pump(From, To, Left, Direction) ->
    case gen_tcp:recv(From, 0) of
        {ok, Data} when byte_size(Data) =< Left ->
            _ = Direction =/= false andalso record(Direction, Data),
            _ = gen_tcp:send(To, Data),
            pump(From, To, case Left of infinity -> infinity; _ -> Left - byte_size(Data) end, Direction);
        {ok, Data} ->
            _ = gen_tcp:send(To, binary:part(Data, 0, Left)),
            swallow(From);
        {error, _} ->
            exit(closed)
    end.

record(Direction, <<112, Control/binary>>) -> record_control(Direction, Control);
record(Direction, <<131, 68, 0, Control/binary>>) -> record_control(Direction, <<131, Control/binary>>);
record(Direction, <<131, 69, _Sequence:64, _Fragment:64, 0, Control/binary>>) ->
    record_control(Direction, <<131, Control/binary>>);
record(_, <<131, 70, _/binary>>) -> ok;
record(_, <<>>) -> ok.

record_control(Direction, Bytes) ->
    {Control, _} = binary_to_term(Bytes, [used]),
    ets:insert(?MODULE, {{Direction, element(1, Control)}}).

swallow(From) ->
    case gen_tcp:recv(From, 0) of
        {ok, _} -> swallow(From);
        {error, _} -> exit(closed)
    end.
