"""Relevance sets from histories: a commit's subject asks, the source files it touched answer.

    python benches/commits.py GITDIR NAME OUT [--back N] [--commits N]

Takes the revision N first-parent commits before HEAD, checks it out into OUT/repos/NAME and writes OUT/ann/NAME.json,
in the format of relevance.py: a query for each later commit, no merge, that changed one to three source files which
exist at that revision, tests and documents left out, with a subject of three words or more. Nobody wrote these
questions to be found by a search, which makes them terse and hard, and as true as what developers ask.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

SOURCE = re.compile(r"\.([chm]|mm|cc|[ch]pp|cs|exs?|go|hs|java|jsx?|kt|lua|php|py|r[bs]|scala|sh|swift|tsx?|zig)$")
LEFT_OUT = re.compile(
    r"(^|/)(t|tests?|specs?|__tests__|testing|docs?|examples?|vendor|third_party|node_modules|fixtures)(/|$)"
    r"|test_|_test\.|\.test\.|\.spec\.|_spec\.|Tests?\.(java|kt|cs|swift|php)$|changelog",
    re.IGNORECASE,
)
CHORE = re.compile(
    r"bump|release|merge|revert|version|update dep|chore|changelog|typo|prepar|source code updates", re.IGNORECASE
)
FILES_MOST, WORDS_LEAST = 3, 3


def git(folder: str, *arguments: str) -> str:
    return subprocess.run(
        ["git", "--git-dir", folder, *arguments], capture_output=True, text=True, errors="replace", check=True
    ).stdout


def subject_of(line: str) -> str | None:
    """A commit's subject without issue numbers, tags and a conventional prefix; None when it says too little."""
    subject = re.sub(r"\(?#\d+\)?|\[[^\]]*\]", " ", line)
    subject = re.sub(r"^\w+(\([^)]*\))?!?:\s*", "", subject).strip()
    return None if len(subject.split()) < WORDS_LEAST or CHORE.match(subject) else subject


def questions(folder: str, revision: str, most: int) -> list[dict[str, object]]:
    present = set(git(folder, "ls-tree", "-r", "--name-only", revision).split("\n"))
    out: list[dict[str, object]] = []
    for line in git(folder, "log", "--no-merges", "--format=%H %s", f"{revision}..HEAD").split("\n"):
        commit, _, text = line.partition(" ")
        subject = subject_of(text)
        if subject is None:
            continue
        if len(out) == most:
            break
        changed = git(folder, "show", "--format=", "--name-only", "--diff-filter=M", commit).split("\n")
        files = [f for f in changed if SOURCE.search(f) and not LEFT_OUT.search(f) and f in present]
        if 1 <= len(files) <= FILES_MOST:
            out.append({"query": subject, "relevant": files, "category": "commit"})
    return out


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/commits.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("gitdir")
    parser.add_argument("name")
    parser.add_argument("out", type=Path)
    parser.add_argument("--back", type=int, default=800)
    parser.add_argument("--commits", type=int, default=250)
    options = parser.parse_args()
    try:
        history = git(options.gitdir, "rev-list", "--first-parent", "HEAD").split()
    except subprocess.CalledProcessError as error:
        print(f"benches/commits.py: {options.gitdir}: {error.stderr.strip()}", file=sys.stderr)
        return 2
    revision = history[min(options.back, len(history) - 1)]
    found = questions(options.gitdir, revision, options.commits)
    checkout = options.out / "repos" / options.name
    checkout.mkdir(parents=True, exist_ok=True)
    (options.out / "ann").mkdir(exist_ok=True)
    path = options.out / "ann" / f"{options.name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    with subprocess.Popen(["git", "--git-dir", options.gitdir, "archive", revision], stdout=subprocess.PIPE) as tree:
        unpacked = subprocess.run(["tar", "x", "-C", str(checkout)], stdin=tree.stdout, check=False).returncode
    if tree.returncode or unpacked:
        print(f"benches/commits.py: {checkout} is not whole: git archive {revision[:12]} failed", file=sys.stderr)
        return 2
    print(f"{options.name}: {revision[:12]}, {len(found)} queries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
