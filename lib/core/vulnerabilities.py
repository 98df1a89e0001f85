"""
Rows of findings -> vulnerabilities, worst first: what is counted, compared and notified. Pure.

A scanner lists one vulnerability in many rows: for each package, path and platform, and under
several ids. `lib.core.aliases` says which ids are one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Generic, TypeVar

from lib.core.aliases import is_cve, joined
from lib.core.distinct import Rank, rank
from lib.models import Counts, Finding, Severity
from lib.models.streams import Vulnerability, VulnerabilityId, WatchedImage

_Value = TypeVar("_Value")


def vulnerabilities(findings: Iterable[Finding]) -> tuple[Vulnerability, ...]:
    """
    Return the vulnerabilities that rows are about, worst first, each with its rows worst first.

    The order of the rows given does not matter, nor does the case of ids and aliases.
    """
    rows: defaultdict[str, list[Finding]] = defaultdict(list)
    related: set[str] = set()
    for finding in findings:
        key = finding.vulnerability_id.upper()
        rows[key].append(finding)
        if finding.aliases:
            related.update([key, *[alias.upper() for alias in finding.aliases]])
    # Nearly all ids of a distribution's packages are vulnerabilities by themselves.
    alone = [group for key, group in rows.items() if key not in related]
    ranked = [
        _of_one_row(group[0]) if len(group) == 1 else _ranked((_spelling(group),), group)
        for group in alone
    ]
    spelling, aliases = _names({key: group for key, group in rows.items() if key in related})
    ranked += [
        _ranked(
            tuple([spelling[name] for name in names]), [row for key in ids for row in rows[key]]
        )
        for ids, names in joined(aliases)
    ]
    return tuple([vulnerability for *_, vulnerability in sorted(ranked)])


def vulnerabilities_of(images: Iterable[WatchedImage]) -> tuple[Vulnerability, ...]:
    """
    Return the vulnerabilities of all rows of watched images, open or not.

    Whether an alias is exclusive depends on the other rows, so that every question about a stream
    must group the same ones. The same lists of rows are grouped once: state, views, message and
    copy of a stream all ask.
    """
    lists = tuple(
        [entry.findings for image in images for part in image.parts for entry in part.evidence]
    )
    return _grouped(tuple([SameList(rows) for rows in lists]))


class SameList:
    """A list of rows as the key of a cache: compared by identity, not row by row."""

    __slots__ = ("rows",)

    def __init__(self, rows: tuple[Finding, ...]) -> None:
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameList) and other.rows is self.rows

    def __hash__(self) -> int:
        return id(self.rows)


@lru_cache(maxsize=2)  # a stream before and after a sync; more would keep large reports in memory
def _grouped(lists: tuple[SameList, ...]) -> tuple[Vulnerability, ...]:
    return vulnerabilities(chain.from_iterable([entry.rows for entry in lists]))


def find(items: Mapping[VulnerabilityId, _Value], names: Iterable[str]) -> _Value | None:
    """Return the item of a vulnerability, kept under any of its names; None where there is none."""
    for name in names:
        item = items.get(name)
        if item is not None:
            return item
    return None


def counts_of(findings: Iterable[Finding]) -> Counts:
    """Count the vulnerabilities of rows by severity; every severity has a number."""
    counts = dict.fromkeys(reversed(Severity), 0)
    for group in vulnerabilities(findings):
        counts[group.severity] += 1
    return counts


def places(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """
    Return one finding for each package and place of a vulnerability, in their order.

    A row that several images or platforms list stands once, with all its platforms.
    """
    merged: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        package = finding.package
        key = (package.name, package.version, package.path, package.layer)
        first = merged.setdefault(key, finding)
        if first is not finding and first.platforms:
            united = dict.fromkeys((*first.platforms, *finding.platforms))
            merged[key] = replace(first, platforms=tuple(united) if finding.platforms else ())
    return tuple(merged.values())


class ByName(Generic[_Value]):
    """What is kept of vulnerabilities, found by any of their names."""

    def __init__(self, items: Iterable[tuple[VulnerabilityId, Iterable[str], _Value]]) -> None:
        self._values: dict[VulnerabilityId, _Value] = {}
        self._ids: dict[str, VulnerabilityId] = {}
        for id_, names, value in items:
            self._values[id_] = value
            for name in names:
                self._ids.setdefault(name, id_)

    def get(self, id_: VulnerabilityId, names: Iterable[str] = ()) -> _Value | None:
        """
        Return the item with this id, else one that shares a name; None where there is none.

        Two different CVE ids are two vulnerabilities, whatever alias they share.
        """
        if id_ in self._values:
            return self._values[id_]
        for name in (id_, *names):
            other = self._ids.get(name, name)
            if other in self._values and not (is_cve(id_) and is_cve(other) and name != other):
                return self._values[other]
        return None


def _names(rows: Mapping[str, list[Finding]]) -> tuple[Mapping[str, str], dict[str, set[str]]]:
    """Return how each name is written, which is as its own rows have it, and what each id names."""
    spelling: dict[str, str] = {}
    aliases: dict[str, set[str]] = {}
    for key, group in rows.items():
        aliases[key] = set()
        for alias in {alias for row in group for alias in row.aliases if alias}:
            name = alias.upper()
            aliases[key].add(name)
            spelling[name] = min(alias, spelling.get(name, alias))
    spelling |= {key: _spelling(group) for key, group in rows.items()}
    return spelling, aliases


def _spelling(rows: Iterable[Finding]) -> str:
    """Return an id as its rows write it, which can differ in the case of letters."""
    return min([row.vulnerability_id for row in rows])


def _of_one_row(row: Finding) -> tuple[Rank, str, Vulnerability]:
    id_ = row.vulnerability_id
    return rank(row), id_, Vulnerability(id_, (id_,), (row,))


def _ranked(names: tuple[str, ...], findings: list[Finding]) -> tuple[Rank, str, Vulnerability]:
    """Return a vulnerability behind its rank, which is in each respect that of its worst row."""
    if len(findings) == 1:
        worst = rank(findings[0])
    else:
        keys = sorted([(rank(finding), finding.id, _Row(finding)) for finding in findings])
        findings = [row.finding for *_, row in keys]
        worst = tuple(map(min, *[key[0] for key in keys]))
    return worst, names[0], Vulnerability(names[0], names, tuple(findings))


class _Row:
    """The order of rows of one identity and rank, which is not that in which they came."""

    __slots__ = ("finding",)

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def __lt__(self, other: "_Row") -> bool:
        # The parts of an index have equal rows, and to write one out takes ten times as long.
        return self.finding != other.finding and repr(self.finding) < repr(other.finding)
