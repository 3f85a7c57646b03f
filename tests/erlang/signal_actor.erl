%% A process that does what others say and remembers what it hears. Barrel has the same (signal_actor.hpp), so that each
%% test can be made both ways round.
%%
%%   {do, link | unlink, Pid}              {do, trap, Bool}
%%   {do, monitor | demonitor, Pid}        {do, lead, Pid, Leader}
%%   {do, exit, Pid, Reason}               {do, die, Reason}
%%   {do, send, Pid, Message}              {do, sync, From} -> {synced, self()}
%%   {do, alias, From} -> {alias, self(), Alias}
%%   {do, leader, From} -> {leader, self(), group_leader()}
%%   {do, start, From, Node} -> {started, self(), Pid}, linked
%%   {do, heard, From} -> {heard, self(), All}: [{exit, From, Reason} | {down, Of, Reason} | Message]
-module(signal_actor).
-export([run/0, start/1, start/2, fence/2, dies/2, heard/1]).

%% On a node of either kind. It traps exits, unless the second argument says otherwise.
start(Node) ->
    start(Node, true).

start(Node, Traps) ->
    Actor = spawn(Node, ?MODULE, run, []),
    Actor ! {do, trap, Traps},
    %% Before it runs, an exit would end it.
    Actor ! {do, sync, self()},
    receive {synced, Actor} -> Actor after 5000 -> exit({does_not_start, Node}) end.

%% When it comes back, all that One has sent to Other has arrived.
fence(One, Other) ->
    One ! {do, send, Other, {do, sync, self()}},
    receive {synced, Other} -> ok after 5000 -> exit({no_fence, One, Other}) end.

%% Ends it, and waits until it has.
dies(Actor, Reason) ->
    Monitor = monitor(process, Actor),
    Actor ! {do, die, Reason},
    receive {'DOWN', Monitor, process, Actor, _} -> ok after 5000 -> exit({lives, Actor}) end.

heard(Actor) ->
    Actor ! {do, heard, self()},
    receive {heard, Actor, All} -> All after 5000 -> exit({says_nothing, Actor}) end.

run() ->
    process_flag(trap_exit, true),
    loop([]).

loop(Heard) ->
    receive
        {do, link, Pid} -> link(Pid), loop(Heard);
        {do, unlink, Pid} -> unlink(Pid), loop(Heard);
        {do, monitor, Pid} -> put(Pid, monitor(process, Pid)), loop(Heard);
        {do, demonitor, Pid} -> demonitor(erase(Pid), [flush]), loop(Heard);
        {do, lead, Pid, Leader} -> group_leader(Leader, Pid), loop(Heard);
        {do, alias, From} -> From ! {alias, self(), alias()}, loop(Heard);
        {do, leader, From} -> From ! {leader, self(), group_leader()}, loop(Heard);
        {do, start, From, Node} -> From ! {started, self(), spawn_link(Node, ?MODULE, run, [])}, loop(Heard);
        {do, trap, On} -> process_flag(trap_exit, On), loop(Heard);
        {do, exit, Pid, Reason} -> exit(Pid, Reason), loop(Heard);
        {do, die, Reason} -> exit(Reason);
        {do, send, Pid, Message} -> Pid ! Message, loop(Heard);
        {do, sync, From} -> From ! {synced, self()}, loop(Heard);
        {do, heard, From} -> From ! {heard, self(), lists:reverse(Heard)}, loop([]);
        {'EXIT', From, Reason} -> loop([{exit, From, Reason} | Heard]);
        {'DOWN', _, process, Of, Reason} -> loop([{down, Of, Reason} | Heard]);
        Message -> loop([Message | Heard])
    end.
