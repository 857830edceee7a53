"""The four protocols that models are asked by: what a request of each looks like and where its answer has the text.

Nothing here speaks to a network, but for `find_ollama`. A request with a schema asks the server to hold the model to
it; one without has only what every server and model of the protocol takes, for those that refuse the first.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from greppy.smart.answer import BadAnswer, harmless
from greppy.smart.settings import Settings, SettingsError

MAX_TOKENS = 400
FIND_SECONDS = 0.2  # for an Ollama on this machine to answer

_Body = TypeVar("_Body")


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: dict[str, str] = field(repr=False)  # one of them has the key
    json: dict[str, Any] | None = None


class Provider(ABC):
    name: ClassVar[str]
    default_model: ClassVar[str]  # empty: the first that the server has, see `models_request`
    default_url: ClassVar[str]
    needs_key: ClassVar[bool] = True  # a server on this machine can do without
    key_variables: ClassVar[tuple[str, ...]] = ()  # environment variables that may have the key, the first one wins

    def base_url(self, settings: Settings) -> str:
        """Where the server is, without a slash at the end. Raises SettingsError for what is no URL of one."""
        return checked_url(self.name, settings.base_url or self.default_url)

    def model(self, settings: Settings) -> str:
        return settings.model or self.default_model

    def models_request(self, settings: Settings) -> Request | None:
        """The request for the models that a server has, where there is no default."""
        return None

    def models(self, body: bytes) -> list[str]:
        """The models in its answer, the one to take first. Raises BadAnswer."""
        return []

    @abstractmethod
    def request(
        self, settings: Settings, key: str | None, system: str, user: str, schema: dict[str, Any] | None
    ) -> Request:
        """The request that asks the model. Raises SettingsError."""

    @abstractmethod
    def text(self, body: bytes) -> str:
        """What the model said, of the body of an answer. Raises BadAnswer when it is none of this protocol."""

    def _decode(self, body: bytes, type: type[_Body]) -> _Body:
        try:
            return msgspec.json.decode(body, type=type)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise BadAnswer(f"what came is not what {self.name} answers") from None


# ------------------------------------------------------------------------------------------------------- Anthropic


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct):
    content: list[_Block]


class Anthropic(Provider):
    """The Messages API. The schema is that of a tool which the model has to call: all of its models know tools."""

    name = "anthropic"
    default_model = "claude-haiku-4-5"
    default_url = "https://api.anthropic.com"
    key_variables = ("ANTHROPIC_API_KEY",)

    def request(
        self, settings: Settings, key: str | None, system: str, user: str, schema: dict[str, Any] | None
    ) -> Request:
        headers = {"anthropic-version": "2023-06-01"}
        if key is not None:
            headers["x-api-key"] = key
        body: dict[str, Any] = {
            "model": self.model(settings),
            "max_tokens": MAX_TOKENS,
            "system": system,
            "messages": [{"role": "user", "content": user}],
        }
        if schema is not None:
            body["temperature"] = 0
            body["tools"] = [{"name": "answer", "description": "Gives the answer.", "input_schema": schema}]
            body["tool_choice"] = {"type": "tool", "name": "answer"}
        return Request("POST", f"{self.base_url(settings)}/v1/messages", headers, body)

    def text(self, body: bytes) -> str:
        blocks = self._decode(body, _Message).content
        for block in blocks:
            if block.type == "tool_use":
                return bytes(block.input).decode("utf-8", "replace")
        return "".join(block.text or "" for block in blocks if block.type == "text")


# ---------------------------------------------------------------------------------------------------------- OpenAI


class _Said(msgspec.Struct):
    content: str | list[_Block] | None = None


class _Choice(msgspec.Struct):
    message: _Said


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class OpenAI(Provider):
    """Chat completions as OpenAI, vLLM, llama.cpp, LM Studio and others have them."""

    name = "openai"
    default_model = "gpt-4.1-mini"
    default_url = "https://api.openai.com/v1"
    key_variables = ("OPENAI_API_KEY",)

    def request(
        self, settings: Settings, key: str | None, system: str, user: str, schema: dict[str, Any] | None
    ) -> Request:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        body: dict[str, Any] = {
            "model": self.model(settings),
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        }
        if schema is not None:
            body["temperature"] = 0
            body["max_tokens"] = MAX_TOKENS
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            }
        return Request("POST", f"{self.base_url(settings)}/chat/completions", headers, body)

    def text(self, body: bytes) -> str:
        choices = self._decode(body, _Completion).choices
        content = choices[0].message.content if choices else None
        if isinstance(content, list):
            content = "".join(part.text or "" for part in content)
        if not content:
            raise BadAnswer("the model said nothing")
        return content


# ---------------------------------------------------------------------------------------------------------- Gemini


class _Part(msgspec.Struct):
    text: str = ""
    thought: bool = False


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct):
    content: _Content | None = None


class _Generated(msgspec.Struct):
    candidates: list[_Candidate] = []


class Gemini(Provider):
    """`generateContent`. It is held to JSON, not to the schema: of schemas each of its versions takes another part."""

    name = "gemini"
    default_model = "gemini-2.5-flash"
    default_url = "https://generativelanguage.googleapis.com/v1beta"
    key_variables = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

    def request(
        self, settings: Settings, key: str | None, system: str, user: str, schema: dict[str, Any] | None
    ) -> Request:
        headers = {} if key is None else {"x-goog-api-key": key}
        body: dict[str, Any] = {
            "systemInstruction": {"parts": [{"text": system}]},
            "contents": [{"role": "user", "parts": [{"text": user}]}],
        }
        if schema is not None:
            body["generationConfig"] = {
                "temperature": 0,
                "maxOutputTokens": MAX_TOKENS,
                "responseMimeType": "application/json",
                "thinkingConfig": {"thinkingBudget": 0},  # thoughts count as output, and take longer than we wait
            }
        model = quote(self.model(settings).removeprefix("models/"), safe="")
        return Request("POST", f"{self.base_url(settings)}/models/{model}:generateContent", headers, body)

    def text(self, body: bytes) -> str:
        candidates = self._decode(body, _Generated).candidates
        content = candidates[0].content if candidates else None
        text = "".join(part.text for part in content.parts if not part.thought) if content else ""
        if not text:
            raise BadAnswer("the model said nothing")
        return text


# ---------------------------------------------------------------------------------------------------------- Ollama


class _Words(msgspec.Struct):
    content: str


class _Reply(msgspec.Struct):
    message: _Words


class _Tag(msgspec.Struct):
    name: str


class _Tags(msgspec.Struct):
    models: list[_Tag]


class Ollama(Provider):
    """`/api/chat`, on this machine unless $OLLAMA_HOST or the base URL says where."""

    name = "ollama"
    default_model = ""
    default_url = "http://127.0.0.1:11434"
    needs_key = False

    def base_url(self, settings: Settings) -> str:
        return checked_url(self.name, settings.base_url or ollama_host())

    def models_request(self, settings: Settings) -> Request:
        return Request("GET", f"{self.base_url(settings)}/api/tags", {})

    def models(self, body: bytes) -> list[str]:
        """Those that can talk, the one that was changed last first."""
        return [tag.name for tag in self._decode(body, _Tags).models if tag.name and "embed" not in tag.name]

    def request(
        self, settings: Settings, key: str | None, system: str, user: str, schema: dict[str, Any] | None
    ) -> Request:
        body: dict[str, Any] = {
            "model": self.model(settings),
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "stream": False,
        }
        if schema is not None:
            body["format"] = schema
            body["think"] = False
            body["options"] = {"temperature": 0, "num_predict": MAX_TOKENS}
        return Request("POST", f"{self.base_url(settings)}/api/chat", {}, body)

    def text(self, body: bytes) -> str:
        return self._decode(body, _Reply).message.content


PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (Anthropic(), OpenAI(), Gemini(), Ollama())}


def known(name: str) -> Provider:
    """The provider of that name. Raises SettingsError."""
    if name not in PROVIDERS:
        raise SettingsError(f"unknown provider '{name}'; the providers are {', '.join(PROVIDERS)}")
    return PROVIDERS[name]


# ------------------------------------------------------------------------------------------------------------ URLs


def checked_url(name: str, url: str) -> str:
    """A base URL without the slash at its end. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        whole = whole and url.isprintable() and " " not in url
    except ValueError:
        whole = False
    if not whole:
        raise SettingsError(f"a base URL for {name} is such as http://localhost:8000/v1, not {harmless(url)[:100]}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        # The URL is shown and stored; a key has places where it is not.
        raise SettingsError(f"the base URL of {name} has more than host and path; keys are for 'greppy login {name}'")
    return url.rstrip("/").removesuffix("/chat/completions")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def ollama_host() -> str:
    """The URL that $OLLAMA_HOST means, written as Ollama takes it: scheme and port may be missing, and an address to
    listen on everywhere is this machine to a client."""
    host = os.environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if not host:
        return Ollama.default_url
    if "://" not in host:
        try:
            port = urlsplit(f"//{host}").port
        except ValueError:
            port = None
        host = f"http://{host}" if port is not None else f"http://{host.rstrip(':')}:11434"
    return host.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]")


def find_ollama() -> str | None:
    """The base URL of an Ollama that answers on this machine; never asks another one."""
    settings = Settings("ollama")
    ollama = Ollama()
    try:
        url = ollama.base_url(settings)
        parts = urlsplit(url)
        if not is_loopback(url) or parts.hostname is None:
            return None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname, port), FIND_SECONDS).close()
    except (SettingsError, OSError):
        return None  # as on most machines; it took no import of a client to know
    from greppy.smart import exchange

    request = ollama.models_request(settings)
    try:
        reply = exchange.within(FIND_SECONDS, lambda line: line.send(request))
        ollama.models(reply.body)
    except (exchange.ExchangeError, BadAnswer):
        return None
    return url if reply.status == 200 else None
