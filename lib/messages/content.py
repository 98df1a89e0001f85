"""
The content of a pinned message: what it shows and what it leaves out, in vulnerabilities. Pure.

What is shown, what was reported before and what filters leave out are together all that is open.
What entries of alerts.yml suppress is counted apart, everywhere.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, NamedTuple

from lib.core.proof import UNLISTED
from lib.core.streams import is_settings, repository_image
from lib.core.upgrades import highest_score, package_order
from lib.core.vulnerabilities import ByName, vulnerabilities_of
from lib.models import Counts, Finding, Image, ScanSource, Severity
from lib.models.streams import PackageVersion, StreamState, Vulnerability, WatchedImage
from lib.models.views import DeltaItem, Kind, OtherName, PinnedMessage, ReportedItem

_YEAR_END: Final = re.compile(r"^until (\d{4})-12-31")
_REPOSITORY: Final = re.compile(r" for \S+(?=$| in sha256:\w+$)")
"""The repositories that an entry is limited to: the image of the message is in one of them."""
SUPPRESSED: Final = "accepted"
"""How the reason of what an entry of alerts.yml leaves out begins."""


class Entry(NamedTuple):
    """A vulnerability of a message."""

    id: str
    severity: Severity
    findings: tuple[Finding, ...]
    """Its rows that are shown; none where nothing lists it any more."""
    packages: tuple[PackageVersion, ...]
    """Each package in each version once."""
    change: DeltaItem | None = None
    """None: it was reported before, and nothing about it is news."""

    @property
    def is_open(self) -> bool:
        """Whether it is shown as open."""
        return self.change is None or self.change.desired is not None

    @property
    def is_news(self) -> bool:
        """Whether it is news; on a first scan nothing is."""
        return self.change is not None and self.change.kind is not Kind.BASELINE

    @property
    def exploitable(self) -> bool:
        """Whether an exploit is known for one of its rows."""
        return any(finding.exploitable for finding in self.findings)

    @property
    def exploited(self) -> bool:
        """Whether an exploit of one of its rows was seen in attacks."""
        return any(finding.exploit_observed_at is not None for finding in self.findings)

    @property
    def fixable(self) -> bool:
        """Whether a fix exists for one of its rows."""
        return any(finding.fixable for finding in self.findings)

    @property
    def score(self) -> float:
        """The highest CVSS score of its rows; 0 where no row has one."""
        score = highest_score(self.findings)
        return 0.0 if score is None else score.value

    @property
    def epss(self) -> float:
        """The probability that it is exploited within a month; 0 where no row says."""
        return max((finding.epss or 0.0 for finding in self.findings), default=0.0)

    @property
    def images(self) -> tuple[Image, ...]:
        """The watched images that have it, where the message knows."""
        desired = self.change.desired if self.change is not None else None
        return desired.images if desired is not None else ()


class Remainder(NamedTuple):
    """Vulnerabilities that are open and not asked for, with the reason that they share."""

    reason: str
    counts: Counts
    ids: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """The names of all packages that have them."""


class Content:
    """The items that one pinned message shows and leaves out."""

    def __init__(self, message: PinnedMessage) -> None:
        self.message = message
        self.state: StreamState = message.state
        self._groups = [group for group in vulnerabilities_of(self.state.images) if _open(group)]
        self._by_name = ByName((group.id, group.names, group) for group in self._groups)
        self._suppressed = message.delta.agreement.suppressed
        reported = message.delta.after.items()
        self._reported = ByName((id_, item.names, item) for id_, item in reported)
        departures = self.state.departures.items()
        self._departed = ByName((id_, left.names, left) for id_, left in departures)

    @property
    def image(self) -> Image:
        """The image that the message is about: the current one, else what stands for it."""
        before = self.message.before
        watched = self.state.current or next(iter(self.state.images), None)
        if watched is not None:
            return watched.image
        if before is not None and before.current is not None:
            return before.current
        return repository_image(self.state.stream)

    @property
    def is_check(self) -> bool:
        """Whether the message is about settings of a repository, or a tag that moved."""
        images = (watched.image for watched in self.state.images)
        return is_settings(self.state.stream) or any(image.is_repository for image in images)

    @cached_property
    def changes(self) -> Mapping[Kind, Sequence[Entry]]:
        """The vulnerabilities of the delta by kind, worst first."""
        changes: defaultdict[Kind, list[Entry]] = defaultdict(list)
        for change, entry in self._changed:
            changes[change.kind].append(entry)
        return {kind: sorted(changes[kind], key=worst_first) for kind in Kind if kind in changes}

    @cached_property
    def _changed(self) -> Sequence[tuple[DeltaItem, Entry]]:
        """The vulnerabilities of the delta."""
        items = self.message.delta.items
        return [(item, self._entry(item)) for item in items if item.item.condition is None]

    @cached_property
    def doubted(self) -> Sequence[Entry]:
        """The vulnerabilities that a scanner lists no more though their packages are the same."""
        entries = self.changes.get(Kind.NO_LONGER_REPORTED, ())
        return [
            entry
            for entry in entries
            if entry.change is not None and entry.change.reason.startswith(UNLISTED)
        ]

    @property
    def other_name(self) -> OtherName | None:
        """The name of its image in another stream, where the image is new in this one."""
        dispatch = self.message.dispatch
        return dispatch.other_name if dispatch is not None else None

    @property
    def conditions(self) -> Sequence[DeltaItem]:
        """The conditions that the message reports."""
        items = self.message.delta.items
        return [item for item in items if item.item.condition and item.desired is not None]

    @property
    def ended_conditions(self) -> Sequence[DeltaItem]:
        """The conditions that are not reported any more."""
        items = self.message.delta.items
        return [item for item in items if item.item.condition and item.desired is None]

    @cached_property
    def open(self) -> Sequence[Entry]:
        """Every vulnerability that is reported once the message has arrived, worst first."""
        changed = {change.item.id: entry for change, entry in self._changed}
        reported = [item for item in self.message.delta.after.values() if item.condition is None]
        return sorted(
            [changed.get(item.id) or self._standing(item) for item in reported], key=worst_first
        )

    @cached_property
    def quietly_ended(self) -> Sequence[Entry]:
        """The vulnerabilities that ended without a message since the last one, worst first."""
        changed = {change.item.id for change in self.message.delta.items}
        items = (item for item in self.message.quietly_ended if item.condition is None)
        entries = [self._ended(item) for item in items if item.id not in changed]
        return sorted(entries, key=worst_first)

    @property
    def unchanged(self) -> int:
        """How many vulnerabilities were reported before, and nothing about them is news."""
        return sum(entry.change is None for entry in self.open)

    @property
    def shown(self) -> int:
        """How many of the open vulnerabilities the delta names."""
        return len(self.open) - self.unchanged

    @cached_property
    def headline(self) -> Sequence[Entry]:
        """
        The open vulnerabilities that a headline counts for every reader: CRITICAL and HIGH ones.

        Without any of these, what is asked for.
        """
        return [entry for entry in self.everything if entry.severity >= Severity.HIGH] or self.open

    @cached_property
    def everything(self) -> Sequence[Entry]:
        """Every open vulnerability that no entry suppresses, worst first: what totals count."""
        others = [
            Entry(group.id, severity_of(group), rows, packages_of(rows))
            for group in self._groups
            if group.id not in self._suppressed and not self._is_reported(group)
            for rows in (tuple(row for row in group.findings if row.open),)
        ]
        return sorted((*self.open, *others), key=worst_first) if others else self.open

    @cached_property
    def left_out(self) -> Sequence[Remainder]:
        """Vulnerabilities that are open and not asked for, by what leaves them out."""
        suppressed = self._suppressed
        reasons: defaultdict[str, list[Vulnerability]] = defaultdict(list)
        for group in self._groups:
            if group.id in suppressed:
                reasons[self._suppression(suppressed[group.id])].append(group)
            elif group.id in self.message.refused:
                reasons[self.message.refused[group.id]].append(group)
        rows = [_remainder(reason, groups) for reason, groups in reasons.items()]
        return sorted(rows, key=lambda row: (-sum(row.counts.values()), row.reason))

    def _suppression(self, name: str) -> str:
        """Return until when an entry of alerts.yml holds, about what, and why."""
        terms = _YEAR_END.sub(r"until the end of \1", self.message.entries.get(name, ""))
        until, _, why = terms.partition(": ")
        what = _REPOSITORY.sub("", name)
        reason = f' ("{why}")' if why else ""
        return f"{SUPPRESSED}{f' {until}' if until else ''}: {what}{reason}"

    @cached_property
    def totals(self) -> Counts:
        """The numbers of `everything` by severity."""
        return counts_of(self.everything)

    @cached_property
    def suppressed(self) -> Counts:
        """The numbers of vulnerabilities that entries of alerts.yml suppress, by severity."""
        return ordered(
            Counter(
                severity_of(group)
                for group in self._groups
                if group.id in self._suppressed and not self._is_reported(group)
            )
        )

    def is_behind(self, entry: Entry) -> bool:
        """Return whether only images behind the current one are known to have a vulnerability."""
        return self.state.current is not None and not any(
            row.vulnerability_id in self._current for row in entry.findings
        )

    def name_of(self, image: Image) -> str:
        """Return the name of a watched image: a tag that moved names the current one alone."""
        is_other = image.key != self.image.key and image.name == self.image.name
        return replace(image, tags=()).name if is_other else image.name

    def images_behind(self, entries: Iterable[Entry]) -> Sequence[Image]:
        """Return the watched images behind the current one that list any of these."""
        ids = {row.vulnerability_id for entry in entries for row in entry.findings}
        return [
            watched.image for watched in self.state.images[1:] if not ids.isdisjoint(_ids(watched))
        ]

    @cached_property
    def _current(self) -> frozenset[str]:
        """The ids of the open rows that are known of the current image."""
        return _ids(self.state.current) if self.state.current is not None else frozenset()

    def _is_reported(self, group: Vulnerability) -> bool:
        return self._reported.get(group.id, group.names) is not None

    def _entry(self, change: DeltaItem) -> Entry:
        if change.desired is None:
            return self._ended(change.item, change)
        findings = change.desired.findings
        severity = max(finding.severity for finding in findings)
        return Entry(change.item.id, severity, findings, packages_of(findings), change)

    def _standing(self, item: ReportedItem) -> Entry:
        """
        Return what was reported before, as it is now.

        Its rows can be worse than what is reported, where an entry leaves out the worst of them;
        and milder, as a view keeps the worst that it reported.
        """
        group = self._by_name.get(item.id, item.names)
        rows = tuple(row for row in group.findings if row.open) if group is not None else ()
        findings = tuple(row for row in rows if row.severity <= item.severity) or rows
        severity = max((row.severity for row in findings), default=item.severity)
        severity = min(severity, item.severity)
        return Entry(item.id, severity, findings, packages_of(findings))

    def _ended(self, item: ReportedItem, change: DeltaItem | None = None) -> Entry:
        group = self._by_name.get(item.id, item.names)
        if group is not None:
            rows = tuple(row for row in group.findings if row.open)
            return Entry(item.id, item.severity, rows, packages_of(rows), change)
        departure = self._departed.get(item.id, item.names)
        packages = departure.packages if departure is not None else ()
        return Entry(item.id, item.severity, (), packages, change)


def _remainder(reason: str, groups: Sequence[Vulnerability]) -> Remainder:
    packages: defaultdict[str, dict[str, Vulnerability]] = defaultdict(dict)
    for group in groups:
        for row in group.findings:
            if row.open and row.package.name:
                packages[row.package.name][group.id] = group
    return Remainder(
        reason,
        ordered(Counter(map(severity_of, groups))),
        tuple([group.id for group in groups]),
        tuple(sorted(packages, key=lambda name: _order_of(name, packages[name].values()))),
    )


def _order_of(name: str, groups: Iterable[Vulnerability]) -> tuple[object, ...]:
    """Return the place of a package that has these vulnerabilities."""
    groups = [*groups]
    rows = [row for group in groups for row in group.findings if row.package.name == name]
    score = highest_score(rows)
    return package_order(
        Counter(map(severity_of, groups)),
        name,
        score=score.value if score is not None else 0.0,
        exploitable=any(group.exploitable for group in groups),
    )


def counts_of(entries: Iterable[Entry]) -> Counts:
    """Count vulnerabilities by severity, worst first."""
    return ordered(Counter(entry.severity for entry in entries))


def source_of(content: Content) -> ScanSource:
    """Return the scanner that listed the first watched image, whose words are used."""
    parts = (part for image in content.state.images for part in image.parts)
    sources = (part.source for part in parts if part.source is not None)
    return next(sources, ScanSource.ECR_ENHANCED)


def ordered(numbers: Counts) -> Counts:
    """Return counts by severity, worst first."""
    return {severity: numbers[severity] for severity in sorted(numbers, reverse=True)}


def severity_of(group: Vulnerability) -> Severity:
    """Return the worst severity of the rows that are open."""
    return max(row.severity for row in group.findings if row.open)


def packages_of(findings: Iterable[Finding]) -> tuple[PackageVersion, ...]:
    """Return each package in each version once, in the order of the rows; none without a name."""
    named = (row.package for row in findings if row.package.name)
    packages = (PackageVersion(package.name, package.version or "") for package in named)
    return tuple(dict.fromkeys(packages))


def _ids(watched: WatchedImage) -> frozenset[str]:
    evidence = (entry for part in watched.parts for entry in part.evidence)
    rows = (row for entry in evidence for row in entry.findings)
    return frozenset(row.vulnerability_id for row in rows if row.open)


def _open(group: Vulnerability) -> bool:
    return any(row.open for row in group.findings)


def worst_first(entry: Entry) -> tuple[object, ...]:
    """Return a key for the one order of all lists: severity, news, exploits, score, fixes."""
    is_known = entry.exploited or entry.exploitable
    rank = (-entry.severity, not entry.is_news, not is_known, -entry.score)
    return (*rank, not entry.fixable, -entry.epss, entry.id)
