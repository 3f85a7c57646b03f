%% Checks terms that another program wrote against this Erlang. The input holds records of
%%   Size:32, Term/binary, Order, HasText, Size:32, Text/binary
%% Order is 0, 1 or 2 for a term that is less than, equal (==) to or greater than the one before, 3 when that is not to
%% be compared; Text is what io_lib:format("~0tp") should give. Differences are printed as lines; the terms are written
%% to the output as Size:32, Term/binary.
-module(compare_terms).
-export([main/2]).

main(Input, Output) ->
    {ok, Records} = file:read_file(Input),
    {ok, Out} = file:open(Output, [write, raw, binary, delayed_write]),
    Count = records(Records, none, Out, 0),
    ok = file:close(Out),
    io:format("done ~b~n", [Count]).

records(<<>>, _Before, _Out, Count) ->
    Count;
records(<<Size:32, Bytes:Size/binary, Order, HasText, TextSize:32, Text:TextSize/binary, Rest/binary>>, Before, Out,
        Count) ->
    Term =
        try
            binary_to_term(Bytes)
        catch
            error:badarg -> unreadable
        end,
    Term =:= unreadable andalso difference(Count, "unreadable", Text, Bytes),
    HasText =:= 1 andalso check_text(Count, Term, Text),
    Order =:= 3 orelse Order =:= order(Term, Before) orelse difference(Count, "order", Text, order(Term, Before)),
    Again = term_to_binary(Term),
    ok = file:write(Out, [<<(byte_size(Again)):32>>, Again]),
    records(Rest, Term, Out, Count + 1).

check_text(Count, Term, Text) ->
    case unicode:characters_to_binary(io_lib:format("~0tp", [Term])) of
        Text -> ok;
        Other -> difference(Count, "text", Text, Other)
    end.

order(Term, Before) when Term < Before -> 0;
order(Term, Before) when Term == Before -> 1;
order(_Term, _Before) -> 2.

difference(Count, What, Text, Found) ->
    io:format("difference ~s in term ~b: ~0p but here ~0p~n", [What, Count, Text, Found]).
