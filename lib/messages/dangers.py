"""Vulnerabilities that are open as before and have an exploit, beside what is new. Pure."""

from typing import Final

from lib.messages.changes import has_rest, standing
from lib.messages.comparing import NAME
from lib.messages.content import Content, Entry
from lib.messages.parts import Danger
from lib.messages.phrases import PUBLIC_EXPLOIT, USED_IN_ATTACKS, names_text, severity_word
from lib.messages.titles import STILL_OPEN
from lib.text import first, short
from lib.urls.advisories import vulnerability_url

_NAMED: Final = 3


def dangers_of(content: Content) -> tuple[Danger, ...]:
    """Return what is open as before and has an exploit, where a message has what changed."""
    if (content.conditions and not content.totals) or not has_rest(content):
        return ()
    dangers = [entry for entry in standing(content) if entry.exploited or entry.exploitable]
    more = len(dangers) - len(first(dangers, _NAMED))
    others = [Danger(f"{STILL_OPEN}: {more:,} more with an exploit", "", "")] if more else []
    return (*map(_danger, first(dangers, _NAMED)), *others)


def _danger(entry: Entry) -> Danger:
    names = [short(name, NAME) for name in dict.fromkeys(p.name for p in entry.packages) if name]
    place = f" in {names_text(names)}" if names else ""
    worst = next(iter(entry.findings), None)
    return Danger(
        f"{STILL_OPEN}: {severity_word(entry.severity)} ",
        short(entry.id, NAME),
        f"{place}, {USED_IN_ATTACKS if entry.exploited else PUBLIC_EXPLOIT}",
        vulnerability_url(worst) if worst is not None else None,
    )
