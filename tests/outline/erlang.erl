%% fake(X) -> X.
-module(shop).
-record(order, {id, name = "x"}).
-define(LIMIT, 10).
-type id() :: integer().

start(X) when X > $" ->
    helper(X);
start(_) ->
    ok.

helper(X) -> X.
