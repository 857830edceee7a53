"""One process of a crowd that uses the cache of smart answers: `answering.py CACHE WORK NUMBER GENERATION`.

WORK "below": puts its own few keys again and again, each time another version, and says so on stdout once that is done;
"above": puts ever new ones of any length; "count": looks up so many times, NUMBER. Whatever it finds must be right, or
it ends with a traceback.
"""

from __future__ import annotations

import errno
import os
import random
import sys

from greppy._core import engine

KEYS = 150  # of one process
VERSIONS = 10_000_000  # of one generation


def key_of(number: int, i: int) -> bytes:
    return b"who\0question %d of %d" % (i, number)


def body_of(key: bytes, version: int) -> bytes:
    return b"%d of %s " % (version, key) + b"." * (version % 500)


def version_of(key: bytes, body: bytes) -> int:
    """Of an answer to the key; the body is whole and its own."""
    version = int(body.partition(b" ")[0])
    assert body == body_of(key, version)
    return version


def put(cache: bytes, key: bytes, body: bytes) -> bool:
    try:
        engine.answers_put(cache, key, body)
    except OSError as error:
        if error.errno != errno.EAGAIN:  # so many others were before it
            raise
        return False
    return True


def below(cache: bytes, number: int, generation: int) -> None:
    chance = random.Random(f"{number} {generation}")
    mine: dict[int, int] = {}
    for version in range(generation * VERSIONS, (generation + 1) * VERSIONS):
        i = chance.randrange(KEYS)
        key = key_of(number, i)
        if put(cache, key, body_of(key, version)):
            mine[i] = version
            os.write(1, b"%d %d\n" % (i, version))
        for i in chance.sample(sorted(mine), min(2, len(mine))):
            body = engine.answers_get(cache, key_of(number, i))
            assert body is not None, "an answer is gone"
            assert version_of(key_of(number, i), body) >= mine[i]
        key = key_of(chance.randrange(16), chance.randrange(KEYS))
        body = engine.answers_get(cache, key)
        assert body is None or version_of(key, body) >= 0


def above(cache: bytes, number: int, generation: int) -> None:
    chance = random.Random(f"{number} {generation}")
    for version in range(generation * VERSIONS, (generation + 1) * VERSIONS):
        key = b"%d" % version
        put(cache, key, key * chance.choice((1, 20, 20, 20, 1300)))
        assert len(engine.answers_list(cache)) <= 5000 if version % 500 == 0 else True
        key = b"%d" % (generation * VERSIONS + chance.randrange(version % VERSIONS + 1))
        body = engine.answers_get(cache, key)
        assert body is None or body in (key, key * 20, key * 1300)


def main() -> None:
    cache, work, number, generation = os.fsencode(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if work == "count":
        for i in range(number):
            engine.answers_get(cache, b"there" if i % 3 else b"not there")
    else:
        {"below": below, "above": above}[work](cache, number, generation)


if __name__ == "__main__":
    main()
