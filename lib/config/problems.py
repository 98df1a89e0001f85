"""A problem of alerts.yml: where, how bad, and in which words. Pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

ConfigPath = tuple[str | int, ...]


Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or doubtful, and where. The message holds no value of the file."""

    path: ConfigPath
    message: str
    level: Level = "error"

    @property
    def where(self) -> str:
        """The path as people write it: routes[0].severity."""
        return "".join(step(each) for each in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.path else self.message


# Formats of secrets that are pasted into the wrong place most easily.
SECRET: Final = re.compile(
    r"hooks\.slack(-gov)?\.com/|xox[a-z]-|xapp-|ATATT3x|whsec_[A-Za-z0-9+/]|AKIA[0-9A-Z]{12}|-----BEGIN|://[^/\s]*@"
)


_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def step(part: str | int) -> str:
    """Write one step of a path; a key of another form than ours may be a misplaced secret."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) and not SECRET.search(part) else ".(a key)"
