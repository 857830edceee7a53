"""Builds a peer's index of chunks; as a process of its own: `builders.py tantivy|fts5|bm25s LIST TARGET`.

LIST holds paths, each ended by a NUL; of those files every peer gets the same chunks: 50 lines. Positions are left out
where the peer can do without them for BM25, and the text is not stored: greppy does neither either.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator

CHUNK_LINES = 50
THREADS = 2
HEAP = 500_000_000
BATCH = 2000
WORDS = r"\w\w+"
Chunk = tuple[str, int, str]  # path, first line, text


def chunks(list_path: str) -> Iterator[Chunk]:
    """The chunks of all files."""
    with open(list_path, "rb") as file:
        paths = [os.fsdecode(name) for name in file.read().split(b"\0") if name]
    for path in paths:
        with open(path, "rb") as file:
            lines = file.read().decode("utf-8", "replace").split("\n")
        shown = path.encode("utf-8", "replace").decode("utf-8")
        for first in range(0, len(lines), CHUNK_LINES):
            yield shown, first + 1, "\n".join(lines[first : first + CHUNK_LINES])


def build_tantivy(found: Iterable[Chunk], target: str, threads: int = THREADS, heap: int = HEAP) -> int:
    """How many chunks there are. Every thread writes a segment whenever its share of the heap is full."""
    import tantivy

    os.makedirs(target)
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("path", stored=True, tokenizer_name="raw", index_option="basic")
    schema.add_unsigned_field("line", stored=True)
    schema.add_text_field("body", stored=False, index_option="freq")
    index = tantivy.Index(schema.build(), path=target)
    writer = index.writer(heap_size=heap, num_threads=threads)
    n = 0
    for path, line, text in found:
        writer.add_document(tantivy.Document(path=path, line=line, body=text))
        n += 1
    writer.commit()
    writer.wait_merging_threads()
    return n


def build_fts5(found: Iterable[Chunk], target: str) -> int:
    os.makedirs(target)
    base = sqlite3.connect(os.path.join(target, "index.db"), isolation_level=None)
    base.execute("pragma journal_mode = off")
    base.execute("pragma synchronous = off")
    base.execute("create table place (id integer primary key, path text, line integer)")
    base.execute("create virtual table chunk using fts5 (body, content = '')")
    base.execute("begin")
    places: list[tuple[int, str, int]] = []
    bodies: list[tuple[int, str]] = []
    n = 0
    for path, line, text in found:
        n += 1
        places.append((n, path, line))
        bodies.append((n, text))
        if len(places) == BATCH:
            base.executemany("insert into place values (?, ?, ?)", places)
            base.executemany("insert into chunk (rowid, body) values (?, ?)", bodies)
            places.clear()
            bodies.clear()
    base.executemany("insert into place values (?, ?, ?)", places)
    base.executemany("insert into chunk (rowid, body) values (?, ?)", bodies)
    base.execute("commit")
    base.close()
    return n


def build_bm25s(found: Iterable[Chunk], target: str) -> int:
    import bm25s

    corpus = [text for _, _, text in found]
    tokens = bm25s.tokenize(corpus, stopwords=None, token_pattern=WORDS, show_progress=False)
    retriever = bm25s.BM25()
    retriever.index(tokens, show_progress=False)
    retriever.save(target, show_progress=False)
    return len(corpus)


BUILDERS = {"tantivy": build_tantivy, "fts5": build_fts5, "bm25s": build_bm25s}


def main() -> int:
    name, list_path, target = sys.argv[1:]
    print(BUILDERS[name](chunks(list_path), target))
    return 0


if __name__ == "__main__":
    sys.exit(main())
