"""What a mistyped name is corrected to, by `_core/spell.pxd`: every variant one edit away is looked up."""

from __future__ import annotations

from oracle import inverted, query, rank, text

SHORTEST, LONGEST, TOKENS = 4, 40, 3
LETTERS = b"abcdefghijklmnopqrstuvwxyz"


def _variants(name: bytes) -> set[bytes]:
    def like(at: int) -> bytes:
        """Letters as they would be written at a place, and `_`."""
        around = name[min(at, len(name) - 1) :][:1] + name[max(at - 1, 0) if at else 1 :][:1]
        return (LETTERS.upper() if around.isupper() and len(around) == 2 else LETTERS) + b"_"

    out = set()
    for i in range(len(name)):
        out.add(name[:i] + name[i + 1 :])
        out.add(name[:i] + name[i + 1 : i + 2] + name[i : i + 1] + name[i + 2 :])
        out |= {name[:i] + bytes([c]) + name[i + 1 :] for c in (LETTERS if name[i] > 90 else LETTERS.upper()) + b"_"}
    for i in range(len(name) + 1):
        out |= {name[:i] + bytes([c]) + name[i:] for c in like(i)}
    return out - {name}


def _called(corpus: rank.Corpus, name: bytes) -> int:
    """How many chunks have a word that something is called."""
    found = text.tokens(name)
    if len(found) < 1 or found[0].kind != "word" or found[0].text != name:
        return 0
    docs, weights = corpus.lists.get(found[0].terms[-1], ((), ()))
    if found[0].has_whole:
        return len(docs) if any(w >= inverted.NAME + inverted.SIGNATURE for w in weights) else 0
    return len(docs) if text.name_term(name) in corpus.lists else 0


def correct(corpus: rank.Corpus, question: bytes) -> bytes | None:
    """The question with its mistyped names corrected; None when there are none."""
    parsed = query.parse(question)
    stems = {stem for file in corpus.files for _, stem in file.words}
    if (parsed.place and parsed.place[1]) or (parsed.initials and b"^" + parsed.initials in corpus.lists):
        return None
    out, at, looked = b"", 0, 0
    for token in text.tokens(question):
        if looked == TOKENS:
            break
        name = token.text
        if token.kind != "word" or not SHORTEST <= len(name) <= LONGEST or name[:1].isdigit():
            continue
        known = token.terms[-1] in corpus.lists or (not token.has_whole and token.terms[-1] in stems)
        if not (parsed.symbol or token.has_whole) or known:
            continue
        looked += 1
        ranked = sorted((-_called(corpus, variant), variant) for variant in _variants(name) if _called(corpus, variant))
        if ranked:
            out += question[at : token.at] + ranked[0][1]
            at = token.at + len(name)
    return out + question[at:] if at else None
