%% A registry of names for {via, via_names, Name}.
-module(via_names).
-export([register_name/2, unregister_name/1, whereis_name/1, send/2]).

register_name(Name, Pid) ->
    persistent_term:put({?MODULE, Name}, Pid),
    yes.

unregister_name(Name) ->
    _ = persistent_term:erase({?MODULE, Name}),
    ok.

whereis_name(Name) ->
    persistent_term:get({?MODULE, Name}, undefined).

send(Name, Message) ->
    case whereis_name(Name) of
        undefined -> exit({badarg, {Name, Message}});
        Pid -> Pid ! Message, Pid
    end.
