"""Vulnerabilities beside what is new: with an exploit, or unlisted and perhaps there. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.messages.advising import namespace_of, release_in
from lib.messages.changes import has_rest, standing
from lib.messages.comparing import NAME
from lib.messages.content import Content, Entry
from lib.messages.parts import Danger
from lib.messages.phrases import PUBLIC_EXPLOIT, USED_IN_ATTACKS, names_text, severity_word
from lib.messages.titles import ALSO_CHECK, STILL_OPEN
from lib.models import Finding, Package, Severity
from lib.text import counted, first, short
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
    worst = next(iter(entry.findings), None)
    return Danger(
        f"{STILL_OPEN}: {severity_word(entry.severity)} ",
        short(entry.id, NAME),
        f"{_place(entry)}, {USED_IN_ATTACKS if entry.exploited else PUBLIC_EXPLOIT}",
        vulnerability_url(worst) if worst is not None else None,
    )


def doubts_of(content: Content) -> tuple[Danger, ...]:
    """Return what a scanner lists no more though its package is the same; the last says so."""
    entries = content.doubted
    if not entries:
        return ()
    shown = first(entries, _NAMED)
    doubts = [
        Danger(
            f"{ALSO_CHECK}: {severity_word(entry.severity)} ",
            short(entry.id, NAME),
            _place(entry),
            page_of(content, entry),
        )
        for entry in shown
    ]
    more = len(entries) - len(shown)
    doubts += [Danger(f"{ALSO_CHECK}: {more:,} more", "", "")] if more else []
    last = doubts[-1]
    return (*doubts[:-1], last._replace(end=f"{last.end}. {_doubt(entries)}"))


def page_of(content: Content, entry: Entry) -> str | None:
    """Return the page about a vulnerability that no report lists; None without one."""
    packages = entry.packages
    name = packages[0].name if packages else ""
    release = release_in([content.image], [package.version for package in packages])
    finding = Finding(entry.id, Package(name), Severity.UNKNOWN)
    return vulnerability_url(finding, namespace_of(release))


def _doubt(entries: Sequence[Entry]) -> str:
    """Return why it may be there all the same, and that no number has it."""
    packages = dict.fromkeys(package.name for entry in entries for package in entry.packages)
    names = [short(name, NAME) for name in packages]
    them, they = ("it", "it") if len(entries) == 1 else ("them", "they")
    same = f"{names_text(names)} {'is' if len(names) == 1 else 'are'}"
    if len(names) > _NAMED:
        same = f"{'its' if len(entries) == 1 else 'their'} {counted(len(names), 'package')} are"
    return (
        f"The scanner no longer lists {them}, but {same} unchanged, so {they} may still be there. "
        "Not counted."
    )


def _place(entry: Entry) -> str:
    names = [short(name, NAME) for name in dict.fromkeys(p.name for p in entry.packages) if name]
    return f" in {names_text(names)}" if names else ""
