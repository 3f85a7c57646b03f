%% A gen_server that does what its callers ask, so that they see every way in which a call can end.
-module(beam_server).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

init(Value) ->
    {ok, {Value, []}}.

handle_call({echo, What}, _From, State) ->
    {reply, What, State};
handle_call(get, _From, {Value, _} = State) ->
    {reply, Value, State};
handle_call(hold, From, {Value, Held}) ->
    {noreply, {Value, [From | Held]}};
handle_call({match, What}, _From, State) ->
    matched = What,
    {reply, ok, State};
handle_call({throw, What}, _From, State) ->
    _ = throw({surprise, What}),
    {reply, ok, State};
handle_call({quit, Reason}, _From, _State) ->
    exit(Reason);
handle_call(kill, _From, State) ->
    exit(self(), kill),
    {reply, ok, State};
handle_call({stop, Reason}, _From, State) ->
    {stop, Reason, State};
handle_call({stop, Reason, Reply}, _From, State) ->
    {stop, Reason, Reply, State}.

handle_cast({put, Value}, {_, Held}) ->
    {noreply, {Value, Held}};
handle_cast({tell, Pid}, {Value, _} = State) ->
    Pid ! {value, Value},
    {noreply, State};
handle_cast({release, With}, {Value, Held}) ->
    lists:foreach(fun(From) -> gen_server:reply(From, With) end, Held),
    {noreply, {Value, []}}.
