"""Every finding: columns for the script, and the first rows of the table without one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

from lib.messages.inventory import (
    COLUMNS,
    EXPLOITS,
    exploit_cell,
    exploit_level,
    fix_cell,
    outcome,
)
from lib.messages.phrases import severity_text
from lib.models import Change, Comparison, Evaluation, Finding, Report, Severity, Suppressed
from lib.page.markup import Markup, element
from lib.text import clean, one_line, truncate
from lib.urls.advisories import vulnerability_url

FIRST: Final = 100
"""Rows that stand in the page itself; the script shows as many at a time."""
MOST_ROWS: Final = 20_000
"""Rows of a page: more take a function longer than it may run."""
MOST_TEXT: Final = 12_000_000
"""Characters of all texts of a page together."""
_NAME: Final = 200
_TEXT: Final = 3000
_LINKS: Final = 10
_LINK: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A finding of the report, and what became of it."""

    finding: Finding
    change: str
    reason: str
    since: datetime | None


def rows(evaluation: Evaluation) -> list[Row]:
    """Return every finding of a report once, in its order; none of an unusable one."""
    report, comparison = evaluation.report, evaluation.comparison
    if not isinstance(report, Report):
        return []
    changes: dict[int, Change] = {}
    suppressed: dict[int, Suppressed] = {}
    if comparison is not None:
        changes = {id(change.finding): change for change in comparison.changes}
        suppressed = {id(entry.finding): entry for entry in comparison.suppressed}
    since = _since(comparison, len(report.findings))
    return [
        Row(
            finding,
            *outcome(finding, changes.get(id(finding)), suppressed.get(id(finding))),
            _oldest(first, finding),
        )
        for finding, first in zip(report.findings, since, strict=True)
    ]


def _since(comparison: Comparison | None, count: int) -> Sequence[datetime | None]:
    if comparison is None or len(comparison.since) != count:
        return [None] * count
    return comparison.since


def _oldest(first: datetime | None, finding: Finding) -> datetime | None:
    moments = (first, finding.first_observed_at)
    return min((moment for moment in moments if moment), default=None)


# --- what fits ----------------------------------------------------------------------------------


def fitting(all_rows: Sequence[Row]) -> Sequence[Row]:
    """
    Return the rows that a page can hold: all, or the worst.

    The function that makes pages has 512 MB, and every text is in memory some times over: as it
    was read, in the page, and in the page compressed. A text that repeats is held once.
    """
    worst = sorted(all_rows, key=lambda row: -row.finding.severity)[:MOST_ROWS]
    texts: set[str] = set()
    size = 0
    for place, row in enumerate(worst):
        new = set(_texts(row.finding)) - texts
        texts |= new
        size += sum(map(len, new))
        if size > MOST_TEXT:
            return worst[:place]
    return worst if len(worst) < len(all_rows) else all_rows


def _texts(finding: Finding) -> Iterator[str]:
    package = finding.package
    texts = (finding.title, finding.description, finding.remediation, package.path, package.layer)
    yield from filter(None, texts)
    yield from finding.links[:_LINKS]
    yield from finding.aliases


# --- for the script -----------------------------------------------------------------------------


def data(all_rows: Sequence[Row]) -> Markup:
    """Return the findings as columns, with long texts once: what the script reads."""
    texts = _Texts()
    findings = [row.finding for row in all_rows]
    scores = [finding.score for finding in findings]
    columns: dict[str, list[Any]] = {
        "severity": [finding.severity.value for finding in findings],
        "label": [texts.place(severity_text(finding)) for finding in findings],
        "id": [_short(finding.vulnerability_id) for finding in findings],
        "url": [texts.place(vulnerability_url(finding)) for finding in findings],
        "aliases": [[_short(name) for name in finding.aliases] for finding in findings],
        "package": [_short(finding.package.name) for finding in findings],
        "version": [_short(finding.package.version) for finding in findings],
        "fixed": [_short(finding.fixed_version) for finding in findings],
        "fix": [texts.place(fix_cell(finding)) for finding in findings],
        "fixable": [int(finding.fixable) for finding in findings],
        "exploit": [exploit_level(finding) for finding in findings],
        "epss": [_number(finding.epss) for finding in findings],
        "score": [_number(score.value if score else None) for score in scores],
        "vector": [texts.place(score.vector if score else None) for score in scores],
        "manager": [texts.place(finding.package.manager) for finding in findings],
        "path": [texts.place(finding.package.path) for finding in findings],
        "layer": [texts.place(finding.package.layer) for finding in findings],
        "title": [texts.place(finding.title) for finding in findings],
        "description": [texts.place(finding.description) for finding in findings],
        "remediation": [texts.place(finding.remediation) for finding in findings],
        "links": [[texts.place(link) for link in _links(finding)] for finding in findings],
        "platforms": [texts.place(", ".join(finding.platforms)) for finding in findings],
        "change": [texts.place(row.change) for row in all_rows],
        "reason": [texts.place(row.reason) for row in all_rows],
        "since": [f"{row.since:%Y-%m-%d}" if row.since else "" for row in all_rows],
    }
    document = {
        "count": len(all_rows),
        "exploits": EXPLOITS,
        "texts": texts.all,
        "columns": columns,
    }
    # In ASCII and without "<": nothing in it can end the element that it stands in.
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="findings-data">{text}</script>')


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


def table(all_rows: Sequence[Row]) -> Markup:
    """Return the table with its first rows."""
    head = [element("th", title, scope="col", data_sort=name) for name, title in COLUMNS]
    return element(
        "table",
        element("caption", "All findings", class_="hidden"),
        element("thead", element("tr", head)),
        element("tbody", map(_row, all_rows[:FIRST]), id="findings-rows"),
        id="findings-table",
    )


def _row(row: Row) -> Markup:
    finding = row.finding
    return element(
        "tr",
        element("td", badge(finding.severity, severity_text(finding))),
        element("td", linked(_short(finding.vulnerability_id), vulnerability_url(finding))),
        element("td", _installed(finding)),
        element("td", fix_cell(finding)),
        element("td", exploit_cell(finding)),
        element("td", row.change),
        element("td", f"{row.since:%Y-%m-%d}" if row.since else ""),
    )


def badge(severity: Severity, word: str) -> Markup:
    """Return a severity in its colour; the word is there for people who do not see it."""
    return element("span", word, class_=f"badge {severity.name.lower()}")


def linked(text: str, url: str | None) -> Markup:
    """Return a link that tells the other side nothing of where it came from."""
    text = text or "(unnamed)"
    if url is None or not url.startswith(("https://", "http://")):
        return element("span", text)
    return element("a", text, href=url, rel="noopener noreferrer")


def _installed(finding: Finding) -> Iterable[Markup | str | None]:
    """Return the package with its version, and where it is."""
    package = finding.package
    yield element("code", f"{_short(package.name)} {_short(package.version)}".rstrip())
    if package.path:
        yield element("small", truncate(one_line(package.path), _NAME), class_="path")
