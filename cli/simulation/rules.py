"""The alerts.yml of a story."""

from datetime import date
from functools import lru_cache
from typing import Final

from cli.alerts_file import configured, understand
from lib.config.model import Config

RULES: Final = "rules"
"""How errors name the text of such a file, as in `rules:3: …`."""


@lru_cache(maxsize=32)
def understood(text: str, today: date) -> Config:
    """
    Return the rules that a text holds on a day. Raises `ConfigError`.

    A story is checked before it is played: both understand the same text, which takes 10 ms.
    """
    return configured(understand(text, RULES), today=today)
