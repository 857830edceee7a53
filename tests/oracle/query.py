"""What a question becomes, from the description in `_core/query.pxd`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from oracle import inverted, text

WORDS, TERMS, NAMES, NAME_MAX = 32, 192, 16, 255
STOP_TEXT = (
    b"a an and are as at be been being but by can could did do does done doing for from had has have "
    b"having he her his how i if in into is it its may me might must my no nor not of off on once only or "
    b"our out over own shall she should so some such than that the their them then there these they this "
    b"those through to too under until up very was we were what when where which while who whom why will "
    b"with would you your about after all also any because before between both during each few more most "
    b"other same just via per"
)
STOP = frozenset(STOP_TEXT.split())
TASK_TEXT = (
    b"fix add remove use make allow support handle improve refactor implement introduce move rename change update "
    b"ensure avoid prevent correct simplify clean cleanup convert replace enable disable drop extract deprecate revert "
    b"set show pass check stop let keep report return skip ignore address resolve bring teach tweak adjust apply "
    b"prefer switch reduce"
)
TASK = frozenset(text.stem(word) for word in TASK_TEXT.split())
_BLANK = b" \t\n\v\f\r"
_IDENTIFIER = rb"[A-Za-z_$\x80-\xff][A-Za-z0-9_$\x80-\xff]*"
_SYMBOL = re.compile(rb"(?:%s(?:\.|#|/|\\|::|->))*(%s)" % (_IDENTIFIER, _IDENTIFIER), re.DOTALL)


@dataclass
class Query:
    words: list[bytes] = field(default_factory=list)  # stems
    raw: list[bytes] = field(default_factory=list)  # the words as first written, lower-cased
    extra: dict[bytes, float] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)
    symbol: bool = False
    whole_name: int = 0
    task: bool = False
    initials: bytes = b""
    place: tuple[bytes, int, bytes] | None = None  # path, line from 1 or 0, function
    expansions: list[bytes] = field(default_factory=list)  # terms

    def expand(self, *terms: bytes) -> None:
        for term in terms:
            if term in self.extra:
                self.extra[term] = 1  # asked as two words, known as one name
            known = [*self.words, *self.extra, *self.expansions]
            if term not in known and len(known) < TERMS:
                self.expansions.append(term)

    def expand_word(self, stem: bytes) -> None:
        self.expand(stem, text.stored(b"=" + stem))

    def expand_text(self, words: bytes) -> None:
        """With what a model says."""
        count = 0
        for token in text.tokens(words):
            if count >= WORDS:
                return
            for part in token.parts:
                if part not in STOP:
                    self.expand_word(text.stored(text.stem(part)))
                    count += 1
            if token.has_whole:
                self.expand(token.terms[-1])


def _words(question: bytes, keep_stops: bool) -> dict[bytes, bytes]:
    words: dict[bytes, bytes] = {}
    for token in text.tokens(question):
        if len(words) == WORDS:
            break
        for part in token.parts:
            stem = text.stored(text.stem(part))
            if (keep_stops or part not in STOP) and (stem in words or len(words) < WORDS):
                words.setdefault(stem, part)
    return words


def _extra(question: bytes, words: dict[bytes, bytes]) -> dict[bytes, float]:
    extra: dict[bytes, float] = {}

    def add(term: bytes, weight: float) -> None:
        if term not in words and (term in extra or len(words) + len(extra) < TERMS):
            extra[term] = max(weight, extra.get(term, 0))

    before = None  # the part before: joined with this one, `hash map` finds HashMap and hashmap
    count = 0
    for token in text.tokens(question):
        if count >= WORDS:
            break
        if token.has_whole:
            add(token.terms[-1], 1)
        for part in token.parts:
            if before and part not in STOP and token.kind != "cjk" and len(before) + len(part) <= 2 * text.TOKEN_MAX:
                add(text.whole(before + part), 0.5)
                add(text.stored(text.stem(before + part)), 0.5)
            before = part if part not in STOP and len(part) < text.TOKEN_MAX else None
            count += 1
    return extra


def _looks_like_a_name(question: bytes, token: text.Token) -> bool:
    name, at = token.text, token.at
    behind = question[at + len(name) :]
    if re.search(rb"(?<=.)_(?=.)|[a-z][A-Z]", name, re.DOTALL):
        return True
    if re.match(rb"::.|\.[A-Za-z0-9_$\x80-\xff]", behind, re.DOTALL):
        return True
    return at > 1 and question[at - 1 : at] in (b":", b".") and question[at - 2] not in _BLANK


_WORD = rb"[A-Za-z0-9_$\x80-\xff]"
_PATH = rb"[A-Za-z0-9_$\x80-\xff./\-+@~%\\]"
_PYTHON = re.compile(rb'File "([^"]+)", line (\d+)(?!%s)(?:, in (.*))?' % _WORD, re.DOTALL)
_LINE = re.compile(rb"(%s+):(\d+)(?!%s)" % (_PATH, _WORD))


def _last(name: bytes) -> bytes:
    return re.search(rb"%s*\Z" % _WORD, name)[0]


def _function(text_: bytes) -> bytes:
    name = re.match(rb"(?:%s|[.#:])*" % _WORD, text_.lstrip(b"'`\""))[0]
    return _last(re.sub(rb"[.#:]+\Z", b"", name))


def _path_like(path: bytes) -> bool:
    return b"/" in path[1:] or b"." in path[1:-1]


def _number(digits: bytes) -> int:
    return int(digits) if int(digits) < 100_000_000 else 0


def place(question: bytes) -> tuple[bytes, int, bytes] | None:
    found = _PYTHON.search(question)
    first = question.find(b'File "')
    if found and found.start() == first and _number(found[2]):
        return found[1], _number(found[2]), _function(found[3] or b"")
    for at in (m.start() for m in re.finditer(b":", question)):
        path = re.search(rb"%s*\Z" % _PATH, question[:at])[0]
        line = re.match(rb":(\d+)(?!%s)" % _WORD, question[at:])
        if not path or not line or not _number(line[1]) or not _path_like(path):
            continue
        before, behind = question[: at - len(path)], question[at + line.end() :]
        name = b""
        if before.endswith(b"("):
            name = _last(re.search(rb"(?:%s|\.)*\Z" % _WORD, before[:-1].removesuffix(b" "))[0].rstrip(b"."))
        elif behind.startswith(b":in ") and len(behind) > 4:
            name = _function(behind[4:])
        return path, _number(line[1]), name
    return (question, 0, b"") if re.fullmatch(rb"%s+" % _PATH, question) and _path_like(question) else None


def parse(question: bytes) -> Query:
    question = question.strip(_BLANK)
    if len(question) > 2 and question[:1] in (b'"', b"'", b"`") and question[:1] == question[-1:]:
        question = question[1:-1]
    single = not any(c in _BLANK for c in question)
    words = _words(question, single) or _words(question, True)
    query = Query(list(words), list(words.values()), _extra(question, words))
    query.task = len(words) > 2 and query.words[0] in TASK
    query.initials = question.lower() if re.fullmatch(rb"[A-Za-z]{3,5}", question) else b""
    query.place = place(question)
    given = [query.place[2]] if query.place and 0 < len(query.place[2]) <= NAME_MAX else []
    tokens = text.tokens(question)
    symbol = _SYMBOL.fullmatch(question) or (
        _SYMBOL.fullmatch(question[:-1]) if question[-1:] in (b"?", b"!") else None
    )
    if symbol and len(question) <= NAME_MAX:
        query.symbol = True
        query.names = given + [question] + ([question[symbol.start(1) :]] if symbol.start(1) else [])
        query.whole_name = inverted.joined_hash([part for token in tokens for part in token.parts])
        return query
    named = [t for t in tokens if t.kind == "word" and not t.text[:1].isdigit() and _looks_like_a_name(question, t)]
    query.names = (given + [token.text for token in named])[:NAMES]
    return query
