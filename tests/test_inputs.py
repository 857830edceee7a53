"""Any input: encodings, line ends, sizes, what a program wrote, what is a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Project, binary
from hypothesis import example, given
from hypothesis import strategies as st

from greppy._core import engine

GERMAN = "# Die Größe der Straße in Übersicht.\ndef groesse():\n    return 'größe'\n"


# ---------------------------------------------------------------------------------------------------------- encodings


def shown(project: Project, *arguments: str) -> list[dict[str, object]]:
    done = project.search("--json", *arguments)
    assert done.stderr == b"", done
    return list(json.loads(done.stdout)["results"])


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_utf16(project: Project, order: str, end: str) -> None:
    """Indexed, and shown as UTF-8."""
    lines = ["# Größe 漢字 🙂", "def walrus_size():", "    return 'größe'", *["x = 1"] * 60, "def seal():", "    pass"]
    mark = b"\xff\xfe" if order == "le" else b"\xfe\xff"
    project.fill({"a.py": mark + end.join([*lines, ""]).encode(f"utf-16-{order}"), "b.py": "def other():\n    pass\n"})
    assert project.index().stderr == b""
    for flags in ([], ["--no-refresh"]):
        assert project.lines("walrus_size", *flags) == ["a.py:2:def walrus_size():"]
        assert project.lines("seal", *flags) == [f"a.py:{len(lines) - 1}:def seal():"]
        assert project.lines("größe", *flags)[0] in ("a.py:1:# Größe 漢字 🙂", "a.py:3:    return 'größe'")
    assert project.lines("漢字") == ["a.py:1:# Größe 漢字 🙂"]
    assert project.lines("walrus_size", "-C", "1") == [
        "a.py-1-# Größe 漢字 🙂", "a.py:2:def walrus_size():", "a.py-3-    return 'größe'",
    ]  # fmt: skip
    [result] = shown(project, "walrus_size")
    assert (result["path"], result["symbol_name"]) == ("a.py", "walrus_size")
    # touched only: the hash tells that it is the same; and after a change the new text is there
    (project.root / "a.py").touch()
    assert project.lines("seal", "--no-refresh") == [f"a.py:{len(lines) - 1}:def seal():"]
    project.write("a.py", mark + "def walrus_new(): pass\n".encode(f"utf-16-{order}"))
    assert project.lines("seal", "--no-refresh") == []
    assert project.lines("walrus_new") == ["a.py:1:def walrus_new(): pass"]


def test_utf16_gives_what_utf8_gives(project: Project) -> None:
    """Names, parents, signatures, places: the same source in another encoding is the same source."""
    source = (
        "# Größe 漢字\nclass Walrus:\n"
        + "".join(f"    def swim_{i}(self, water):\n        return water + {i}  # größer\n\n" for i in range(60))
        + "    def dive(self):\n" + "        self.depth += 1\n" * 90 + "        return 'unten'\n"
    )  # fmt: skip
    answers = []
    for encoding in ("utf-8", "utf-16"):  # Python's utf-16 writes the mark
        project.fill({"a.py": source.encode(encoding)})
        project.index("-q")
        answers.append([
            shown(project, query, *flags)
            for query in ("swim_40", "depth", "Walrus dive", "größer 漢字", "unten")
            for flags in ([], ["--no-refresh"])
        ] + [
            project.lines("swim_40", *flags) for flags in (["-C", "3"], ["--chunk"])
        ])  # fmt: skip
    assert answers[0] == answers[1]
    assert all(answers[0])


def test_strange_utf16(project: Project) -> None:
    """Half a pair, an odd byte, nothing but a mark, UTF-32, text that is longer in UTF-8, a mark before ASCII."""
    project.fill({
        "half.txt": b"\xff\xfe" + "needle ".encode("utf-16-le") + b"\x00\xd8" + " a\n".encode("utf-16-le"),
        "odd.txt": b"\xff\xfe" + "needle".encode("utf-16-le") + b"x",
        "mark.txt": b"\xff\xfe",
        "utf32.txt": b"\xff\xfe\0\0" + "needle".encode("utf-32-le"),
        "binary.txt": b"\xff\xfe" + b"n\0e\0\0\0e\0",
        "long.txt": b"\xfe\xff" + ("漢字漢字漢字漢字\n" * 300 + "needle\n").encode("utf-16-be"),
    })  # fmt: skip
    project.fill({"stray.txt": b"\xff\xfestray needles\n"})
    assert b" 5 files" in project.index().stdout
    assert project.search("stray").stdout == b"stray.txt:1:\xff\xfestray needles\n"
    (project.root / "stray.txt").unlink()
    assert set(project.lines("needle")) == {
        "half.txt:1:needle \ufffd a", "odd.txt:1:needle\ufffd", "long.txt:301:needle",
    }  # fmt: skip
    assert project.lines("needle", "--chunk", "long.txt")[-1] == "long.txt:301:needle"


@given(st.binary(max_size=200), st.sampled_from(["le", "be"]))
@example(b"a\0\n\0", "le")
@example(b"\x3d\xd8\x42\xde\x42\xde\x3d\xd8", "le")
@example(b"\xd8\x3d", "be")
def test_utf16_is_decoded_as_python_does(raw: bytes, order: str) -> None:
    """Half a pair and an odd byte at the end become U+FFFD."""
    even = len(raw) & ~1
    expected = raw[:even].decode(f"utf-16-{order}", "replace") + "\ufffd" * (len(raw) & 1)
    mark = b"\xff\xfe" if order == "le" else b"\xfe\xff"
    assert engine.utf16_to_utf8(mark + raw, order == "be") == expected.encode()


def test_latin1(project: Project) -> None:
    """Words are found; what is printed are the bytes of the file."""
    project.fill({"a.py": GERMAN.encode("latin-1"), "b.py": GERMAN.encode(), "c.py": "def nothing():\n    pass\n"})
    for word in ("größe", "GRÖSSE straße", "Übersicht", "übersicht"):
        assert set(project.files(word)) >= {"a.py", "b.py"}, word
        assert "c.py" not in project.files(word)
    assert project.search("straße", "a.py").stdout == b"a.py:1:# Die Gr\xf6\xdfe der Stra\xdfe in \xdcbersicht.\n"
    assert project.search("return größe", "a.py").stdout == b"a.py:3:    return 'gr\xf6\xdfe'\n"
    assert shown(project, "straße")[0]["path"] in ("a.py", "b.py")


def test_the_line_with_the_word_is_shown_whatever_its_encoding(project: Project) -> None:
    """Also when a letter outside ASCII stands near the word's beginning, or is a capital in the text."""
    lines = "one\ntwo\nDie Fenstergröße\nfour\nUne CAFÉTÉRIA\n"
    for encoding in ("utf-8", "latin-1"):
        project.fill({"a.txt": lines.encode(encoding)})
        for query, number in (("fenstergröße", 3), ("cafétéria", 5)):
            [line] = project.lines(query)
            assert line.startswith(f"a.txt:{number}:"), (encoding, query)


def test_latin1_and_utf8_in_one_line(project: Project) -> None:
    project.fill({"a.txt": "größe ".encode() + "maß\n".encode("latin-1")})
    assert project.files("größe") == project.files("maß") == ["a.txt"]


@pytest.mark.parametrize("name", ["a.py", "a.c", "a.md", "a.json", "a.sh"])
def test_a_byte_order_mark(project: Project, name: str) -> None:
    text = {"a.py": "def walrus():\n    pass\n", "a.c": "int walrus(void)\n{\n    return 1;\n}\n"}.get(name, "walrus\n")
    project.fill({name: b"\xef\xbb\xbf" + text.encode(), "b.txt": "walrus later\n"})
    done = project.search("walrus", name)
    assert done.stdout == f"{name}:1:".encode() + b"\xef\xbb\xbf" + text.splitlines()[0].encode() + b"\n"
    if name in ("a.py", "a.c"):
        assert shown(project, "walrus", name)[0]["symbol_name"] == "walrus"


def test_crlf(project: Project) -> None:
    text = "import os\r\n\r\n\r\ndef walrus():\r\n    return 1\r\n\r\n\r\nclass Seal:\r\n    pass\r\n"
    project.fill({"a.py": text})
    assert project.lines("walrus", "-C", "1") == ["a.py-3-", "a.py:4:def walrus():", "a.py-5-    return 1"]
    assert project.lines("Seal") == ["a.py:8:class Seal:"]
    assert {result["symbol_name"] for result in shown(project, "walrus seal")} <= {"walrus", "Seal", ""}


# -------------------------------------------------------------------------------------------------------------- sizes


def peak_of(project: Project, *arguments: str) -> tuple[float, int, bytes]:
    """(seconds, peak resident bytes, output) of one run."""
    code = (
        "import resource, subprocess, sys, time\n"
        "began = time.monotonic()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "assert done.returncode == 0, done.returncode\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024\n"
        "print(time.monotonic() - began, peak)\n"
        "sys.stdout.flush()\n"
        "sys.stdout.buffer.write(done.stdout[:300])\n"
    )
    done = project.run("-c", code, binary(), *arguments, program=sys.executable, timeout=120)
    assert done.returncode == 0, done
    first, _, rest = done.stdout.partition(b"\n")
    seconds, peak = first.split()
    return float(seconds), int(peak), rest


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("a.json", b'{"walrus_%d": [1, 2.5, "text of it"]}, '),
        ("a.js", b"function f%d(a){return a+1};var s='x';"),
        ("a.py", b"def f%d(a): return '(' ; "),
        ("a.txt", b"word%d"),
        ("a.c", b"int f%d(int a) { return a[(1)]; } "),
    ],
)
def test_one_line_of_20_mb(project: Project, name: str, piece: bytes) -> None:
    """In time that grows with the size and not with its square."""
    times = []
    for size in (5_000_000, 20_000_000):
        pieces = [piece % i for i in range(size // len(piece))]
        project.write(name, b"".join(pieces)[:size])
        seconds, peak, _ = peak_of(project, "index", "-q", "--force", "--max-filesize", "0")
        assert peak < 250 << 20
        times.append(seconds)
    assert times[1] < 8 * times[0] + 1, times
    assert project.search("walrus_0 f0 word0 function", "-l").stdout == f"{name}\n".encode()


@pytest.mark.slow
def test_one_line_of_200_mb(project: Project) -> None:
    (project.root / "a.js").write_bytes(b"function walrus(a){return a+1};" + b"var s = 'x' + f(1);" * 10_526_315)
    project.write("b.js", "function seal() {}\n")
    seconds, peak, _ = peak_of(project, "index", "-q", "--max-filesize", "0")
    assert peak < 700 << 20  # the text, and the records of ten million definitions
    assert seconds < 30
    seconds, peak, out = peak_of(project, "search", "walrus", "-l")
    assert out == b"a.js\n"
    assert peak < 300 << 20
    assert project.files("seal") == ["b.js"]


def test_sparse_files(project: Project) -> None:
    """A disk image is not read to be left out."""
    for name, size, head in (("a.img", 10 << 30, b""), ("b.img", 3 << 30, b""), ("c.img", 3 << 30, b"text\n" * 4000)):
        with project.write(name, head).open("r+b") as file:
            file.truncate(size)
    project.write("a.py", "walrus = 1\n")
    project.age()
    seconds, peak, _ = peak_of(project, "index", "-q", "--max-filesize", "0")
    assert peak < 150 << 20
    assert seconds < 20
    assert project.files("walrus") == ["a.py"]
    assert project.index().stdout.startswith(b"up to date")


def test_a_large_binary_file_is_not_read_to_its_end(project: Project) -> None:
    project.write("a.bin", b"\0" + b"x" * 300_000_000)
    project.write("a.py", "walrus = 1\n")
    _, peak, _ = peak_of(project, "index", "-q", "--max-filesize", "0")
    assert peak < 150 << 20
    assert project.files("walrus") == ["a.py"]
    project.age()
    project.index()
    before = sorted(path.name for path in project.index_folder().iterdir())
    assert project.files("walrus") == ["a.py"]
    assert sorted(path.name for path in project.index_folder().iterdir()) == before, "it never looked fresh"
    # a change of it is seen all the same
    project.write("a.bin", "walrus too\n")
    assert set(project.files("walrus")) == {"a.py", "a.bin"}


# ---------------------------------------------------------------------------------------------------- what was written


CODE = "def walrus_handler(request):\n    return request.walrus\n"
GENERATED = [
    "# @generated by protoc\n", "# Code generated by stringer; DO NOT EDIT.\n", "# DO NOT EDIT\n",
    "# This file is automatically generated. Do not edit it.\n", '"""Generated by scripts/x.py, do not modify."""\n',
    "# licence\n# licence\n\n# autogenerated by tool\n", "#\n# <auto-generated/>\n",
]  # fmt: skip
WRITTEN = [
    "# plain\n", "MARK = '@generated'\n", 'MARK = "DO NOT EDIT"\n', "# please do not edit line 7\n",
    "# how code is generated\n", "x = 1\n" * 60 + "# @generated\n",
]  # fmt: skip


@pytest.mark.parametrize("head", GENERATED)
def test_what_a_program_wrote_comes_later(project: Project, head: str) -> None:
    project.fill({"a.py": head + CODE, "b.py": "# plain\n" * head.count("\n") + CODE})
    assert project.files("walrus_handler") == ["b.py", "a.py"]


@pytest.mark.parametrize("head", WRITTEN)
def test_what_only_speaks_of_it_does_not(project: Project, head: str) -> None:
    """Else it would come behind the generated one, whose name is first."""
    project.fill({"a.py": "# @generated\n" * head.count("\n") + CODE, "b.py": head + CODE})
    assert project.files("walrus_handler")[0] == "b.py"


@pytest.mark.parametrize(
    "path",
    [
        "package-lock.json", "yarn.lock", "Cargo.lock", "poetry.lock", "go.sum", "app.min.js", "x.min.css", "api.pb.go",
        "api_pb2.py", "node_modules/x/walrus.js", "vendor/walrus.go", "third_party/walrus.c", "third-party/walrus.c",
        "a/3rdparty/walrus.c", "Pods/walrus.m", "pdm.lock", "Pipfile.lock", "flake.lock", "a.designer.cs",
    ],
)  # fmt: skip
def test_names_of_generated_and_vendored_files(path: str) -> None:
    assert engine.path_flags(path.encode()) & (8 | 16)


@pytest.mark.parametrize("path", ["src/lock.py", "vendors.py", "go.mod", "package.json", "min.js", "a/map.c", "lock"])
def test_names_of_ordinary_files(path: str) -> None:
    assert not engine.path_flags(path.encode()) & (8 | 16)


def test_minified_files(project: Project) -> None:
    """Known by their lines, whatever their name."""
    written = "function walrusHandler(request) {\n  return request.walrus;\n}\n"
    packed = "function walrusHandler(r){return r.walrus};" + "var a=1;b(a,2);" * 400
    project.fill({"a.js": packed, "b.js": written})
    assert project.files("walrusHandler") == ["b.js", "a.js"]


def test_linguist_attributes(project: Project, needs_git: None) -> None:
    project.git("init")
    project.fill({"a/x.py": CODE, "b/x.py": CODE, ".gitattributes": "# nothing\n"})
    assert project.files("walrus_handler") == ["a/x.py", "b/x.py"]
    project.write(".gitattributes", "a/** linguist-generated\n")
    assert project.files("walrus_handler") == ["b/x.py", "a/x.py"]
    project.write(".gitattributes", "a/** linguist-vendored=true\n")
    assert project.files("walrus_handler") == ["b/x.py", "a/x.py"]
    project.write(".gitattributes", "a/** linguist-vendored\na/x.py -linguist-vendored\n")
    assert project.files("walrus_handler") == ["a/x.py", "b/x.py"]
    project.fill({"a/x.py": "# @generated\n" + CODE, "b/x.py": "# plain\n" + CODE})
    assert project.files("walrus_handler") == ["b/x.py", "a/x.py"]
    project.write(".gitattributes", "a/** linguist-generated=false\n")
    assert project.files("walrus_handler")[0] == "a/x.py"


# ------------------------------------------------------------------------------------------------------------- secrets


KEY = "-----BEGIN {}PRIVATE KEY-----\nneedle\n-----END PRIVATE KEY-----\n"
SECRET = {
    "id.txt": KEY.format("RSA "), "key": "\n" + KEY.format("OPENSSH "), "x.asc": KEY.format("ENCRYPTED "),
    "putty.txt": "PuTTY-User-Key-File-2: ssh-rsa\nneedle\n", "gpg.txt": KEY.format("PGP ").replace("KEY", "KEY BLOCK"),
    "account.json": '{"type": "service_account", "needle": 1,\n"private_key": "-----BEGIN PRIVATE KEY-----\\nx"}\n',
    "bom.txt": "\ufeff" + KEY.format(""),
}  # fmt: skip
HIDDEN_SECRET = {
    ".npmrc": "//registry.example.org/:_authToken=needle\n", ".pypirc": "[needle]\npassword = x\n",
    ".netrc": "machine needle\n", ".env": "NEEDLE=1\n", ".env.local": "NEEDLE=1\n", ".envrc": "export NEEDLE=1\n",
    ".aws/credentials": "needle\n",
}  # fmt: skip
HARMLESS = {
    "cert.txt": "-----BEGIN CERTIFICATE-----\nneedle\n", "public.txt": KEY.format("").replace("PRIVATE", "PUBLIC"),
    "test_keys.py": "needle = '''" + KEY.format("RSA ") + "'''\n", "credentials.py": "needle = 1\n",
    "package.json": '{"needle": "private_key"}\n',
}  # fmt: skip
HIDDEN_HARMLESS = {
    ".npmrc": "save-exact=true\nneedle=1\n", ".env.example": "NEEDLE=\n", ".env.sample": "NEEDLE=\n",
    ".pypirc": "[needle]\nrepository = x\n", ".env.local.example": "NEEDLE=\n",
}  # fmt: skip


def test_secrets_are_known_by_what_they_hold(project: Project) -> None:
    project.fill({**SECRET, **HARMLESS})
    assert project.index().stderr == b""
    assert set(project.files("needle", "-n", "100")) == set(HARMLESS)


def test_hidden_secrets_in_a_repository(project: Project, needs_git: None) -> None:
    project.git("init")
    project.fill({**HIDDEN_SECRET, **{f"sub/{path}": text for path, text in HIDDEN_HARMLESS.items()}})
    project.git("add", "-f", ".")
    assert set(project.files("needle", "-n", "100")) == {f"sub/{path}" for path in HIDDEN_HARMLESS}
    # once the token is gone the file belongs to it
    project.write(".npmrc", "needle=1\n")
    assert ".npmrc" in project.files("needle", "-n", "100")
    project.write(".npmrc", "needle=1\n_auth=x\n")
    assert ".npmrc" not in project.files("needle", "-n", "100")


def test_include_secrets(project: Project, needs_git: None) -> None:
    """Remembered, until it is taken back."""
    project.git("init")
    project.fill({**SECRET, **HIDDEN_SECRET, "a.py": "needle = 1\n"})
    everything = {*SECRET, *HIDDEN_SECRET, "a.py"}
    assert project.files("needle", "-n", "100") == ["a.py"]
    project.index("--include-secrets")
    for flags in ([], ["--no-refresh"]):
        assert set(project.files("needle", "-n", "100", *flags)) == everything
    project.write(".env", "NEEDLE=2\n")
    project.write("more.pem", "needle\n")
    assert set(project.files("needle", "-n", "100")) == {*everything, "more.pem"}
    project.index("--force")
    assert set(project.files("needle", "-n", "100")) == {*everything, "more.pem"}
    project.index("--include-secrets", "--no-include-secrets")
    for flags in ([], ["--no-refresh"]):
        assert project.files("needle", "-n", "100", *flags) == ["a.py"]


# -------------------------------------------------------------------------------------------------- names and warnings


NAMES = [b"new\nline.py", b"latin\xe9.py", b"\xff\xfe.py", b"tab\t.py", b"esc\x1b[31m.py", b" blank .py", b"-flag.py",
         b"quote'\".py", b"star*.py", b"back\\slash.py", "漢字.py".encode(), b"colon:1:x.py"]  # fmt: skip


@pytest.mark.parametrize("kind", ["plain", "git"])
def test_names(project: Project, needs_git: None, kind: str) -> None:
    """Any bytes, in files and folders."""
    if kind == "git":
        project.git("init")
    for name in NAMES:
        project.write(b"dir " + name + b"/" + name, "needle = 1\n")
        project.write(name, "needle = 1\n")
    project.age()
    assert project.index().stderr == b""
    for flags in ([], ["--no-refresh"]):
        done = project.search("needle", "-l", "-0", "-n", "100", *flags)
        assert done.stderr == b""
        assert set(done.stdout.split(b"\0")) == {*NAMES, *(b"dir " + name + b"/" + name for name in NAMES), b""}
    assert project.index().stdout.startswith(b"up to date")


@pytest.mark.parametrize("kind", ["plain", "git"])
def test_a_root_with_a_strange_name(
    project: Project, needs_git: None, kind: str, tmp_path: Path, env: dict[str, str]
) -> None:
    root = tmp_path / os.fsdecode(b"new\nline \xff")
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.py").write_text("needle = 1\n")
    (root / "b.log").write_text("needle = 1\n")
    (root / ".gitignore").write_text("*.log\n")
    if kind == "git":
        subprocess.run(["git", "init", "-q", root], env=env, check=True)
    done = project.search("needle", "-l", cwd=root)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"sub/a.py\n", b"")
    (root / ".gitignore").write_text("*.logs\n")
    assert set(project.search("needle", "-l", cwd=root).stdout.split()) == {b"sub/a.py", b"b.log"}
