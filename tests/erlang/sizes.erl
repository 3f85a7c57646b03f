%% Messages of sizes around those at which they travel another way, by many senders at a time.
-module(sizes).
-export([echo/3]).

%% Senders processes send Count messages each to a process of Node, which sends them back. Gives the reasons
%% with which they ended: [normal] when every message came back, in order.
echo(Node, Senders, Count) ->
    Monitors = [element(2, spawn_monitor(fun() -> send(Node, Number, Count) end)) ||
                   Number <- lists:seq(1, Senders)],
    lists:usort([receive {'DOWN', Monitor, process, _, Reason} -> Reason end || Monitor <- Monitors]).

send(Node, Number, Count) ->
    _ = rand:seed(exsss, Number),
    Server = spawn_link(Node, test, echo, []),
    Sent = [begin
                Binary = binary:copy(<<Number>>, bytes(rand:uniform(8))),
                Server ! {self(), N, Binary},
                {N, Binary}
            end || N <- lists:seq(1, Count)],
    lists:foreach(
        fun(Message) ->
            receive Received -> true = Received =:= Message
            after 20000 -> exit(no_echo)
            end
        end, Sent),
    unlink(Server),
    exit(Server, kill).

bytes(1) -> 65536 + rand:uniform(200) - 100;
bytes(2) -> 16384 + rand:uniform(200) - 100;
bytes(3) -> 2 * 65536 + rand:uniform(200) - 100;
bytes(4) -> rand:uniform(300000);
bytes(_) -> rand:uniform(200).
