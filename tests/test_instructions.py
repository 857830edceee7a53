"""`benches/instructions.py compare` and `save` on made-up counts; the made corpus is the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from conftest import ROOT

SCRIPT = ROOT / "benches" / "instructions.py"
HERE = {"compiler": "gcc 12", "valgrind": "3.19"}
BEFORE = {"quick": {"a": 60_000, "b": 40_000}, "slow": {"c": 1_000_000}}


def entry(conditions: dict[str, str], **counts: dict[str, int]) -> dict[str, Any]:
    made = {name: {"total": sum(functions.values()), "functions": functions} for name, functions in counts.items()}
    return {"conditions": conditions, "counts": made}


def run(
    tmp_path: Path, command: str, baseline: list[dict[str, Any]] | None, now: dict[str, Any], *more: str
) -> subprocess.CompletedProcess[str]:
    if baseline is not None:
        (tmp_path / "baseline.json").write_text(json.dumps(baseline))
    (tmp_path / "now.json").write_text(json.dumps([now]))
    files = ["--baseline", tmp_path / "baseline.json", "--counts", tmp_path / "now.json"]
    return subprocess.run([sys.executable, SCRIPT, *files, command, *more], capture_output=True, text=True)


def compare(
    tmp_path: Path, *more: str, conditions: dict[str, str] = HERE, **counts: dict[str, int]
) -> tuple[int, list[str]]:
    done = run(tmp_path, "compare", [entry(HERE, **BEFORE)], entry(conditions, **counts), *more)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_the_same(tmp_path: Path) -> None:
    status, lines = compare(tmp_path, **BEFORE)
    assert (status, lines[-1]) == (0, "no count grew by more than 3 %")


def test_more_than_the_threshold(tmp_path: Path) -> None:
    status, lines = compare(tmp_path, quick={"a": 63_001, "b": 39_000, "new": 1_500}, slow=BEFORE["slow"])
    assert status == 1
    assert lines[-1].startswith("more by more than 3 %: quick;")
    rows = [line.split() for line in lines]
    assert ["quick", "100,000", "103,501", "+3.50", "%"] in rows
    at = lines.index("quick: functions that cost more")
    assert rows[at + 3 : at + 6] == [["a", "60,000", "63,001", "+3,001"], ["new", "≤", "0", "1,500", "+1,500"], []]


def test_the_threshold_is_what_one_says(tmp_path: Path) -> None:
    counts = {"quick": {"a": 60_000, "b": 43_000}, "slow": BEFORE["slow"]}
    assert compare(tmp_path, **counts)[0] == 0
    assert compare(tmp_path, "--threshold", "2.9", **counts)[0] == 1


def test_a_few_instructions_are_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "compare", [entry(HERE, tiny={"a": 2_000})], entry(HERE, tiny={"a": 2_999}))
    assert done.returncode == 0, done.stdout


def test_another_compiler_has_no_baseline(tmp_path: Path) -> None:
    status, lines = compare(tmp_path, conditions={**HERE, "compiler": "clang 19"}, quick={"a": 10**9})
    assert status == 0
    [line] = lines
    assert line.startswith("no baseline for compiler clang 19, valgrind 3.19: nothing was compared")


def test_fewer_are_worth_saving(tmp_path: Path) -> None:
    status, lines = compare(tmp_path, quick={"a": 60_000, "b": 30_000}, slow=BEFORE["slow"])
    assert status == 0
    assert "fewer by more than 3 %: quick; keep it that way with make bench-save" in lines
    assert lines[-1] == "no count grew by more than 3 %"


def test_cases_come_and_go(tmp_path: Path) -> None:
    status, lines = compare(tmp_path, quick=BEFORE["quick"], other={"a": 5})
    assert status == 0
    assert ["other", "-", "5", "new"] in [line.split() for line in lines]
    assert "no longer counted: slow" in lines


def test_save_leaves_other_baselines_alone(tmp_path: Path) -> None:
    other = {**HERE, "compiler": "clang 19"}
    before = [entry(HERE, **BEFORE), entry(other, **BEFORE)]
    assert run(tmp_path, "save", before, entry(HERE, quick={"a": 7})).returncode == 0
    after = json.loads((tmp_path / "baseline.json").read_text())
    assert sorted(after, key=str) == sorted([entry(HERE, quick={"a": 7}), entry(other, **BEFORE)], key=str)


def test_the_first_save(tmp_path: Path) -> None:
    now = entry(HERE, **BEFORE)
    assert run(tmp_path, "save", None, now).returncode == 0
    assert json.loads((tmp_path / "baseline.json").read_text()) == [now]


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "compare"], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "benches/instructions.py: valgrind is not installed; apt-get install valgrind\n"
    (tmp_path / "valgrind").write_text("#!/bin/sh\n")
    (tmp_path / "valgrind").chmod(0o755)
    missing = tmp_path / "greppy"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--executable", missing, "compare"],
        env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"benches/instructions.py: {missing} is not there; run make build\n"


def test_the_corpus_is_the_one_of_the_baseline() -> None:
    """Whatever Python runs this."""
    code = "import made; print(made.digest())"
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    saved = json.loads(SCRIPT.with_suffix(".json").read_text())
    assert {one["conditions"]["corpus"] for one in saved} == {done.stdout.strip()}
