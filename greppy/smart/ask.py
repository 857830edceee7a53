"""Asking a model: one question, one answer, in time, or one sentence that says why not."""

from __future__ import annotations

import email.utils
import json
import math
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from greppy.smart import answer, breaker, exchange, prompt
from greppy.smart.answer import Answer, BadAnswer
from greppy.smart.exchange import ExchangeError, Line, Reply, TimeOverError
from greppy.smart.keys import Key, KeysError, find_key
from greppy.smart.providers import Provider, Request, is_loopback, known
from greppy.smart.settings import Settings, SettingsError

MASK = "***"
JITTER = (0.05, 0.25)  # seconds before the second attempt, when the server names none
MESSAGE_CHARS = 200  # of what a server says about an error

_Parsed = TypeVar("_Parsed")


class ProviderError(Exception):
    """There is no answer, for a reason that one sentence tells: what, which provider, what to do. Never a key."""

    counts = True  # for the breaker
    pause = 0.0  # seconds that the server wants to be left alone


class RefusedError(ProviderError):
    """Asking again changes nothing; somebody has to change a key, a model or a setting."""

    counts = False


class Paused(ProviderError):
    """The provider failed before and is not asked now."""

    counts = False


def ask(settings: Settings, query: str, languages: Sequence[str]) -> Answer:
    """What a model makes of the query; `languages` are the project's. Raises ProviderError."""
    return _asked(settings, prompt.system(), prompt.question(query, languages), prompt.SCHEMA, answer.parse_answer)


def rerank(settings: Settings, query: str, places: Sequence[tuple[str, str]]) -> list[int]:
    """The order that a model gives the first PLACES of the places `(path, lines)`: indices, the best first, each at
    most once and perhaps not all. Raises ProviderError."""
    count = min(len(places), prompt.PLACES)
    if count == 0:
        return []
    return _asked(
        settings, prompt.rerank_system(), prompt.rerank_question(query, places), prompt.ORDER_SCHEMA,
        lambda text: answer.parse_order(text, count),
    )  # fmt: skip


def dry_run(settings: Settings, query: str, languages: Sequence[str]) -> dict[str, Any]:
    """What `ask` would send, without sending anything: method, url, headers with the key masked, json. Raises
    ProviderError."""
    return _shown_request(settings, prompt.system(), prompt.question(query, languages), prompt.SCHEMA)


def _shown_request(settings: Settings, system: str, user: str, schema: dict[str, Any]) -> dict[str, Any]:
    provider, key = _prepared(settings)
    models = provider.models_request(settings)
    if models is not None and not provider.model(settings):
        settings = replace(settings, model=f"(the first of {models.url})")
    masked = None if key is None else MASK
    request = provider.request(settings, masked, system, user, schema)
    return {
        "method": request.method,
        "url": request.url,
        "headers": exchange.headers(request),
        "json": request.json,
    }


def dry_rerank(settings: Settings, query: str, places: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What `rerank` would send, as `dry_run`. Raises ProviderError."""
    return _shown_request(settings, prompt.rerank_system(), prompt.rerank_question(query, places), prompt.ORDER_SCHEMA)


def _asked(
    settings: Settings, system: str, user: str, schema: dict[str, Any], parse: Callable[[str], _Parsed]
) -> _Parsed:
    seconds = breaker.remaining(settings)
    if seconds > 0:
        raise Paused(f"{settings.provider} failed before and is not asked for another {math.ceil(seconds)} s")
    provider, key = _prepared(settings)
    failure: ProviderError
    try:
        talk = _Talk(provider, settings, key)
        result = exchange.within(settings.timeout, lambda line: parse(talk.run(line, system, user, schema)))
    except ProviderError as error:
        failure = error
    except TimeOverError:
        failure = ProviderError(f"{provider.name} did not answer within {settings.timeout:g} s")
    except ExchangeError as error:
        failure = ProviderError(f"{provider.name} {error}")
    except BadAnswer as error:
        failure = ProviderError(f"{provider.name} gave no usable answer: {error}")
    else:
        breaker.succeeded(settings)
        return result
    if failure.counts:
        breaker.failed(settings, failure.pause)
    raise failure


def _prepared(settings: Settings) -> tuple[Provider, Key | None]:
    """The provider and its key, when it can be asked at all. Raises ProviderError."""
    reason = ""
    try:
        provider = known(settings.provider)
        url = provider.base_url(settings)
        found = find_key(provider.name)
    except (SettingsError, KeysError) as error:
        reason = str(error)
    if reason:
        raise RefusedError(reason)
    if found is None and provider.needs_key and not is_loopback(url):
        raise RefusedError(
            f"no key for {provider.name}: set {provider.key_variables[0]} or run 'greppy login {provider.name}'"
        )
    if found is not None and urlsplit(url).scheme != "https" and not is_loopback(url):
        raise RefusedError(
            f"the key of {provider.name} is not sent to {urlsplit(url).netloc} unencrypted; use https://"
        )
    return provider, None if found is None else found[0]


class _Talk:
    """What is said to a server until it has answered one question. Runs in the thread of the line."""

    def __init__(self, provider: Provider, settings: Settings, key: Key | None) -> None:
        self._provider = provider
        self._settings = settings
        self._key = key

    def run(self, line: Line, system: str, user: str, schema: dict[str, Any]) -> str:
        """What the model said. Raises ProviderError, ExchangeError, BadAnswer."""
        provider = self._provider
        if not provider.model(self._settings):
            self._settings = replace(self._settings, model=self._first_model(line))
        request = provider.request(self._settings, self._key, system, user, schema)
        reply = self._send(line, request)
        if reply.status in (400, 422) and not self._key_refused(reply):
            # The server or the model does not know the schema or another part that is not everybody's.
            reply = self._send(line, provider.request(self._settings, self._key, system, user, None))
        self._check(reply)
        return provider.text(reply.body)

    def _first_model(self, line: Line) -> str:
        request = self._provider.models_request(self._settings)
        models: list[str] = []
        if request is not None:
            reply = self._send(line, request)
            self._check(reply)
            models = self._provider.models(reply.body)
        if not models:
            raise RefusedError(f"{self._provider.name} has no model; get one, or name one with 'greppy model'")
        return models[0]

    def _send(self, line: Line, request: Request) -> Reply:
        """Once more when that may help and there is time. Raises ProviderError, ExchangeError."""
        wait = random.uniform(*JITTER)
        try:
            reply = line.send(request)
            if not _is_busy(reply):
                return reply
            wait = max(wait, _retry_after(reply))
            if wait >= line.left():
                raise self._busy(reply)
        except exchange.LostError:
            if wait >= line.left():
                raise
        line.sleep(wait)
        reply = line.send(request)
        if _is_busy(reply):
            raise self._busy(reply)
        return reply

    def _busy(self, reply: Reply) -> ProviderError:
        said = f"(HTTP {reply.status}{self._said(reply)})"
        if reply.status == 429:
            error = ProviderError(f"{self._provider.name} has had too many requests {said}; try again later")
        else:
            error = ProviderError(f"{self._provider.name} cannot answer now {said}; try again later")
        if reply.status in (429, 503):
            error.pause = _retry_after(reply)
        return error

    def _key_refused(self, reply: Reply) -> bool:
        # Gemini takes a wrong key for a wrong request.
        return reply.status in (401, 403) or (reply.status == 400 and b"API_KEY_INVALID" in reply.body)

    def _check(self, reply: Reply) -> None:
        """Raises ProviderError unless the answer is one."""
        if reply.status == 200:
            return
        name = self._provider.name
        url = self._provider.base_url(self._settings)
        if 300 <= reply.status < 400:
            raise RefusedError(
                f"{name} at {urlsplit(url).netloc} sends on to {self._target(url, reply)}, which is not followed; "
                "look at the base URL"
            )
        if self._key_refused(reply):
            raise RefusedError(f"{name} refuses the key (HTTP {reply.status}); run 'greppy login {name}'")
        if reply.status == 404:
            model = self._shown(self._provider.model(self._settings))
            raise RefusedError(
                f"{name} at {self._shown(url)} has no model {model} (HTTP 404); choose one with 'greppy model', or "
                "look at the base URL, which mostly ends in /v1"
            )
        raise RefusedError(f"{name} refuses the request (HTTP {reply.status}{self._said(reply)})")

    def _said(self, reply: Reply) -> str:
        """What the server says about it, after a colon; nothing when it is not said as JSON."""
        try:
            found = json.loads(reply.body)
        except (ValueError, RecursionError):
            return ""
        if isinstance(found, list) and found:
            found = found[0]
        error = found.get("error") if isinstance(found, dict) else None
        message = error.get("message") if isinstance(error, dict) else error
        if not isinstance(message, str):
            return ""
        return f": {self._shown(message)}"

    def _target(self, url: str, reply: Reply) -> str:
        """The host that a redirect names."""
        try:
            host = urlsplit(urljoin(url, reply.headers.get("location", ""))).hostname
        except ValueError:
            host = None
        return self._shown(host or "nowhere")

    def _shown(self, text: str) -> str:
        """Text that is not ours in a sentence of ours: some servers say which key they got."""
        text = answer.harmless(text)
        if self._key is not None:
            text = re.sub(re.escape(self._key), MASK, text, flags=re.IGNORECASE)
        return text[:MESSAGE_CHARS]


def _is_busy(reply: Reply) -> bool:
    """Whether the same request may have another answer a moment later."""
    return reply.status == 429 or reply.status >= 500


def _retry_after(reply: Reply) -> float:
    """Seconds; 0 when the server does not say."""
    value = reply.headers.get("retry-after", "").strip()
    try:
        if value.isascii() and value.isdigit():
            return float(value[:9])
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
