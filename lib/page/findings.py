"""Every finding: columns for the script, and the first rows of the table for whoever has none."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

from lib.checks.settings import MANAGER
from lib.models import Change, ChangeKind, Comparison, Evaluation, Finding, Report, Suppressed
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
_SMALL: Final = 0.001

WORDS: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.BASELINE: "first scan",
    ChangeKind.NEW: "new",
    ChangeKind.RAISED: "raised",
    ChangeKind.EXPLOIT_KNOWN: "exploit known",
    ChangeKind.FIX_AVAILABLE: "fix available",
    ChangeKind.RESOLVED: "resolved",
    ChangeKind.UNCHANGED: "unchanged",
}
SUPPRESSED: Final = "suppressed"
CLOSED: Final = "closed at the source"


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
        changes = {id(each.finding): each for each in comparison.changes}
        suppressed = {id(each.finding): each for each in comparison.suppressed}
    since = _since(comparison, len(report.findings))
    return [
        Row(finding, *_told(finding, changes, suppressed), _oldest(known, finding))
        for finding, known in zip(report.findings, since, strict=True)
    ]


def _told(
    finding: Finding, changes: Mapping[int, Change], suppressed: Mapping[int, Suppressed]
) -> tuple[str, str]:
    change, entry = changes.get(id(finding)), suppressed.get(id(finding))
    if change is not None:
        return WORDS.get(change.kind, change.kind.value.lower()), change.reason
    if entry is not None:
        return SUPPRESSED, f"{entry.entry} until {entry.expires}: {entry.reason}"
    return CLOSED, f"its source lists it as {str(finding.source_status).lower()}"


def _since(comparison: Comparison | None, count: int) -> Sequence[datetime | None]:
    if comparison is None or len(comparison.since) != count:
        return [None] * count
    return comparison.since


def _oldest(known: datetime | None, finding: Finding) -> datetime | None:
    return min((each for each in (known, finding.first_observed_at) if each), default=None)


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
    columns: dict[str, list[Any]] = {
        "severity": [each.finding.severity.value for each in all_rows],
        "id": [_short(each.finding.vulnerability_id) for each in all_rows],
        "url": [texts.place(vulnerability_url(each.finding)) for each in all_rows],
        "aliases": [[_short(name) for name in each.finding.aliases] for each in all_rows],
        "package": [_short(each.finding.package.name) for each in all_rows],
        "version": [_short(each.finding.package.version) for each in all_rows],
        "fixed": [_short(each.finding.fixed_version) for each in all_rows],
        "fixable": [int(each.finding.fixable) for each in all_rows],
        "unfixable": [int(each.finding.fix_available == "NO") for each in all_rows],
        "exploit": [_exploit(each.finding) for each in all_rows],
        "epss": [_number(each.finding.epss) for each in all_rows],
        "score": [
            _number(each.finding.score.value if each.finding.score else None) for each in all_rows
        ],
        "vector": [
            texts.place(each.finding.score.vector if each.finding.score else None)
            for each in all_rows
        ],
        "manager": [texts.place(each.finding.package.manager) for each in all_rows],
        "path": [texts.place(each.finding.package.path) for each in all_rows],
        "layer": [texts.place(each.finding.package.layer) for each in all_rows],
        "title": [texts.place(each.finding.title) for each in all_rows],
        "description": [texts.place(each.finding.description) for each in all_rows],
        "remediation": [texts.place(each.finding.remediation) for each in all_rows],
        "links": [[texts.place(link) for link in _links(each.finding)] for each in all_rows],
        "platforms": [texts.place(", ".join(each.finding.platforms)) for each in all_rows],
        "change": [texts.place(each.change) for each in all_rows],
        "reason": [texts.place(each.reason) for each in all_rows],
        "since": [f"{each.since:%Y-%m-%d}" if each.since else "" for each in all_rows],
    }
    document = {"count": len(all_rows), "texts": texts.all, "columns": columns}
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


def _exploit(finding: Finding) -> int:
    """Return 2 where one was seen in the wild, 1 where one is known, else 0."""
    if finding.exploit_observed_at is not None:
        return 2
    return int(finding.exploitable)


def _links(finding: Finding) -> list[str]:
    return [
        each
        for each in finding.links[:_LINKS]
        if each.startswith(("https://", "http://")) and len(each) <= _LINK
    ]


# --- without a script ---------------------------------------------------------------------------

COLUMNS: Final = (
    ("severity", "Severity"),
    ("id", "Vulnerability"),
    ("package", "Package"),
    ("fixed", "Fixed in"),
    ("exploit", "Exploit"),
    ("change", "Change"),
    ("since", "Known since"),
)


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
        element("td", badge(finding)),
        element("td", identifier(finding)),
        element("td", installed(finding)),
        element("td", fix(finding)),
        element("td", exploit(finding)),
        element("td", row.change),
        element("td", f"{row.since:%Y-%m-%d}" if row.since else ""),
    )


def badge(finding: Finding) -> Markup:
    """Return the severity in its colour; the word is there for whoever does not see it."""
    name = finding.severity.name
    return element("span", name, class_=f"badge {name.lower()}")


def identifier(finding: Finding) -> Markup:
    """Return the id, linked to where it is described."""
    name = _short(finding.vulnerability_id) or "(unnamed)"
    return linked(name, vulnerability_url(finding))


def linked(text: str, url: str | None) -> Markup:
    """Return a link that tells the other side nothing of where it came from."""
    if url is None or not url.startswith(("https://", "http://")):
        return element("span", text)
    return element("a", text, href=url, rel="noopener noreferrer")


def installed(finding: Finding) -> Iterable[Markup | str | None]:
    """Return the package with its version, and where it is."""
    package = finding.package
    yield element("code", f"{_short(package.name)} {_short(package.version)}".rstrip())
    if package.path:
        yield element("small", truncate(one_line(package.path), _NAME), class_="path")


def fix(finding: Finding) -> str:
    """Return the version to go to, or what is known instead."""
    if finding.package.manager == MANAGER:
        return ""
    if finding.fixed_version:
        return _short(finding.fixed_version)
    if finding.fixable:
        return "a version not named"
    return "no fix" if finding.fix_available == "NO" else ""


def exploit(finding: Finding) -> str:
    """Return what is known about exploits."""
    words = ("", "known", "in the wild")[_exploit(finding)]
    epss = "" if finding.epss is None else f"EPSS {percent(finding.epss)}"
    return ", ".join(filter(None, (words, epss)))


def percent(value: float) -> str:
    """Return a probability as people read it."""
    if value < _SMALL:
        return "below 0.1 %"
    return f"{value * 100:.1f} %" if value < 1 else "100 %"
