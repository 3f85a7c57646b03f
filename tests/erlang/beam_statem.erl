%% A gen_statem: a door that is open or closed, and answers a knock when it is opened.
-module(beam_statem).
-behaviour(gen_statem).
-export([callback_mode/0, init/1, closed/3, open/3]).

callback_mode() ->
    state_functions.

init(Times) ->
    {ok, closed, Times}.

closed({call, From}, knock, Times) ->
    {keep_state, Times, [{reply, From, nobody_opens}]};
closed({call, _From}, wait, Times) ->
    {keep_state, Times, [postpone]};
closed(cast, open, Times) ->
    {next_state, open, Times + 1}.

open({call, From}, knock, Times) ->
    {keep_state, Times, [{reply, From, {come_in, Times}}]};
open({call, From}, wait, Times) ->
    {keep_state, Times, [{reply, From, waited}]};
open({call, From}, {break, Reason}, _Times) ->
    {stop_and_reply, Reason, [{reply, From, crack}]};
open(cast, close, Times) ->
    {next_state, closed, Times}.
