%% Lets a test of another program use a node: evaluates what comes on standard input, line by line.
%%
%%   in   <number> <expressions, ended by a full stop>
%%   out  beam> <number> ok <external term format of the value, in hexadecimal>
%%        beam> <number> error <what went wrong>
%%
%% All expressions are evaluated by one process, which traps exits; its variables stay.
-module(beam_control).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    Worker = spawn_link(fun() -> process_flag(trap_exit, true), worker(erl_eval:new_bindings()) end),
    io:format("beam> ready~n"),
    loop(Worker).

loop(Worker) ->
    case io:get_line("") of
        Line when is_list(Line); is_binary(Line) ->
            %% A binary once Elixir has been started.
            Text = unicode:characters_to_list(Line),
            {Number, Expressions} = string:take(string:trim(Text), "0123456789"),
            Worker ! {?MODULE, Number, Expressions},
            loop(Worker);
        _ ->
            erlang:halt(0, [{flush, false}])
    end.

worker(Bindings) ->
    receive
        {?MODULE, Number, Expressions} ->
            worker(answer(Number, Expressions, Bindings))
    end.

answer(Number, Expressions, Bindings) ->
    try
        {ok, Tokens, _} = erl_scan:string(Expressions),
        {ok, Parsed} = erl_parse:parse_exprs(Tokens),
        {value, Value, Next} = erl_eval:exprs(Parsed, Bindings),
        io:format("beam> ~s ok ~s~n", [Number, binary:encode_hex(term_to_binary(Value))]),
        Next
    catch
        Class:Reason:Stack ->
            io:format("beam> ~s error ~0p:~0p at ~0P~n", [Number, Class, Reason, Stack, 30]),
            Bindings
    end.
