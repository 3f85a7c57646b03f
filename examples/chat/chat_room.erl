%% A room of the chat on an Erlang node; speaks the messages of chat_server.hpp.
-module(chat_room).
-behaviour(gen_server).
-export([start_link/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link(Room) ->
    gen_server:start_link({local, Room}, ?MODULE, Room, []).

%% Room, and a monitor for each member.
init(Room) ->
    {ok, {Room, #{}}}.

handle_call({join, Pid}, _From, {Room, Members}) when is_map_key(Pid, Members) ->
    {reply, {error, already_joined}, {Room, Members}};
handle_call({join, Pid}, _From, {Room, Members}) ->
    {reply, ok, {Room, Members#{Pid => monitor(process, Pid)}}};
handle_call({leave, Pid}, _From, {Room, Members}) ->
    {reply, ok, {Room, without(Pid, Members)}};
handle_call(members, _From, {Room, Members}) ->
    {reply, maps:keys(Members), {Room, Members}}.

handle_cast({message, From, Text}, {Room, Members}) ->
    Message = {chat_message, Room, From, Text, os:timestamp()},
    [Pid ! Message || Pid <- maps:keys(Members)],
    {noreply, {Room, Members}}.

handle_info({'DOWN', _Monitor, process, Pid, _Reason}, {Room, Members}) ->
    {noreply, {Room, maps:remove(Pid, Members)}}.

without(Pid, Members) ->
    case maps:take(Pid, Members) of
        {Monitor, Rest} -> demonitor(Monitor, [flush]), Rest;
        error -> Members
    end.
