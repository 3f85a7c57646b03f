%% Terms of every type that Erlang has, from a seed, and an echo of them by another node.
-module(random_terms).
-export([echo/4]).

%% Sends Count terms in batches to the process Server, which sends each batch back as {Number, Terms}. Four
%% batches are on their way at a time. Gives Count, or the first term that came back another one.
echo(Server, Seed, Count, BatchSize) ->
    _ = rand:seed(exsss, Seed),
    put(atoms, atoms()),
    put(identifiers, identifiers(Server)),
    try
        Waiting = lists:foldl(
            fun(Number, Waiting) ->
                Batch = [term() || _ <- lists:seq(1, BatchSize)],
                Server ! {self(), Number, Batch},
                limit(queue:in({Number, Batch}, Waiting), 4)
            end, queue:new(), lists:seq(1, Count div BatchSize)),
        _ = limit(Waiting, 0),
        Count
    catch
        throw:{differs, _, _} = Difference -> Difference
    end.

limit(Waiting, Length) ->
    case queue:len(Waiting) > Length of
        true ->
            {{value, {Number, Sent}}, Rest} = queue:out(Waiting),
            receive
                {Number, Received} -> compare(Sent, Received)
            after 20000 -> exit({no_echo, Number})
            end,
            limit(Rest, Length);
        false ->
            Waiting
    end.

compare([Sent | Others], [Received | OthersReceived]) ->
    %% The bytes tell 0.0 from -0.0, which =:= does not before OTP 27.
    Sent =:= Received andalso bytes(Sent) =:= bytes(Received) orelse throw({differs, Sent, Received}),
    compare(Others, OthersReceived);
compare([], []) ->
    ok.

bytes(Term) ->
    term_to_binary(Term, [deterministic]).

term() ->
    term(5).

term(0) ->
    leaf(rand:uniform(16));
term(Depth) ->
    case rand:uniform(20) of
        1 -> list_to_tuple(terms(Depth));
        2 -> terms(Depth);
        3 -> terms(Depth) ++ leaf(rand:uniform(16));
        4 -> maps:from_list([{term(Depth - 1), Value} || Value <- terms(Depth)]);
        5 -> closure(term(Depth - 1), rand:uniform(3));
        6 -> wide(rand:uniform(60));
        _ -> leaf(rand:uniform(16))
    end.

terms(Depth) ->
    [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(7) - 1)].

%% What needs the longer forms; seldom, as they are long.
wide(1) -> list_to_tuple([leaf(rand:uniform(16)) || _ <- lists:seq(1, 250 + rand:uniform(12))]);
wide(2) -> maps:from_list([{leaf(rand:uniform(16)), N} || N <- lists:seq(1, 28 + rand:uniform(40))]);
wide(3) -> [rand:uniform(256) - 1 || _ <- lists:seq(1, 65530 + rand:uniform(10))];
wide(4) -> [rand:uniform(258) - 1 || _ <- lists:seq(1, 300)];
wide(5) -> rand:bytes(60 + rand:uniform(3000));
wide(6) -> lists:foldl(fun(N, Inner) -> {N, [Inner]} end, [], lists:seq(1, 60));
wide(_) -> lists:seq(1, rand:uniform(20)).

leaf(1) -> rand:uniform(256) - 1;
leaf(2) -> integer(rand:uniform(70));
leaf(3) -> integer(rand:uniform(70));
leaf(4) -> integer(case rand:uniform(20) of 1 -> 2030 + rand:uniform(30); _ -> rand:uniform(200) end);
leaf(5) -> float();
leaf(6) -> float();
leaf(7) -> one_of(atoms);
leaf(8) -> one_of(atoms);
leaf(9) -> rand:bytes(rand:uniform(20) - 1);
leaf(10) -> Bits = rand:uniform(70), <<(rand:uniform(1 bsl Bits)):Bits>>;
leaf(11) -> one_of(identifiers);
leaf(12) -> one_of(identifiers);
leaf(13) -> fresh(rand:uniform(3));
leaf(14) -> [$a + rand:uniform(26) || _ <- lists:seq(1, rand:uniform(12))];
leaf(15) -> fun lists:map/2;
leaf(16) -> [].

%% At and around a power of two.
integer(Bits) ->
    Value = (1 bsl Bits) + rand:uniform(5) - 3,
    case rand:uniform(2) of 1 -> Value; 2 -> -Value end.

float() ->
    case rand:uniform(6) of
        1 -> rand:uniform();
        2 -> float(rand:uniform(1000)) / 8;
        3 -> lists:nth(rand:uniform(5), [0.0, -0.0, 5.0e-324, 1.7976931348623157e308, 9007199254740993.0]);
        _ ->
            %% Not every pattern of bits is a float.
            case rand:bytes(8) of
                <<Value/float>> -> Value;
                _ -> 1.5
            end
    end.

fresh(1) -> make_ref();
fresh(2) -> Alias = alias(), unalias(Alias), Alias;
fresh(3) -> fun erlang:node/0.

closure(Kept, 1) -> fun() -> Kept end;
closure(Kept, 2) -> Node = node(), fun(Argument) -> {Argument, Node, Kept} end;
closure(_, 3) -> fun(A, B) -> A =:= B end.

one_of(Kind) ->
    All = get(Kind),
    element(rand:uniform(tuple_size(All)), All).

%% The same at every run: an atom table knows no end.
atoms() ->
    Numbered = [list_to_atom("atom_" ++ integer_to_list(N)) || N <- lists:seq(1, 100)],
    list_to_tuple(Numbered ++ [
        '', ok, true, false, undefined, nil, 'with space', '\'', 'Großes', 'λ', '日本', '\x{1d11e}',
        'Elixir.String', list_to_atom(lists:duplicate(255, $a)), list_to_atom(lists:duplicate(255, $é)),
        list_to_atom(lists:duplicate(127, $λ)), list_to_atom(lists:duplicate(128, $λ)),
        list_to_atom(lists:duplicate(255, 16#1d11e))]).

%% Pids, ports and references of this node, of the one that echoes, and of nodes that nobody knows.
identifiers(Server) ->
    Node = <<119, 12, "some@one.org">>,
    list_to_tuple(
        processes() ++ erlang:ports() ++ [self(), Server, group_leader()] ++
        [external(<<88, Node/binary, Id:32, Serial:32, Creation:32>>) ||
            {Id, Serial, Creation} <- [{0, 0, 4}, {1, 2, 5}, {16#ffffffff, 16#ffffffff, 16#ffffffff}]] ++
        [external(<<120, Node/binary, Id:64, 7:32>>) || Id <- [0, 1 bsl 28, (1 bsl 64) - 1]] ++
        [external(<<90, Words:16, Node/binary, 9:32, (binary:copy(<<Words:32>>, Words))/binary>>) ||
            %% Nodes make no others, and large maps of OTP 25 cannot take all others as keys, nor two that
            %% agree in three words.
            Words <- [3, 5]]).

external(Bytes) ->
    binary_to_term(<<131, Bytes/binary>>).
