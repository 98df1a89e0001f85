"""Every vulnerability: columns for the script, and the first rows of the table without one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

from lib.messages.facts import accepting
from lib.messages.inventory import (
    SUPPRESSED,
    exploit_level,
    exploit_word,
    fix_word,
    has_fix,
    highest_epss,
    installed_cell,
    is_of_hosts,
    place_cell,
    severity_cell,
)
from lib.messages.titles import ACCEPT
from lib.models import Finding, Image, Score, Severity
from lib.page.markup import Markup, Node, element
from lib.text import clean, one_line, truncate
from lib.urls.advisories import vulnerability_url

FIRST: Final = 100
"""Rows that stand in the page itself; the script shows as many at a time."""
MOST_ROWS: Final = 20_000
"""Rows of a page: more take a function longer than it may run."""
MOST_TEXT: Final = 12_000_000
"""Characters of all texts of a page together."""
MOST_PLACES: Final = 50
"""Places of a vulnerability; the page says how many there are beyond."""
_NAME: Final = 200
_TEXT: Final = 3000
_LINKS: Final = 10
_LINK: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A vulnerability of the table: its packages, and its outcome."""

    id: str
    aliases: tuple[str, ...]
    severity: Severity
    findings: tuple[Finding, ...]
    """One for each package and place, the worst first; at least one."""
    change: str
    reason: str
    since: datetime | None
    left_out: str = ""
    """Why the alert is not about it; empty where it is."""
    images: tuple[str, ...] = ()
    """The images that have it, where the page is about several."""
    note: str = ""
    """Its score and what it is, in one line."""

    @property
    def worst(self) -> Finding:
        """The finding that stands for the others."""
        return self.findings[0]

    @property
    def score(self) -> Score | None:
        """The score of the worst finding that has one."""
        return next((row.score for row in self.findings if row.score is not None), None)

    def text(self, name: str) -> str | None:
        """Return a text of the worst finding that has it."""
        return next(filter(None, (getattr(row, name) for row in self.findings)), None)

    @property
    def links(self) -> list[str]:
        """Pages about it, each once."""
        return list(dict.fromkeys(link for row in self.findings for link in _links(row)))[:_LINKS]

    def accepting(self, image: Image) -> str:
        """Return the command that suppresses it; empty for a name that is too strange."""
        if not self.worst.open or image.is_repository:
            return ""
        return accepting(self.id, [row.package.name for row in self.findings], image)

    @property
    def is_counted(self) -> bool:
        """Whether the totals count it: it is open, and no entry of alerts.yml suppresses it."""
        return self.worst.open and self.change != SUPPRESSED

    @property
    def path(self) -> str | None:
        """The place of its only finding."""
        return self.worst.package.path if len(self.findings) == 1 else None


# --- what fits ----------------------------------------------------------------------------------


def fitting(all_rows: Sequence[Row]) -> Sequence[Row]:
    """
    Return the rows that a page can hold: all, or the worst.

    The function that makes pages has 512 MB, and every text is in memory some times over: as it
    was read, in the page, and in the page compressed. A text that repeats is held once.
    """
    worst = sorted(all_rows, key=lambda row: -row.severity)[:MOST_ROWS]
    texts: set[str] = set()
    size = 0
    for place, row in enumerate(worst):
        new = set(_texts(row)) - texts
        texts |= new
        size += sum(map(len, new))
        if size > MOST_TEXT:
            return worst[:place]
    return worst if len(worst) < len(all_rows) else all_rows


def _texts(row: Row) -> Iterator[str]:
    yield from filter(None, map(row.text, ("title", "description", "remediation")))
    yield row.note
    yield from row.links
    yield from row.aliases
    for finding in row.findings[:MOST_PLACES]:
        yield from filter(None, (finding.package.path, finding.package.layer))


# --- for the script -----------------------------------------------------------------------------


def data(all_rows: Sequence[Row], noun: tuple[str, str], image: Image) -> Markup:
    """Return the rows as columns, with long texts once: what the script reads."""
    texts = _Texts()
    scores = [row.score for row in all_rows]
    columns: dict[str, list[Any]] = {
        "severity": [row.severity.value for row in all_rows],
        "label": [texts.place(severity_cell(row.severity, row.worst)) for row in all_rows],
        "id": [_short(row.id) for row in all_rows],
        "url": [texts.place(vulnerability_url(row.worst)) for row in all_rows],
        "aliases": [[_short(name) for name in row.aliases] for row in all_rows],
        "installed": [texts.place(installed_cell(row.findings)) for row in all_rows],
        "note": [texts.place(row.note) for row in all_rows],
        "path": [texts.place(row.path) for row in all_rows],
        "fix": [texts.place(fix_word(row.findings)) for row in all_rows],
        "fixable": [int(has_fix(row.findings)) for row in all_rows],
        "hosts": [int(is_of_hosts(row.findings)) for row in all_rows],
        "open": [int(row.is_counted) for row in all_rows],
        "exploit": [exploit_level(row.findings) for row in all_rows],
        "exploits": [texts.place(exploit_word(row.findings)) for row in all_rows],
        "epss": [_number(highest_epss(row.findings)) for row in all_rows],
        "score": [_number(score.value if score else None) for score in scores],
        "vector": [texts.place(score.vector if score else None) for score in scores],
        "title": [texts.place(row.text("title")) for row in all_rows],
        "description": [texts.place(row.text("description")) for row in all_rows],
        "remediation": [texts.place(row.text("remediation")) for row in all_rows],
        "links": [[texts.place(link) for link in row.links] for row in all_rows],
        "places": [[texts.place(place) for place in _places(row)] for row in all_rows],
        "images": [texts.place(", ".join(row.images)) for row in all_rows],
        "change": [texts.place(row.change) for row in all_rows],
        "reason": [texts.place(row.reason) for row in all_rows],
        "leftout": [texts.place(row.left_out) for row in all_rows],
        "accept": [texts.place(row.accepting(image)) for row in all_rows],
        "since": [f"{row.since:%Y-%m-%d}" if row.since else "" for row in all_rows],
    }
    document = {
        "count": len(all_rows),
        "noun": noun,
        "accept": ACCEPT,
        "texts": texts.all,
        "columns": columns,
    }
    # In ASCII and without "<": nothing in it can end the element that it stands in.
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="findings-data">{text}</script>')


def _places(row: Row) -> Iterator[str]:
    """Yield each package of a row, and how many more there are."""
    for finding in row.findings[:MOST_PLACES]:
        yield place_cell(finding)
    others = len(row.findings) - MOST_PLACES
    if others > 0:
        yield f"and {others:,} more"


class _Texts:
    """Each text once, by its place; the first is the empty one."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {"": 0}

    def place(self, text: str | None) -> int:
        cleaned = truncate(clean(text), _TEXT) if text else ""
        return self._places.setdefault(cleaned, len(self._places))

    @property
    def all(self) -> list[str]:
        return list(self._places)


def _short(text: str | None) -> str:
    return truncate(one_line(text), _NAME) if text else ""


def _number(value: float | None) -> float | None:
    """JSON has no word for what is not finite."""
    return value if value is not None and isfinite(value) else None


def _links(finding: Finding) -> list[str]:
    return [
        link
        for link in finding.links[:_LINKS]
        if link.startswith(("https://", "http://")) and len(link) <= _LINK
    ]


# --- without a script ---------------------------------------------------------------------------


def table(
    all_rows: Sequence[Row], caption: str, titles: Iterable[tuple[str, str]], kind: str = ""
) -> Markup:
    """Return the table with its first rows. `titles`: by column. `kind`: its classes."""
    head = [element("th", title, scope="col", data_sort=name) for name, title in titles]
    return element(
        "table",
        element("caption", caption, class_="hidden"),
        element("thead", element("tr", head)),
        element("tbody", map(_row, all_rows[:FIRST]), id="findings-rows"),
        id="findings-table",
        class_=kind or None,
    )


def _row(row: Row) -> Markup:
    return element(
        "tr",
        element("td", badge(row.severity, severity_cell(row.severity, row.worst))),
        element("td", linked(_short(row.id), vulnerability_url(row.worst))),
        element("td", _installed(row)),
        element("td", fix_word(row.findings)),
        element("td", exploit_word(row.findings)),
        element("td", row.change),
        element("td", f"{row.since:%Y-%m-%d}" if row.since else ""),
    )


def badge(severity: Severity, word: str) -> Markup:
    """Return a severity in its colour; the word is there for people who do not see it."""
    return element("span", word, class_=f"badge {severity.name.lower()}")


def linked(text: str, url: str | None, label: str | None = None) -> Markup:
    """
    Return a link that tells the other side nothing of where it came from.

    `label`: its name for a screen reader, where the text has another meaning elsewhere.
    """
    text = text or "(unnamed)"
    if url is None or not url.startswith(("https://", "http://")):
        return element("span", text)
    return element("a", text, href=url, rel="noopener noreferrer", aria_label=label)


def in_line(links: Sequence[Markup]) -> Iterable[Node]:
    """Yield links one behind the other."""
    yield links[:1]
    for link in links[1:]:
        yield (" \N{MIDDLE DOT} ", link)


def _installed(row: Row) -> Iterable[Markup | str | None]:
    """Return the packages with their versions; of a single one where it is."""
    yield element("code", installed_cell(row.findings))
    if row.path:
        yield element("small", truncate(one_line(row.path), _NAME), class_="path")
    if row.note:
        yield element("small", row.note, class_="path")
