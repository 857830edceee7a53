"""Small projects that a random number generator writes: few words, so that files have much in common."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WORDS_TEXT = (
    "parse date http server retry backoff queue hash map join set index indexes token stream buffer open "
    "close running organization general the of license cache thread pool lock café 漢字 日本語 naïve x1 sha256 "
    "utf8"
)
WORDS = WORDS_TEXT.split()
FOLDERS_TEXT = (
    "src/ src/net/ src/retry/ lib/http_server/ tests/ docs/ vendor/queue/ legacy/ api/v1/ api/v2/ api/v2/"
)
FOLDERS = ("", "", *FOLDERS_TEXT.split())
NAMES_TEXT = (
    "parse date http_server retryPolicy backoff QueueMap hash_map index utils __init__ mod main "
    "test_parse parse_test JoinSet retry.test conftest HTTPServer readme cache 漢字 lock_"
)
NAMES = NAMES_TEXT.split()
EXTENSIONS = ("py", "py", "rs", "go", "js", "c", "c", "h", "java", "rb", "md", "txt", "json", "min.js", "sh")
TEMPLATES = {
    "py": (
        "def {name}({word}, {word}):",
        "class {Name}:",
        "    def {name}(self, {word}):",
        "    return {name}({word})",
        "# {words}",
        "{WORD} = {number}",
        "import {word}",
        "    # {words}",
        "        if {word}: {words}",
        '"""{words}"""',
    ),
    "rs": (
        "pub fn {name}({word}: {Name}) {{",
        "}}",
        "struct {Name} {{",
        "impl {Name} {{",
        "    fn {name}(&self) {{}}",
        "// {words}",
        "/// {words}",
        "const {WORD}: u32 = {number};",
        "    let {word} = {name}({word});",
        "use {word}::{Name};",
    ),
    "go": (
        "func {Name}({word} int) error {{",
        "}}",
        "type {Name} struct {{",
        "\t{word} := {name}({word})",
        "// {words}",
        "package {word}",
        "func (s *{Name}) {name}() {{ return }}",
        "const {WORD} = {number}",
    ),
    "js": (
        "function {name}({word}) {{",
        "}}",
        "class {Name} {{",
        "  {name}({word}) {{ return {word}; }}",
        "// {words}",
        "const {name} = ({word}) => {word};",
        "export default {Name};",
        "let {word} = '{words}';",
    ),
    "c": (
        "int {name}(int {word}) {{",
        "}}",
        "struct {name} {{ int {word}; }};",
        "#define {WORD} {number}",
        "/* {words} */",
        "  {name}({word}, 0x{hex}ul);",
        "#include <{word}.h>",
    ),
    "h": ("int {name}(int {word});", "struct {name} {{ int {word}; }};", "#define {WORD} {number}", "/* {words} */"),
    "java": (
        "class {Name} {{",
        "  void {name}(int {word}) {{ }}",
        "}}",
        "// {words}",
        "  private int {word} = {number};",
    ),
    "rb": ("def {name}({word})", "end", "class {Name}", "module {Name}", "# {words}", "  {name} {word}, {word}"),
    "md": ("# {words}", "## {words}", "{words} {words}", "- `{name}`: {words}", "[{word}]({word}.md)"),
    "txt": ("{words}", "{words} {words}.", "{name} = {number}", "  {words}"),
    "json": ("{{", "}}", '  "{name}": "{words}",', '  "{word}": {number},'),
    "sh": ("{name}() {{", "}}", "# {words}", "  {word} --{word} {number}", "export {WORD}={word}"),
}
HEADS = ("Copyright 2001 The {words} authors", "SPDX-License-Identifier: {words}", "{words}", "{words}")
COMMENTS = {"py": "# ", "rb": "# ", "sh": "# ", "md": "", "txt": "", "json": ""}  # others: //


def identifier(rng: random.Random, capital: bool = False) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
    if capital or rng.random() < 0.3:
        name = "".join(word[:1].upper() + word[1:] for word in words)
        return name if capital else name[:1].lower() + name[1:]
    return "_".join(words)


def _line(rng: random.Random, template: str) -> str:
    words = " ".join(rng.choice((rng.choice(WORDS), identifier(rng))) for _ in range(rng.randint(1, 5)))
    return template.format(
        name=identifier(rng),
        Name=identifier(rng, True),
        word=rng.choice(WORDS),
        words=words,
        WORD="_".join(rng.choice(WORDS) for _ in range(2)).upper(),
        number=rng.randint(0, 999),
        hex=f"{rng.getrandbits(24):x}",
    )


def source(rng: random.Random, extension: str) -> bytes:
    templates = TEMPLATES.get(extension.rpartition(".")[2], TEMPLATES["txt"])
    lines = []
    if rng.random() < 0.4:
        mark = COMMENTS.get(extension, "// ")
        lines += [mark + _line(rng, rng.choice(HEADS)) for _ in range(rng.randint(1, 4))]
    for _ in range(rng.choice((0, 1, 5, 15, 30, 60, 130))):
        lines.append(_line(rng, rng.choice(templates)) if rng.random() < 0.85 else "")
    end = rng.choice(("\n", "\n", "\n", "\r\n"))
    return end.join(lines).encode() + (b"\n" if rng.random() < 0.9 else b"")


def path(rng: random.Random) -> tuple[bytes, str]:
    extension = rng.choice(EXTENSIONS)
    number = rng.choice(("", "", "2", "_old"))
    return f"{rng.choice(FOLDERS)}{rng.choice(NAMES)}{number}.{extension}".encode(), extension


def tree(rng: random.Random, count: int) -> dict[bytes, bytes]:
    """About `count` files by path, ascending."""
    files = {}
    for _ in range(count):
        name, extension = path(rng)
        files[name] = source(rng, extension)
    return dict(sorted(files.items()))


def question(rng: random.Random) -> bytes:
    form = rng.random()
    if form < 0.25:
        return identifier(rng, rng.random() < 0.4).encode()
    if form < 0.35:
        return f"{identifier(rng, True)}{rng.choice(('::', '.', '->', '#'))}{identifier(rng)}".encode()
    if form < 0.42:
        return _mistyped(rng, identifier(rng, rng.random() < 0.5)).encode()
    if form < 0.47:
        return "".join(rng.choice("pdhsrbqm") for _ in range(3)).upper().encode()
    if form < 0.55:
        return _place(rng).encode()
    words = [rng.choice((rng.choice(WORDS), identifier(rng), "unknown")) for _ in range(rng.randint(1, 5))]
    return " ".join([rng.choice(("fix", "Adding", "v1", "to"))] * (rng.random() < 0.2) + words).encode()


def _mistyped(rng: random.Random, name: str) -> str:
    at = rng.randrange(len(name))
    return name[:at] + rng.choice(("", "e", name[at] * 2, name[at + 1 : at + 2] + name[at])) + name[at + 1 :]


def _place(rng: random.Random) -> str:
    where, line = path(rng)[0].decode(), rng.choice((0, 1, 7, 39, 41, 90, 500))
    forms = (
        f"{where}:{line}",
        f'File "/home/x/{where}", line {line}, in {identifier(rng)}',
        f"at {identifier(rng, True)}.{identifier(rng)} ({where}:{line}:3)",
        f"{where}:{line}:in `{identifier(rng)}'",
        where,
    )
    return rng.choice(forms)


def write(root: Path, files: dict[bytes, bytes], old: bool = True) -> None:
    """Writes the files, with times long past if `old`: then what is indexed does not depend on the clock."""
    for name, content in files.items():
        target = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
        if old:
            os.utime(target, ns=(10**18, 10**18 + len(content)))


@contextmanager
def project(files: dict[bytes, bytes]) -> Iterator[Path]:
    """The root of a project with these files, its index below a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREPPY_INDEX_DIR", os.path.join(folder, "index"))
        root = Path(folder, "project")
        root.mkdir()
        write(root, files)
        yield root
