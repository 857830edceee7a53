"""Answers: remembered by this process (L1), by the disk (L2), or asked for.

Both keep them under the same key, which `_core/answers.pxd` makes of who is asked and of the question's meaningful
words.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from greppy._core import engine
from greppy.smart.answer import pack
from greppy.smart.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LANGUAGES = 3  # that a question is sent with, those with most files
# Kinds of text in which nobody programs what is asked for.
NO_CODE = frozenset(("text", "markdown", "json", "yaml", "toml", "html", "css"))


def settings(flags: Mapping[str, bytes | None]) -> Settings | None:
    """Who is asked, from flags in which those of the configuration stand first; None: nobody was chosen, and Ollama
    does not run here."""
    provider = os.fsdecode(flags.get("provider") or b"")
    if provider == "none":
        return None
    if not provider:
        from greppy.smart.providers import find_ollama  # httpx takes longer to import than most commands to run

        if find_ollama() is None:
            return None
    return Settings(
        provider or "ollama",
        os.fsdecode(flags.get("model") or b""),
        os.fsdecode(flags.get("base-url") or b""),
        int(flags.get("timeout") or 2000) / 1000,
    )


def configured() -> Settings | None:
    """Who is asked as the configuration says. Raises ValueError, a sentence."""
    return settings(dict(engine.config_defaults("expand")))


def project_languages(root: bytes) -> list[str]:
    """Of a project's source, the most frequent first; none without an index."""
    try:
        reader = engine.Reader(engine.index_folder(root))
    except (OSError, RuntimeError, engine.DamagedError, engine.VersionError):
        return []
    try:
        counts = reader.languages()
    except engine.DamagedError:
        return []
    finally:
        reader.close()
    names = sorted((name for name in counts if name not in NO_CODE), key=lambda name: (-counts[name], name))
    return names[:LANGUAGES]


def _key(who: Settings, question: bytes) -> bytes:
    return engine.answers_key(who.identity().encode("utf-8", "surrogateescape"), question)


class Answers:
    """Answers to questions. Safe to share between threads."""

    def __init__(self, capacity: int = 0) -> None:
        """`capacity`: how many are remembered besides those on disk."""
        self._capacity = capacity
        self._memory: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.disk_hits = self.misses = 0

    def find(self, who: Settings, question: bytes) -> bytes | None:
        """The packed answer if there is one already."""
        key = _key(who, question)
        with self._lock:
            found = self._memory.get(key)
            if found is not None and abs(time.time() - found[1]) < engine.ANSWERS_TTL:
                self._memory.move_to_end(key)
                self.hits += 1
                return found[0]
        kept = None
        with contextlib.suppress(RuntimeError):
            kept = engine.answers_find(engine.answers_path(), key)
        with self._lock:
            self.disk_hits += kept is not None
            self.misses += kept is None
        if kept is None:
            return None
        self._remember(key, *kept)
        return kept[0]

    def ask(self, who: Settings, question: bytes, languages: Sequence[str]) -> bytes:
        """Asks the provider and keeps what it says. Raises ProviderError."""
        from greppy.smart.ask import ask  # see above

        text = question.decode("utf-8", "replace")
        body = pack(ask(who, text, languages), text)
        key = _key(who, question)
        with contextlib.suppress(OSError, RuntimeError):  # without a place to keep it the answer is as good
            path = engine.answers_path()
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            engine.answers_put(path, key, body)
        self._remember(key, body, time.time())
        return body

    def get(self, who: Settings, question: bytes, languages: Callable[[], Sequence[str]]) -> bytes:
        """The packed answer, asked for if need be. Raises ProviderError."""
        return self.find(who, question) or self.ask(who, question, languages())

    def forget(self) -> None:
        """What is remembered, not what is on disk."""
        with self._lock:
            self._memory.clear()

    def _remember(self, key: bytes, body: bytes, created: float) -> None:
        with self._lock:
            if self._capacity:
                self._memory[key] = body, created
                self._memory.move_to_end(key)
                while len(self._memory) > self._capacity:
                    self._memory.popitem(last=False)

    def report(self) -> dict[str, Any]:
        """Counts, for `status`."""
        with self._lock:
            return {
                "entries": len(self._memory),
                "hits": self.hits,
                "disk_hits": self.disk_hits,
                "misses": self.misses,
            }
