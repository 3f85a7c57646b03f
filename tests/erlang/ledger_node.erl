%% An Erlang node of the ledger's cluster: processes that send numbered messages to those of all nodes, monitor them,
%% link to them, let go of them, kill them and end, at random, and write down what they do and see (ledger_book.hpp). Does the same as
%% ledger_node.cpp.
-module(ledger_node).
-export([start/4, quiet/0]).

-define(ACTORS, 4).
-define(PEERS_MAX, 6).

-record(peer, {pid, number, stream, ref, sent = 0}).
-record(actor, {number, nodes, peers = [], streams = 0, linked = #{}, links = [], known = #{}, quiet = false}).

%% Base: the number before that of the first process.
start(File, Base, Seed, Nodes) ->
    register(diary, spawn(fun() ->
        {ok, Io} = file:open(File, [write, raw, binary]),
        diary(Io)
    end)),
    register(ledger, spawn(fun() ->
        rand:seed(exsss, {Seed, Base, 0}),
        keeper(lists:foldl(fun(_, All) -> start_actor(All, Nodes, Seed) end, {Base, #{}}, lists:seq(1, ?ACTORS)),
               Nodes, Seed, false)
    end)),
    ok.

%% From here on the processes only receive; all that was written before is in the file.
quiet() ->
    ledger ! quiet,
    ok.

diary(Io) ->
    receive
        Line -> ok = file:write(Io, [Line | waiting_lines()]), diary(Io)
    end.

waiting_lines() ->
    receive
        Line -> [Line | waiting_lines()]
    after 0 -> []
    end.

write(Number, What) ->
    diary ! [integer_to_list(Number), $\s, What, $\n],
    ok.

write(Number, Format, Values) ->
    write(Number, io_lib:format(Format, Values)).

%% -- the keeper starts the processes and tells others of them

start_actor({Last, Actors}, Nodes, Seed) ->
    Number = Last + 1,
    write(Number, "born"),
    {Pid, Ref} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        rand:seed(exsss, {Seed, Number, 1}),
        wait(),
        actor(#actor{number = Number, nodes = Nodes})
    end),
    true = register(name(Number), Pid),
    {Number, Actors#{Ref => {Pid, Number}}}.

%% What the process with that number is registered as on its node.
name(Number) ->
    list_to_atom("actor_" ++ integer_to_list(Number)).

keeper({Last, Actors} = State, Nodes, Seed, Quiet) ->
    receive
        {pick, From} ->
            case maps:values(Actors) of
                [] -> ok;
                All -> {Pid, Number} = any(All), From ! {picked, Pid, Number}
            end,
            keeper(State, Nodes, Seed, Quiet);
        {'DOWN', Ref, process, _, Reason} ->
            {{_, Number}, Rest} = maps:take(Ref, Actors),
            write(Number, "dead ~0p", [Reason]),
            Next = case Quiet of
                true -> {Last, Rest};
                false -> start_actor({Last, Rest}, Nodes, Seed)
            end,
            keeper(Next, Nodes, Seed, Quiet);
        quiet ->
            [Pid ! quiet || {Pid, _} <- maps:values(Actors)],
            keeper(State, Nodes, Seed, true)
    end.

%% -- a process

wait() ->
    erlang:send_after(4 + rand:uniform(20), self(), act).

any(List) ->
    lists:nth(rand:uniform(length(List)), List).

actor(#actor{number = Me, peers = Peers} = State) ->
    receive
        act when State#actor.quiet ->
            actor(State);
        act ->
            wait(),
            actor(act(rand:uniform(100), State));
        quiet ->
            write(Me, "quiet"),
            actor(State#actor{quiet = true});
        {note, From, Stream, Number, _Text} ->
            write(Me, "got ~b ~b ~b", [From, Stream, Number]),
            actor(State);
        {picked, Pid, Number} ->
            actor(picked(Pid, Number, State));
        {linking, Pid, Number} ->
            write(Me, "linked ~b", [Number]),
            actor(State#actor{known = (State#actor.known)#{Pid => Number}});
        {unlinked, Number} ->
            write(Me, "unlinked ~b", [Number]),
            actor(State);
        {'DOWN', Ref, process, _, Reason} ->
            case lists:keytake(Ref, #peer.ref, Peers) of
                {value, Peer, Rest} ->
                    write(Me, "down ~b ~0p", [Peer#peer.stream, Reason]),
                    actor(State#actor{peers = Rest});
                false ->
                    write(Me, "strange DOWN"),
                    actor(State)
            end;
        {'EXIT', From, Reason} ->
            case State#actor.known of
                #{From := Number} -> write(Me, "exit ~b ~0p", [Number, Reason]);
                _ -> write(Me, "stranger ~0p", [Reason])
            end,
            actor(State);
        Other ->
            write(Me, "strange ~0p", [Other]),
            actor(State)
    end.

picked(Pid, Number, #actor{number = Me, peers = Peers} = State) ->
    Known = Pid =:= self() orelse lists:keymember(Pid, #peer.pid, Peers),
    if
        Known; State#actor.quiet; length(Peers) >= ?PEERS_MAX ->
            State;
        true ->
            Stream = State#actor.streams + 1,
            Target = case rand:uniform(4) of
                1 -> write(Me, "monitors ~b ~b name", [Number, Stream]), {name(Number), node(Pid)};
                _ -> write(Me, "monitors ~b ~b", [Number, Stream]), Pid
            end,
            Peer = #peer{pid = Pid, number = Number, stream = Stream, ref = monitor(process, Target)},
            maybe_link(Pid, Number, State#actor{peers = [Peer | Peers], streams = Stream})
    end.

maybe_link(Pid, Number, #actor{number = Me, linked = Linked, links = Links} = State) ->
    case rand:uniform(3) =:= 1 andalso not is_map_key(Number, Linked) of
        true ->
            write(Me, "links ~b", [Number]),
            Pid ! {linking, self(), Me},
            link(Pid),
            State#actor{linked = Linked#{Number => true}, links = [{Pid, Number} | Links], known = (State#actor.known)#{Pid => Number}};
        false ->
            State
    end.

act(What, #actor{peers = []} = State) when What =< 95 ->
    ask(State);
act(What, State) when What =< 55 ->
    send_some(State);
act(What, State) when What =< 85 ->
    ask(State);
act(What, #actor{number = Me, peers = Peers} = State) when What =< 92 ->
    Peer = any(Peers),
    true = demonitor(Peer#peer.ref, [flush]),
    write(Me, "demonitors ~b", [Peer#peer.stream]),
    State#actor{peers = lists:delete(Peer, Peers)};
act(What, #actor{number = Me, peers = Peers} = State) when What =< 94 ->
    Peer = any(Peers),
    write(Me, "kills ~b", [Peer#peer.number]),
    exit(Peer#peer.pid, kill),
    State;
act(What, #actor{number = Me, links = [_ | _] = Links} = State) when What =< 97 ->
    {Pid, Number} = Link = any(Links),
    write(Me, "unlinks ~b", [Number]),
    true = unlink(Pid),
    %% Behind an exit message that has come before.
    self() ! {unlinked, Number},
    State#actor{links = lists:delete(Link, Links)};
act(What, _) when What >= 98 ->
    exit(any([normal, bored, {error, 42}]));
act(_, State) ->
    State.

ask(#actor{nodes = Nodes} = State) ->
    {ledger, any(Nodes)} ! {pick, self()},
    State.

send_some(#actor{number = Me, peers = Peers} = State) ->
    Peer = any(Peers),
    Bytes = case rand:uniform(40) of
        1 -> 100000;
        _ -> rand:uniform(100)
    end,
    Text = binary:copy(<<"x">>, Bytes),
    Sent = lists:foldl(fun(_, Last) ->
        Number = Last + 1,
        write(Me, "sends ~b ~b ~b", [Peer#peer.number, Peer#peer.stream, Number]),
        Peer#peer.pid ! {note, Me, Peer#peer.stream, Number, Text},
        Number
    end, Peer#peer.sent, lists:seq(1, rand:uniform(6))),
    State#actor{peers = lists:keyreplace(Peer#peer.ref, #peer.ref, Peers, Peer#peer{sent = Sent})}.
