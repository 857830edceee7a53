"""The outline scanner is held to the agreement with tree-sitter that was measured (`agreement/`, docs/languages.md)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="tree-sitter is not installed (pip install '.[test]')")

from agreement import corpora
from agreement.grammars import GRAMMARS
from agreement.measure import Agreement, compare, markdown, measure

ROWS = json.loads((Path(__file__).parent / "agreement/agreement.json").read_text())
SLACK = 0.005

# Definition lines, recall and precision: what is asked of each language.
STRICT = ("python", "go", "rust", "java", "javascript", "typescript", "c", "cpp", "csharp", "ruby", "php")
BARS = {language: 0.97 if language in STRICT else 0.90 for language in GRAMMARS}


@pytest.mark.parametrize("language", GRAMMARS)
def test_committed_numbers_are_above_the_bar(language: str) -> None:
    row = ROWS[language]
    assert row["files"] >= 200
    assert row["recall"] >= BARS[language]
    assert row["precision"] >= BARS[language]


def test_the_table_in_the_documentation_is_the_one_committed() -> None:
    text = (Path(__file__).parents[1] / "docs/languages.md").read_text()
    assert [markdown(language, row) for language, row in ROWS.items() if markdown(language, row) not in text] == []


@pytest.mark.parametrize("language", GRAMMARS)
def test_agreement_has_not_fallen(language: str) -> None:
    """On the source that is here: Python's library always, the others once `python -m agreement --fetch` has run;
    with GREPPY_FETCH_CORPORA=1 those that come from PyPI and npm are fetched here."""
    if not corpora.present(language):
        if not (corpora.quick(language) and os.environ.get("GREPPY_FETCH_CORPORA")):
            pytest.skip(f"the packages of {language} are not in {corpora.CACHE}")
        try:
            corpora.fetch(language, GRAMMARS[language].extensions)
        except corpora.Unavailable as error:
            pytest.skip(f"offline? {error}")
    result = measure(language)
    assert result.files >= 200
    now, before = result.row(), ROWS[language]
    for what in ("recall", "precision", "names", "kinds"):
        assert now[what] >= before[what] - SLACK, (language, what, now, before)


@pytest.mark.parametrize("language", GRAMMARS)
def test_fixture_agrees(language: str) -> None:
    """Needs no packages: a scanner that finds nothing is caught wherever the grammars are."""
    [fixture] = [p for p in (Path(__file__).parent / "outline").glob(f"{language}.*") if p.suffix != ".expected"]
    result = Agreement()
    compare(language, fixture.name, fixture.read_bytes(), result)
    assert result.errors or result.recall > 0.8
    assert result.errors or result.precision > 0.8
