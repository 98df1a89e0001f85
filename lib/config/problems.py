"""Problems of alerts.yml: path, level and text. Pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

ConfigPath = tuple[str | int, ...]


Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning, with its path. The message holds no value of the file."""

    path: ConfigPath
    message: str
    level: Level = "error"

    @property
    def where(self) -> str:
        """The path in readable form: routes[0].severity."""
        return "".join(step(part) for part in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.path else self.message


# Formats of secrets that are often pasted into the wrong place.
SECRET: Final = re.compile(
    r"hooks\.slack(-gov)?\.com/|xox[a-z]-|xapp-|ATATT3x|whsec_[A-Za-z0-9+/]|AKIA[0-9A-Z]{12}|-----BEGIN|://[^/\s]*@"
)


_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def step(part: str | int) -> str:
    """Format a part of a path. A key of an unusual form may be a secret, so it is not shown."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) and not SECRET.search(part) else ".(a key)"
