"""Problems of alerts.yml: path, level and text. Pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

ConfigPath = tuple[str | int, ...]


Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """
    An error or a warning, with its path.

    The message holds no value of the file but what `quotable` lets through.
    """

    path: ConfigPath
    message: str
    level: Level = "error"
    owner: str = ""
    """The route that the path is in, by its name; empty for none."""

    @property
    def where(self) -> str:
        """The path in readable form: routes[0].severity."""
        return "".join(step(part) for part in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{placed(self.where, self.owner)}: {self.message}" if self.path else self.message


def placed(where: str, owner: str) -> str:
    """Return a path as people read it: with the name of its route, which they know it by."""
    return f"{where} ({owner})" if owner else where


# Formats of secrets that are often pasted into the wrong place.
SECRET: Final = re.compile(
    r"hooks\.slack(-gov)?\.com/|xox[a-z]-|xapp-|ATATT3x|whsec_[A-Za-z0-9+/]|AKIA[0-9A-Z]{12}|-----BEGIN|://[^/\s]*@"
)


_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}", re.ASCII)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.-][A-Za-z0-9_. -]{0,63}", re.ASCII)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def step(part: str | int) -> str:
    """Format a part of a path. A key of an unusual form may be a secret, so it is not shown."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) and not SECRET.search(part) else ".(a key)"


def quotable(text: str) -> bool:
    """
    Whether a wrong value may be repeated where one of a few words is expected.

    A short word without a digit is no secret. Elsewhere nothing is repeated.
    """
    return _WORD.fullmatch(text) is not None and not SECRET.search(text)


def route_name(route: object) -> str:
    """Return "route NAME" for a route with a name of a usual form; else nothing."""
    name = route.get("name") if isinstance(route, dict) else None
    plain = isinstance(name, str) and _PLAIN_NAME.fullmatch(name) and not SECRET.search(name)
    return f"route {name}" if plain else ""
