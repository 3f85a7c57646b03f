%% {via, barrel_names, {Node, Name}}: the name in the registry of the cluster, asked of a Barrel node.
-module(barrel_names).
-export([whereis_name/1, send/2]).

whereis_name({Node, Name}) ->
    rpc:call(Node, barrel_p2p, whereis_name, [Name]).

send(Name, Message) ->
    case whereis_name(Name) of
        Pid when is_pid(Pid) -> Pid ! Message, Pid;
        undefined -> exit({badarg, {Name, Message}})
    end.
