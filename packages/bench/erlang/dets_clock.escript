#!/usr/bin/env escript
%% Times the operations of a DETS table of task-sized rows. One command a line on stdin, one answer a line on stdout:
%% "ok" and whole numbers, or "error" and the reason. Times are in nanoseconds and taken here, so that the way of the
%% commands through the pipes is not in them.
-mode(compile).

-define(TABLE, tasks).
-define(FILL_AT_ONCE, 500).

main([RowBytes]) ->
    Pad = pad_for(list_to_integer(RowBytes)),
    loop(Pad).

loop(Pad) ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        Line ->
            [Command | Words] = string:lexemes(string:trim(Line), " "),
            Answer = try answer(Command, Words, Pad) catch Class:Reason -> {error, {Class, Reason}} end,
            say(Answer),
            loop(Pad)
    end.

say({ok, Numbers}) -> io:format("~s~n", [lists:join(" ", ["ok" | [integer_to_list(N) || N <- Numbers]])]);
say({error, Reason}) -> io:format("error ~0p~n", [Reason]).

answer("otp", [], _) ->
    {ok, [list_to_integer(erlang:system_info(otp_release))]};
answer("row", [], Pad) ->
    {ok, [byte_size(term_to_binary(row(1, Pad)))]};
%% A set with the defaults that a plain dets:open_file has.
answer("open", [Path], _) ->
    {ok, ?TABLE} = dets:open_file(?TABLE, [{file, Path}, {type, set}]),
    {ok, []};
answer("close", [], _) ->
    ok = dets:close(?TABLE),
    {ok, []};
answer("fill", [From, Count], Pad) ->
    fill(list_to_integer(From), list_to_integer(Count), Pad),
    ok = dets:sync(?TABLE),
    {ok, []};
answer("insert_sync", [From, Count], Pad) ->
    timed(rows(From, Count, Pad), fun(Row) -> ok = dets:insert(?TABLE, Row), ok = dets:sync(?TABLE) end);
answer("insert", [From, Count], Pad) ->
    timed(rows(From, Count, Pad), fun(Row) -> ok = dets:insert(?TABLE, Row) end);
answer("lookup", [Rows, Count], _) ->
    All = list_to_integer(Rows),
    Keys = [key(rand:uniform(All)) || _ <- lists:seq(1, list_to_integer(Count))],
    timed(Keys, fun(Key) -> [{Key, _}] = dets:lookup(?TABLE, Key) end);
%% Decodes every row and looks at its status, as a list by status does. Answers with the rows seen, too.
answer("fold", [], _) ->
    Begin = erlang:monotonic_time(nanosecond),
    Seen = dets:foldl(fun({_, #{status := completed}}, N) -> N + 1; (_, N) -> N end, 0, ?TABLE),
    {ok, [erlang:monotonic_time(nanosecond) - Begin, Seen]};
answer("delete", [From, Count], _) ->
    First = list_to_integer(From),
    [ok = dets:delete(?TABLE, key(N)) || N <- lists:seq(First, First + list_to_integer(Count) - 1)],
    ok = dets:sync(?TABLE),
    {ok, []};
answer("bytes", [], _) ->
    {ok, [dets:info(?TABLE, file_size)]};
answer(Command, _, _) ->
    {error, {unknown_command, Command}}.

fill(_, 0, _) -> ok;
fill(From, Count, Pad) ->
    Now = min(Count, ?FILL_AT_ONCE),
    ok = dets:insert(?TABLE, [row(N, Pad) || N <- lists:seq(From, From + Now - 1)]),
    fill(From + Now, Count - Now, Pad).

%% The rows are made before the clock runs: the hub has them in hand, too.
rows(From, Count, Pad) ->
    First = list_to_integer(From),
    [row(N, Pad) || N <- lists:seq(First, First + list_to_integer(Count) - 1)].

timed(Items, Work) ->
    erlang:garbage_collect(),
    Begin = erlang:monotonic_time(nanosecond),
    lists:foreach(Work, Items),
    {ok, [erlang:monotonic_time(nanosecond) - Begin]}.

%% Scattered like random ids, and the same for every run: N times 2^64 over the golden ratio, modulo 2^64.
key(N) ->
    list_to_binary(io_lib:format("task-~16.16.0b", [(N * 16#9E3779B97F4A7C15) band 16#FFFFFFFFFFFFFFFF])).

pad_for(RowBytes) ->
    Bare = byte_size(term_to_binary(row(1, <<>>))),
    binary:copy(<<"x">>, max(0, RowBytes - Bare)).

%% A completed task with the fields of the hub's HTTP answer.
row(N, Pad) ->
    Id = key(N),
    At = 1767225600000 + N * 5000,
    Complexity = #{effective_tier => standard, source => explicit, explicit_tier => standard,
                   inferred => #{tier => standard, confidence => 0.5}},
    Decision = #{effective_tier => standard, target_type => ollama, selected_endpoint => <<"127.0.0.1:11434">>,
                 selected_model => <<"coder:7b">>, fallback_used => false, fallback_reason => nil,
                 classification_reason => <<"explicit:standard (confidence 0.50)">>, estimated_cost_tier => free},
    Report = #{run_number => 1, status => pass, started_at => At + 900, duration_ms => 850, checks => []},
    {Id, #{id => Id, status => completed, priority => 2, description => Pad,
           metadata => #{<<"ticket">> => <<"4f2a91c0">>}, generation => 1, retry_count => 0, max_retries => 3,
           repo => <<"team/service">>, branch => <<"task/4f2a91c0">>,
           file_hints => [#{<<"path">> => <<"src/parser.ts">>}], success_criteria => [], verification_steps => [],
           needed_capabilities => [<<"code">>], depends_on => [], goal_id => nil, assign_to => nil,
           assigned_to => <<"agent-7">>, assigned_at => At + 20, created_at => At, updated_at => At + 1000,
           complete_by => nil, complexity => Complexity, routing_decision => Decision,
           skip_verification => false, verification_timeout_ms => nil, max_verification_retries => 5,
           submitted_by => <<"submitter">>, tokens_used => 1800,
           result => #{<<"status">> => <<"success">>, <<"output">> => <<"done">>, <<"execution_ms">> => 980},
           verification_report => Report, verification_history => [Report],
           history => [#{event => Event, at => At + Ms, details => <<"agent-7">>}
                       || {Event, Ms} <- [{completed, 1000}, {accepted, 40}, {assigned, 20}, {routed, 10}, {queued, 0}]]}}.
