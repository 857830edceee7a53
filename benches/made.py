"""Source text that a seed decides, the same on every machine and with every Python: some 300 files in nine languages,
in which few words are common and most are rare, as in source that people wrote.

Only `Random.random` is drawn from: that sequence is promised never to change, those of `choice` or `sample` are not.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

FILES, WORDS = 300, 4000
THEN = 1_600_000_000 * 10**9  # when every file was changed: long enough ago for its time to prove something
RARE = "reconcile_quorum_lease"  # a name that is defined once and used nowhere else

# The most frequent words, in this order; behind them come made ones.
FREQUENT_TEXT = (
    "value name node list data index key path type file error size state buffer text line result count item request "
    "response context config table start end token parent child entry handler option message stream offset length "
    "cache block source target event user client server thread queue lock page field column row group order filter "
    "query field parse read write open close load store find match merge split format render print check test update "
    "remove insert create delete build send receive encode decode sort copy move reset flush retry connect resolve "
    "register schedule"
)
SYLLABLES_TEXT = "ba co di fe gu ka lo mi nu pe ra so ti vu wa xi yo ze bra cle dri flo gra plo qui sta tre"
FREQUENT, SYLLABLES = FREQUENT_TEXT.split(), SYLLABLES_TEXT.split()

# A line of each language: {n} and {m} are names as the language writes them, {N} a type, {w} words of a sentence, ~ a
# new line.
TEMPLATES = {
    "py": (
        '"""{w}."""~import {n}~~',
        "class {N}:~    \"\"\"{w}.\"\"\"~~    def __init__(self, {n}: {N}) -> None:~        self.{m} = {n}~",
        "def {n}({m}: {N}, {n}: int = {d}) -> {N}:~    # {w}",
        "    if {n} is None:~        raise {N}({m})~    return {n}.{m}({d})~~",
        "    for {n} in {m}.{n}:~        {m}.{n}({n}, {m}={d})",
        "    {n} = {m}({n})~    {m}.{n} += {d}",
    ),
    "c": (
        "/* {w} */~#include <{n}.h>~~",
        "struct {n} {{~    int {m};~    struct {n} *{n};~}};~",
        "static int {n}(struct {m} *{n}, const char *{m})~{{~    /* {w} */",
        "    if (!{n} || {n}->{m} < {d})~        return -{d};~    return {n}({m}, {n}->{m});~}}~~",
        "    for (size_t {n} = 0; {n} < {m}->{n}; {n}++)~        {m}->{n}[{n}] = {d};",
        "    {n} = {m}({n}, \"{n}\");~    {m}->{n} |= {d};",
    ),
    "rs": (
        "//! {w}.~use crate::{n}::{N};~~",
        "/// {w}.~pub struct {N} {{~    {n}: u64,~    {m}: Vec<{N}>,~}}~",
        "pub fn {n}({m}: &{N}, {n}: u32) -> Result<{N}, {N}> {{~    // {w}",
        "    match {n} {{~        Some({m}) => {m}.{n}({d}),~        None => return Err({N}::{N}),~    }}~}}~~",
        "    for {n} in {m}.iter() {{~        {m}.{n}({n})?;~    }}",
        "    let {n} = {m}.{n}({d});~    self.{m} += {n};",
    ),
    "go": (
        "// {w}.~package {n}~~import \"{m}\"~~",
        "// {N} is {w}.~type {N} struct {{~\t{N} int~\t{m} *{N}~}}~",
        "func ({n} *{N}) {N}({m} string, {n} int) ({N}, error) {{~\t// {w}",
        "\tif {n} == nil {{~\t\treturn nil, {m}.{N}({d})~\t}}~\treturn {n}.{N}({m}), nil~}}~~",
        "\tfor _, {n} := range {m}.{N} {{~\t\t{n}.{N}({m}, {d})~\t}}",
        "\t{n} := {m}.{N}({d})~\t{m}.{n} = {n}",
    ),
    "ts": (
        "// {w}~import {{ {N}, {n} }} from './{m}';~~",
        "/** {w}. */~export interface {N} {{~  {n}: string;~  {m}: {N}[];~}}~",
        "export function {n}({m}: {N}, {n} = {d}): {N} {{~  // {w}",
        "  if ({n} === undefined) {{~    throw new {N}(`${{{m}}}`);~  }}~  return {n}.{m}({d});~}}~~",
        "  for (const {n} of {m}.{n}) {{~    {m}.{n}({n});~  }}",
        "  const {n} = {m}.{n}({d});~  this.{m} = {n};",
    ),
    "java": (
        "package {n};~~import {m}.{N};~~",
        "/** {w}. */~public final class {N} {{~    private final {N} {n};~    private int {m} = {d};~",
        "    public {N} {n}({N} {m}, int {n}) {{~        // {w}",
        "        if ({n} == null) {{~            throw new {N}({d});~        }}~        return {n}.{m}({d});~    }}~~",
        "        for ({N} {n} : {m}.{n}()) {{~            {n}.{m}({d});~        }}",
        "        {N} {n} = {m}.{n}({d});~        this.{m} = {n}.{m}();",
    ),
    "rb": (
        "# {w}.~require '{n}'~~",
        "class {N}~  attr_reader :{n}, :{m}~",
        "def {n}({m}, {n} = {d})~  # {w}",
        "  raise {N}, \"{w}\" if {n}.nil?~  {n}.{m}({d})~end~~",
        "  {m}.each do |{n}|~    {n}.{m}({d})~  end",
        "  @{n} = {m}.{n}({d})~  {m} << {n}",
    ),
    "sh": (
        "#!/bin/sh~# {w}~set -e~~",
        "{n}={d}~{m}=${{{n}:-{m}}}~",
        "{n}() {{~    # {w}",
        "    [ -n \"${n}\" ] || return {d}~    {m} \"${n}\"~}}~~",
        "    for {n} in ${m}; do~        {m} --{n}=\"${n}\"~    done",
        "    {n}=$({m} \"${n}\" {d})",
    ),
    "md": (
        "# {w}~~",
        "{w}, {w}.~{w} `{n}`.~",
        "## {w}~~{w} `{n}` and `{m}`.",
        "{w}; {w}.~~    {n} --{m} {d}~~",
        "- {w}~- `{n}`: {w}",
        "{w} {w}.",
    ),
}  # fmt: skip
CAMEL = ("go", "ts", "java")


class _Writer:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random
        words = list(dict.fromkeys(FREQUENT))
        known = set(words)
        while len(words) < WORDS:
            word = "".join(SYLLABLES[self.number(len(SYLLABLES))] for _ in range(2 + self.number(3)))
            if word not in known:
                known.add(word)
                words.append(word)
        self._words = words
        self._sums = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))  # Zipf's law

    def number(self, below: int) -> int:
        return int(self._random() * below)

    def word(self) -> str:
        return self._words[bisect(self._sums, self._random() * self._sums[-1])]

    def parts(self) -> list[str]:
        return [self.word() for _ in range((1, 1, 2, 2, 3)[self.number(5)])]

    def line(self, template: str, camel: bool) -> str:
        named = []
        for _ in range(2):
            first, *rest = self.parts()
            named.append(first + "".join(map(str.capitalize, rest)) if camel else "_".join((first, *rest)))
        type_ = "".join(map(str.capitalize, self.parts()))
        sentence = " ".join(self.word() for _ in range(4 + self.number(5)))
        text = template.format(n=named[0], m=named[1], N=type_, w=sentence, d=self.number(1000))
        return text.replace("~", "\n") + "\n"

    def file(self, ending: str) -> str:
        head, kind, begin, end, *body = TEMPLATES[ending]
        camel = ending in CAMEL
        text = [self.line(head, camel), self.line(kind, camel)]
        for _ in range(2 + self.number(14)):
            if not self.number(4):
                text.append(self.line(kind, camel))
            text.append(self.line(begin, camel))
            text += [self.line(body[self.number(2)], camel) for _ in range(1 + self.number(8))]
            text.append(self.line(end, camel))
        return "".join(text)


def files(seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """(path, text), ascending by path."""
    writer = _Writer(seed)
    endings = list(TEMPLATES)
    made = {}
    for number in range(FILES):
        ending = endings[number % len(endings)]
        folder = ("src", "lib", "tests", "docs")[writer.number(4)]
        made[f"{folder}/{writer.word()}/{'_'.join(writer.parts())}_{number}.{ending}"] = writer.file(ending)
    first = min(path for path in made if path.endswith(".py"))
    made[first] += f"def {RARE}(lease):\n    return lease\n"
    for path in sorted(made):
        yield path, made[path].encode("ascii")


def digest() -> str:
    """Of all paths and texts: whether two of these are the same."""
    total = hashlib.sha256()
    for path, text in files():
        total.update(b"%s\0%d\0%s" % (path.encode("ascii"), len(text), text))
    return total.hexdigest()[:16]


def write(root: Path) -> list[bytes]:
    """Writes the files below `root`; their paths, ascending."""
    paths = []
    for path, text in files():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        os.utime(target, ns=(THEN, THEN))
        paths.append(path.encode("ascii"))
    for folder, _, _ in os.walk(root):
        os.utime(folder, ns=(THEN, THEN))
    return paths
