"""The texts of an incident that say what happened, and why it pages. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from lib.core.upgrades import is_kernel
from lib.messages.endings import KERNEL
from lib.messages.lists import Row
from lib.messages.parts import AlertText
from lib.messages.phrases import PUBLIC_EXPLOIT, USED_IN_ATTACKS, counts_text, levels_text
from lib.messages.titles import BEGINS, STOP_PAGES
from lib.models import Severity
from lib.text import capitalized

_SEPARATOR: Final = re.compile(r"[,;] (?!\d)")
"""Before a statement that is no count."""
_SINGLE: Final = re.compile(r"(?P<start>First scan: )?1 (?P<new>new )?(?P<level>[A-Z]+)\b")
"""The beginning of a headline about one vulnerability."""
_REPORTED: Final = " newly reported"
ROUTES: Final = "route"
"""How the words for the routes of a notice begin."""


def happened(text: AlertText) -> str:
    """
    Return the headline without the name and the ending that the title of the incident has.

    Empty where a title and a list say it: that a vulnerability, which the list names, is reported.
    """
    headline = text.headline.removeprefix(f"{text.name}: ")
    endings = (headline[match.start() :] for match in _SEPARATOR.finditer(headline))
    ending = next((end for end in endings if text.lasting.endswith(end)), "")
    return _named(headline.removesuffix(ending), text)


def _named(happened: str, text: AlertText) -> str:
    """Return what happened with the name of a single vulnerability that is news, not its number."""
    sections = [section for section in text.sections if section.kind.is_news]
    match = _SINGLE.match(happened)
    rows, number = _news(text), sum(section.count for section in sections)
    levels = [row.severity for row in rows]
    if match is None or number != 1 or levels != [match["level"]]:
        return happened
    row, place = rows[0], happened[match.end() :]
    if text.news and not match["start"] and place.removesuffix(KERNEL) == _REPORTED:
        return ""
    package = row.installed.partition(" ")[0]
    place += f" ({package})" if place.endswith(KERNEL) and is_kernel(package) else ""
    return capitalized(
        f"{match['start'] or ''}{match['new'] or ''}{row.severity} {row.name}{place}"
    )


def _news(text: AlertText) -> list[Row]:
    return [row for section in text.sections if section.kind.is_news for row in section.rows]


def why_paged(text: AlertText) -> str:
    """Return the worst that is news, and which routes page for what; empty where nothing is."""
    routes = [fact for fact in text.small if fact.startswith(ROUTES)]
    is_scan = text.problem is not None and text.worst_news is None
    level = _level_asked(text)
    what = "repositories that could not be checked"
    what = what if text.image.is_repository else "images that could not be scanned"
    reason, number = _worst_news(text)
    asked = what if is_scan else level or ("it" if number == 1 else "them")
    pages = [
        f"{route} {'page' if route.startswith('routes') else 'pages'} for {asked}"
        for route in routes
    ]
    pages += [STOP_PAGES] if is_scan and pages else []
    if not reason:
        return capitalized(". ".join(pages)) if is_scan else ""
    return f"{reason} ({pages[0]})" if pages else reason


def _worst_news(text: AlertText) -> tuple[str, int]:
    """Return the worst severity that is news with its exploits, and how many have it."""
    worst = text.worst_news
    if worst is None:
        return "", 0
    counts = Counter[Severity]()
    for section in text.sections:
        counts.update(section.counts if section.kind.is_news else {})
    number = counts[worst]
    counted = counts_text({worst: number}).removeprefix("1 ")
    return (
        f"{counted}{_exploits([row for row in _news(text) if row.level is worst], number)}",
        number,
    )


def _exploits(rows: Sequence[Row], number: int) -> str:
    """Return whether all or some of so many have an exploit; empty where none is known."""
    attacked = sum(USED_IN_ATTACKS in row.remarks for row in rows)
    exploitable = attacked or sum(PUBLIC_EXPLOIT in row.remarks for row in rows)
    words = USED_IN_ATTACKS if attacked else f"with a {PUBLIC_EXPLOIT}"
    if not exploitable:
        return ""
    return f" {words}" if exploitable == number else f", some {words}"


def _level_asked(text: AlertText) -> str:
    """Return the severities that a route asks for, if what is left out says them; else nothing."""
    reasons = [group.reason for group in text.not_open.groups]
    levels = (levels_text(level) for level in Severity)
    return next((one for one in levels if any(f"{BEGINS}{one}" in why for why in reasons)), "")
