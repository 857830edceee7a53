"""Jupyter notebooks: the text of their cells, and what a search finds in them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Project
from hypothesis import given
from hypothesis import strategies as st

from greppy._core import engine

FIXTURE = Path(__file__).parent / "outline" / "notebook.ipynb"
MARKS = {"code": " ", "markdown": "\t", "raw": "\t", "heading": "\t", None: " "}
Object = dict[str, Any]


def code(source: str, *output: str, **more: object) -> Object:
    """A cell as Jupyter writes it: the outputs stand before the source."""
    printed = [{"name": "stdout", "output_type": "stream", "text": list(output)}] if output else []
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": printed}
    return {**cell, "source": source.splitlines(keepends=True), **more}


def markdown(source: str) -> Object:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def notebook(*cells: Object, language: str | None = "python") -> Object:
    info = {"kernelspec": {"display_name": "x", "language": language, "name": "x"}} if language else {}
    return {"cells": list(cells), "metadata": info, "nbformat": 4, "nbformat_minor": 5}


def written(document: Object, indent: int | None = 1) -> str:
    return json.dumps(document, indent=indent) + "\n"


# ------------------------------------------------------------------------------------------------ the text of the cells


words = st.lists(
    st.sampled_from([
        "a", "def f():", " ", "\t", "\n", "\r\n", '"', "\\", "\\n", "/", "{", "]", ",", ":", "é", "漢", "🙂", "\0",
        "\x0c", "\x7f", "\ud83d", "\ude42", "u0041", "source", '"source": ["',
    ]),
    max_size=6,
).map("".join)  # fmt: skip
sources = st.one_of(words, st.lists(words, max_size=5))
names = st.sampled_from(["source", "input", "cells", "worksheets", "cell_type", "language", "name", "text", "x"])
values = st.recursive(
    st.none() | st.integers(0, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def notebooks(draw: st.DrawFn) -> tuple[int, list[list[tuple[str, Any]]], Object]:
    """(version, cells as pairs in any order, what else is in there)."""
    version = draw(st.sampled_from([3, 4]))
    cells = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["code", "markdown", "raw", "heading"]))
        pairs = [("cell_type", kind), ("source", draw(sources))]
        pairs += draw(st.dictionaries(st.sampled_from(["outputs", "metadata", "id"]), values, max_size=2)).items()
        if draw(st.integers(0, 9)) == 0:
            pairs.pop(0)
        if version == 3 and dict(pairs).get("cell_type") == "code":
            pairs = [("input" if name == "source" else name, value) for name, value in pairs]
        cells.append(draw(st.permutations(pairs)))
    return version, cells, draw(st.dictionaries(st.sampled_from(["metadata", "x", "source"]), values, max_size=2))


def document(version: int, cells: list[Object], rest: Object) -> Object:
    inside = {"worksheets": [{"metadata": {}, "cells": cells}]} if version == 3 else {"cells": cells}
    return {**inside, **rest}


def expected(drawn: tuple[int, list[list[tuple[str, Any]]], Object], **options: Any) -> str:
    """Writes the notebook with a number in the place of each string of a source and sees on which lines they are."""
    version, cells, rest = drawn
    strings: list[str] = []
    marks = []

    def number(string: str) -> str:
        strings.append(string)
        return f"@@{len(strings) - 1}@@"

    twins = []
    for pairs in cells:
        twin: Object = {}
        for name, value in pairs:
            if name in ("source", "input"):
                marks.append(MARKS[dict(pairs).get("cell_type")])
                twin[f"@{len(marks) - 1}@"] = number(value) if isinstance(value, str) else [number(s) for s in value]
            else:
                twin[name] = value
        twins.append(twin)
    lines = []
    for line in json.dumps(document(version, twins, rest), **options).split("\n"):
        text = " ".join(strings[int(n)] for n in re.findall(r'"@@(\d+)@@"', line))
        begins = re.search(r'"@(\d+)@"', line)
        text = re.sub(r"[\0-\x08\n-\x1f]", " ", text).rstrip(" \t")
        lines.append(text + (marks[int(begins[1])] if begins else ""))
    return "\n".join(lines).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(
    notebooks(),
    st.sampled_from([None, 0, 1, "\t"]),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]),
)
def test_text_is_what_json_reads(
    drawn: tuple[int, list[list[tuple[str, Any]]], Object], indent: object, ascii: bool, separators: object
) -> None:
    options = {"indent": indent, "ensure_ascii": ascii, "separators": separators}
    version, cells, rest = drawn
    raw = json.dumps(document(version, [dict(pairs) for pairs in cells], rest), **options)  # type: ignore[arg-type]
    # half a pair has no UTF-8; as an escape it is the same
    raw = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", raw)
    text, language = engine.notebook_text(raw.encode())
    if not cells:
        assert (text, language) == (b"", None)
        return
    assert language is not None
    assert text.decode() == expected(drawn, **options)
    for other in (raw.replace("\n", "\r\n"), "\ufeff" + raw):
        assert engine.notebook_text(other.encode()) == (text, language)


pieces = st.sampled_from(
    [
        b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b",", b":", b'"cells":', b'"source":', b'"cell_type":', b'"code"',
        b" ", b'"input":', b'"worksheets":', b"\\u00", b"\\ud83d", b"\\ude42", b"\xff", b"\0",
        b'{"cells":[{"source":["', b"x",
    ]
)  # fmt: skip


@given(st.data())
def test_any_bytes(data: st.DataObject) -> None:
    """As many lines as the file has, and no more bytes."""
    raw = data.draw(st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=60).map(b"".join)))
    if data.draw(st.booleans()):
        whole = FIXTURE.read_bytes()
        at = data.draw(st.integers(0, len(whole)))
        raw = whole[:at] + raw + whole[at + data.draw(st.integers(0, 300)) :]
    text, language = engine.notebook_text(raw)
    if language is None:
        assert text == b""
    else:
        assert len(text) <= len(raw)
        assert text.count(b"\n") == raw.count(b"\n")
        assert not re.search(rb"[\0-\x08\x0b-\x1f]|[ \t]{2}$", text)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ({}, "python"),
        ({"metadata": {"kernelspec": {"language": "R", "name": "ir"}}}, "r"),
        ({"metadata": {"language_info": {"codemirror_mode": {"name": "x"}, "name": "julia"}}}, "julia"),
        ({"metadata": {"kernelspec": {"language": "C++17"}, "language_info": {"name": "c++"}}}, "cpp"),
        ({"metadata": {"kernelspec": {"language": "klingon"}}}, "text"),
        ({"metadata": {"kernelspec": {"name": "r"}, "language": "r"}}, "python"),
        ({"metadata": {"x": {"kernelspec": {"language": "r"}}}}, "python"),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_language(said: Object, language: str, first: bool) -> None:
    cells = {"cells": [code("x = 1")]}
    assert engine.notebook_text(written({**said, **cells} if first else {**cells, **said}).encode())[1] == language


def test_language_of_version_3() -> None:
    cell = {"cell_type": "code", "input": ["f(x) = 1"], "language": "julia", "outputs": []}
    old = {"metadata": {"name": ""}, "nbformat": 3, "worksheets": [{"cells": [cell], "metadata": {}}]}
    text, language = engine.notebook_text(written(old).encode())
    assert language == "julia"
    assert text.split() == [b"f(x)", b"=", b"1"]


def test_time_is_linear() -> None:
    size = 1_000_000
    openers = [b"{", b"[", b'"', b"\\", b"\n", b":", b",", b'"source":\n', b'"\\ud83d', b'"source":["\n', b'"cells":[{']
    for piece in openers:
        for before in (b"", b'{"cells":[{"source":["'):
            begin = time.perf_counter()
            text, language = engine.notebook_text(before + piece * (size // len(piece)))
            if language:
                engine.line_classes(text, "notebook")
            assert time.perf_counter() - begin < 2.0, piece


# --------------------------------------------------------------------------------------------------------- the search


TOTAL = 'def walrus_total(frame, sep="\\t"):\n    """Sums the herds."""\n    return frame["herd"].sum()\n'
SALES = notebook(
    markdown("# Quarterly walrus sales\n\nWhat the *customers* said about tusks."),
    code("import pandas as pd\n\n%matplotlib inline", "output_needle\n"),
    code(TOTAL, "output_needle 1\n"),
    code("walrus_total(read())", *[f"row_needle {i}\n" for i in range(500)]),
    code("class SealKeeper:\n    def feed(self):\n        return 'herring'"),
)  # fmt: skip


def line_of(text: str, what: str) -> int:
    return next(i for i, line in enumerate(text.split("\n"), 1) if what in line)


def test_search_by_cell(project: Project) -> None:
    text = written(SALES)
    project.fill({"a/sales.ipynb": text, "b.py": "def other():\n    pass\n"})
    assert project.index().stderr == b""
    for flags in ([], ["--no-refresh"]):
        # a name's definition comes first, with the number of the file's line, as source
        [first, *_] = project.lines("walrus_total", *flags)
        assert first == f'a/sales.ipynb:{line_of(text, "def walrus_total")}:def walrus_total(frame, sep="\\t"):'
        assert project.lines("herring") == [f"a/sales.ipynb:{line_of(text, 'herring')}:        return 'herring'"]
        assert project.lines("tusks customers") == [
            f"a/sales.ipynb:{line_of(text, 'tusks')}:What the *customers* said about tusks."
        ]
        for nothing in ("output_needle", "row_needle", "execution_count", "nbformat", "display_name", "cell_type"):
            assert project.lines(nothing, *flags) == [], nothing
    assert project.lines("quarterly", "--kind", "section") == [
        f"a/sales.ipynb:{line_of(text, 'Quarterly')}:# Quarterly walrus sales"
    ]
    feed = f"a/sales.ipynb:{line_of(text, 'def feed')}:    def feed(self):"
    assert project.lines("feed", "--kind", "method") == [feed]
    # chunks are cells, whatever was printed between them
    begin = line_of(text, "def walrus_total")
    assert project.lines("walrus_total herds", "--chunk", "-n", "1") == [
        f"a/sales.ipynb{mark}{begin + i}{mark}{line}"
        for i, (mark, line) in enumerate(zip(":--", TOTAL.splitlines(), strict=True))
    ]
    assert project.lines("feed", "-C", "1", "-n", "1")[1] == feed
    # by name alone: the first line with something on it
    assert project.lines("sales.ipynb", "-n", "1") == [
        f"a/sales.ipynb:{line_of(text, 'Quarterly')}:# Quarterly walrus sales"
    ]
    assert project.files("walrus_total", "-t", "notebook") == project.files("walrus_total", "-t", "ipynb") != []
    assert project.files("walrus_total", "-t", "python") == []


def test_json(project: Project) -> None:
    text = written(SALES)
    project.fill({"sales.ipynb": text})
    found = json.loads(project.search("--json", "walrus_total").stdout)["results"]
    begin = line_of(text, "def walrus_total")
    assert [found[0][key] for key in ("path", "line", "symbol_name", "symbol_type", "signature", "doc_comment")] == [
        "sales.ipynb", begin, "walrus_total", "function", TOTAL.split("\n")[0], '"""Sums the herds."""',
    ]  # fmt: skip
    assert (found[0]["language"], found[0]["end_line"]) == ("notebook", begin + 2)
    assert found[0]["content"] == TOTAL
    # what calls it is not inside of it: it is another cell
    [call] = [result for result in found if result["line"] == line_of(text, "walrus_total(read())")]
    assert call["symbol_name"] is None
    assert call["content"] == "walrus_total(read())\n"


@pytest.mark.parametrize("language", ["R", "julia", "javascript", None])
def test_kernels(project: Project, language: str | None) -> None:
    define = {"R": "tusk <- function(x) 1", "julia": "function tusk(x)\nend", "javascript": "function tusk(x) {}"}
    source = define.get(language or "", "def tusk(x): return x")
    project.fill({"a.ipynb": written(notebook(code("1"), code("# a\n" + source), language=language))})
    assert project.lines("tusk", "--kind", "function")[0].endswith(":" + source.split("\n")[0])
    [found] = json.loads(project.search("--json", "tusk").stdout)["results"]
    assert found["symbol_name"] == "tusk"


def test_an_edit_is_seen(project: Project) -> None:
    text = written(SALES)
    path = project.write("a.ipynb", text)
    project.age()
    assert project.lines("herring") != []
    path.write_text(text.replace("herring", "capelin").replace("row_needle 17", "row_other 17"))
    assert project.lines("herring", "--no-refresh") == []
    assert project.lines("capelin")[0].endswith("return 'capelin'")
    assert project.lines("herring") == []
    # touched only: the hash tells that it is the same
    path.touch()
    assert project.lines("capelin", "--no-refresh") != []


def test_outputs_longer_than_what_is_looked_at(project: Project) -> None:
    """Jupyter writes outputs before the source, so that they stand at the beginning of the file."""
    rows = [f"row {i}\n" for i in range(9000)]
    text = written(notebook(code("walrus = 1", *rows), code("herring = 2", *rows)))
    project.fill({"a.ipynb": text})
    for name in ("walrus", "herring"):
        assert project.lines(name) == [f"a.ipynb:{line_of(text, name)}:{name} = {1 if name == 'walrus' else 2}"]
        [found] = json.loads(project.search("--json", name).stdout)["results"]
        assert (found["line"], found["end_line"]) == (line_of(text, name),) * 2
    assert project.lines("a.ipynb") == [f"a.ipynb:{line_of(text, 'walrus')}:walrus = 1"]


def test_other_shapes(project: Project) -> None:
    """On one line, with a mark, damaged, without cells, no JSON, empty, in UTF-16."""
    cells = [markdown("About seals."), code("tusk = 1\nwalrus(tusk)", "output_needle")]
    text = written(notebook(*cells))
    count = '   "execution_count": 1,\n'
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["tusk = 3\n", "seal()"]}]}], "nbformat": 3}
    project.fill({
        "minified.ipynb": written(notebook(*cells), None),
        "mark.ipynb": b"\xef\xbb\xbf" + text.encode(),
        "crlf.ipynb": text.replace("\n", "\r\n"),
        "conflict.ipynb": text.replace(count, f"<<<<<<< HEAD\n{count}=======\n{count}>>>>>>> x's\n"),
        "cut.ipynb": text[: text.index("walrus(tusk)") + 3],
        "version3.ipynb": written(old),
        "plain.ipynb": "tusk without cells\n",
        "keys.ipynb": '{"tusk": 1}\n',
        "wide.ipynb": text.encode("utf-16"),
        "empty.ipynb": "",
        "bare.ipynb": written(notebook()),
        "blank.ipynb": written(notebook(code(""))),
    })  # fmt: skip
    assert project.index().stderr == b""
    found = {row.split(":", 1)[0]: row for row in project.lines("tusk", "-n", "100")}
    assert set(found) == {
        f"{name}.ipynb"
        for name in ("minified", "mark", "crlf", "conflict", "cut", "version3", "plain", "keys", "wide")
    }
    assert found["mark.ipynb"].endswith(":tusk = 1")
    assert found["crlf.ipynb"].endswith(":tusk = 1")
    assert found["version3.ipynb"].endswith(":tusk = 3")
    assert found["minified.ipynb"].startswith("minified.ipynb:1:About seals. ")
    assert set(project.files("output_needle", "-n", "100")) == {"wide.ipynb"}
    done = project.run("check")
    assert (done.returncode, done.stderr) == (0, b"")
