"""A lookup in the disk cache of smart answers with all the entries it may have, opening and closing included.

    python benches/answers.py     beside one JSON file with the same answers, SQLite and dbm, in turns

"greppy, native" is what the front does, timed in the engine; the others are called from Python, as "greppy, Python" is.
Everything is in the page cache. A lookup of greppy's counts itself, in the file.
"""

from __future__ import annotations

import argparse
import dbm
import json
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from processes import BenchError, in_temporary_folder
from report import Report, times
from retrievers import engine

ENTRIES, TURNS = 5000, 100
IN_A_ROW = 10  # lookups in a turn: the first one finds the processor's caches as the others left them
SLOW, SLOW_EVERY = ("JSON", "dbm"), 10  # turns
BAR_US, BAR_RATIO = 50.0, 20.0
WORDS_TEXT = (
    "session http client request response connector pool retry backoff handler router dispatch middleware token login "
    "cache index segment posting query parser lexer scanner buffer socket stream decode encode compress checksum lock "
    "thread worker queue schedule timer signal config flag option render layout widget event listener observer commit "
    "merge branch rebase snapshot journal replay recover verify digest cipher certificate handshake proxy gateway shard"
)
WORDS = WORDS_TEXT.split()
INTENTS = ("find_definition", "find_usage", "understand_flow", "error_handling", "general")


def answers() -> dict[bytes, dict[str, Any]]:
    """Of the shape and size of a model's: some 300 bytes as JSON."""
    chance = random.Random(1)
    found: dict[bytes, dict[str, Any]] = {}
    while len(found) < ENTRIES:
        question = " ".join(chance.sample(WORDS, chance.randint(3, 6)))
        key = engine().answers_key(b"anthropic\nsome-model-of-theirs-1\n3", question.encode())
        found[key] = {
            "intent": chance.choice(INTENTS),
            "entity_type": chance.choice(("class", "function", "type")),
            "expanded_query": " ".join(chance.sample(WORDS, 18)),
            "filters": {"symbol_types": None, "exclude_tests": True, "file_patterns": None},
        }
    return found


Lookup = Callable[[bytes], tuple[float, Any]]  # microseconds, the answer


def timed(look: Callable[[bytes], Any]) -> Lookup:
    def lookup(key: bytes) -> tuple[float, Any]:
        began = time.perf_counter_ns()
        found = look(key)
        return (time.perf_counter_ns() - began) / 1000, found

    return lookup


def greppys(temp: Path, all_of_them: dict[bytes, dict[str, Any]]) -> dict[str, Lookup]:
    path = bytes(temp / "smart.l2")
    door = engine()
    for key, answer in all_of_them.items():
        door.answers_put(path, key, msgspec.msgpack.encode(answer))

    def native(key: bytes) -> tuple[float, Any]:
        [ns] = door.answers_find_ns(path, key)  # finds it; what it found is asked for again
        return ns / 1000, msgspec.msgpack.decode(door.answers_get(path, key) or b"")

    def python(key: bytes) -> Any:
        return msgspec.msgpack.decode(door.answers_get(path, key) or b"")

    return {"greppy, native": native, "greppy, Python": timed(python)}


def peers(temp: Path, all_of_them: dict[bytes, dict[str, Any]]) -> dict[str, Lookup]:
    whole = temp / "answers.json"
    whole.write_text(json.dumps({key.decode(): answer for key, answer in all_of_them.items()}), encoding="utf-8")
    packed = {key: msgspec.msgpack.encode(answer) for key, answer in all_of_them.items()}
    base = temp / "answers.sqlite"
    with sqlite3.connect(base) as made:
        made.execute("CREATE TABLE answers (key BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID")
        made.executemany("INSERT INTO answers VALUES (?, ?)", packed.items())
    made.close()
    hashed = str(temp / "answers.dbm")
    with dbm.open(hashed, "n") as file:
        for key, body in packed.items():
            file[key] = body

    def read_json(key: bytes) -> Any:
        return json.loads(whole.read_bytes())[key.decode()]

    def read_msgspec(key: bytes) -> Any:
        return msgspec.json.decode(whole.read_bytes())[key.decode()]

    def read_sqlite(key: bytes) -> Any:
        connection = sqlite3.connect(base)
        try:
            [body] = connection.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        finally:
            connection.close()
        return msgspec.msgpack.decode(body)

    def read_dbm(key: bytes) -> Any:
        with dbm.open(hashed, "r") as file:
            return msgspec.msgpack.decode(file[key])

    return {
        "JSON file, json": timed(read_json),
        "JSON file, msgspec": timed(read_msgspec),
        f"SQLite {sqlite3.sqlite_version}": timed(read_sqlite),
        dbm.whichdb(hashed) or "dbm": timed(read_dbm),
    }


def measure(temp: Path) -> None:
    report = Report()
    all_of_them = answers()
    asked = {**greppys(temp, all_of_them), **peers(temp, all_of_them)}
    taken: dict[str, list[list[float]]] = {name: [] for name in asked}
    chance = random.Random(2)
    for turn in range(TURNS):
        order = [name for name in asked if turn % SLOW_EVERY == 0 or not name.startswith(SLOW)]
        chance.shuffle(order)
        keys = chance.sample(list(all_of_them), IN_A_ROW)
        for name in order:
            row = []
            for key in keys:
                us, found = asked[name](key)
                if found != all_of_them[key]:
                    raise BenchError(f"{name} gives a wrong answer")
                row.append(us)
            taken[name].append(row)
    medians = {name: statistics.median(us for row in rows for us in row) for name, rows in taken.items()}
    first = next(iter(medians))
    sizes = [len(msgspec.msgpack.encode(answer)) for answer in all_of_them.values()]
    report.table(
        f"one lookup among {ENTRIES:,} answers of {statistics.mean(sizes):.0f} bytes; microseconds",
        ["what", "median", "first of a turn", "p95", "× native", "lookups"],
        [
            [
                name,
                f"{us:,.1f}",
                f"{statistics.median(row[0] for row in taken[name]):,.1f}",
                f"{statistics.quantiles((us for row in taken[name] for us in row), n=20)[-1]:,.1f}",
                times(us / medians[first]),
                str(IN_A_ROW * len(taken[name])),
            ]
            for name, us in medians.items()
        ],
    )
    report.bar("lookup, native", medians[first], BAR_US, "µs")
    fastest = min(us for name, us in medians.items() if name.startswith("JSON"))
    report.bar("the faster JSON / lookup", fastest / medians[first], BAR_RATIO, "×", at_least=True)
    report.print_bars()


def main() -> int:
    argparse.ArgumentParser(prog="benches/answers.py", description=(__doc__ or "").partition("\n")[0]).parse_args()
    return in_temporary_folder("benches/answers.py", measure)


if __name__ == "__main__":
    sys.exit(main())
