"""Which provider is asked, and how."""

from __future__ import annotations

from dataclasses import dataclass

from greppy.smart import prompt


class SettingsError(Exception):
    """A provider cannot be asked as it is configured, for a reason that one sentence tells."""


@dataclass(frozen=True)
class Settings:
    provider: str
    model: str = ""  # empty: the provider's default
    base_url: str = ""  # empty: the provider's own
    timeout: float = 2.0  # seconds for all that an answer takes

    def identity(self) -> str:
        """Whoever has the same one answers the same: what an answer is cached under begins with it."""
        return f"{self.provider} {self.model or '-'} {self.base_url or '-'} {prompt.VERSION}"
