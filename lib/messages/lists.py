"""The lists of an alert: vulnerabilities as rows, by package, and under a title. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from lib.messages.phrases import (
    MARKS,
    PUBLIC_EXPLOIT,
    USED_IN_ATTACKS,
    counts_text,
    listed,
    severity_word,
)
from lib.messages.titles import ADDED, STILL_OPEN
from lib.models import Counts, Omission, Severity
from lib.text import counted

UP_TO: Final = "up to "
"""Before the worst of several scores."""


class Row(NamedTuple):
    """A finding of a list."""

    level: Severity
    severity: str
    """The word for the level, with the source's own where the scale has none for it."""
    name: str
    url: str | None
    installed: str
    """Package and version."""
    fix: str
    """What is known about a fix; empty where the source does not say."""
    remarks: tuple[str, ...]
    """Why it is mentioned, and what makes it special."""
    what: str = ""
    """What the vulnerability is, in one line; empty where the source does not say."""

    @property
    def notes(self) -> tuple[str, ...]:
        """The fix, if any, and the remarks."""
        return (self.fix, *self.remarks) if self.fix else self.remarks

    @property
    def details(self) -> str:
        """Package, fix and remarks in one line."""
        return ", ".join(filter(None, (self.installed, *self.notes)))


class PackageText(NamedTuple):
    """The vulnerabilities of a section in one package, the worst first."""

    name: str
    """With the installed version; of several packages the first ones."""
    fixed: str
    """The version to go to; empty where none is named for all of them."""
    counts: Counts
    rows: tuple[Row, ...]
    """As many as `text_of` was asked for."""
    score: str = ""
    """The worst score, in words."""
    shared: str = ""
    """The word that is true of all of several, such as "all 3 new"; then no row has it."""
    exploits: str = ""
    """Which of several have an exploit: "both with a public exploit", "public exploit: CVE-1"."""

    @property
    def mark(self) -> str:
        """The colour of the worst severity."""
        return MARKS[max(self.counts, default=Severity.UNKNOWN)]

    @property
    def number(self) -> int:
        """How many there are, in `rows` or not."""
        return sum(self.counts.values())

    @property
    def fix(self) -> str:
        """The version to go to, in words; empty where none is named for all of them."""
        return f"fixed in {self.fixed}" if self.fixed else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """The remarks about `telling`, with its fix where `fixed` does not name it."""
        row = self.telling
        # Of several, `exploits` says which.
        exploits = (PUBLIC_EXPLOIT, USED_IN_ATTACKS) if self.number > 1 else ()
        remarks = tuple(
            news
            for remark in row.remarks
            if remark not in exploits and (news := self._beside_score(remark))
        )
        return (row.fix, *remarks) if row.fix and not self.fixed else remarks

    def _beside_score(self, remark: str) -> str:
        """Return a remark without the score that `summary` names."""
        score = self.score.removeprefix(UP_TO) if self.number > 1 else ""
        first, sign, rest = remark.partition(", ")
        return rest if sign and first == score else "" if remark == score else remark

    @property
    def summary(self) -> str:
        """The counts in words, and the worst score of several."""
        score = f", {self.score}" if self.score and self.number > 1 else ""
        return f"{self.amount}{score}"

    @property
    def amount(self) -> str:
        """The counts in words."""
        return counts_text(self.counts)

    @property
    def telling(self) -> Row:
        """The first vulnerability whose description is whole; else the first."""
        whole = (row for row in self.rows if row.what and not row.what.endswith("…"))
        return next(whole, self.rows[0])

    def shown(self, limit: int) -> Sequence[Row]:
        """Return the first rows, with the one beyond the limit if it is the last."""
        return self.rows[:limit] if self.number > limit + 1 else self.rows[: limit + 1]

    def more(self, shown: int) -> str:
        """Return "and 3 more" of those that are not among the first `shown` rows."""
        return f"and {self.number - shown:,} more" if self.number > shown else ""


class SectionKind(StrEnum):
    """The title of a section: what its findings have in common."""

    FOUND = "Found"
    NEW = "New"
    NEWLY_REPORTED = "Newly reported"
    STILL_THERE = "Still there"
    OPEN = "Open now"
    RESOLVED = "Resolved"
    RAISED = "Raised"
    EXPLOIT_KNOWN = "Exploit now public"
    FIX_AVAILABLE = "Fix now available"
    DEPLOYED = "Started to run"
    SUPPRESSION_ENDED = "No longer accepted"
    RULES_CHANGED = "Reported because alerts.yml changed"
    FIX_READY = "Fixed, but an older image still runs"
    FIXED = "Fixed"
    NO_LONGER_REPORTED = "No longer reported"
    QUIETLY_ENDED = "Ended since the last message"

    @property
    def is_news(self) -> bool:
        """Whether findings of this title are open, and no good news."""
        return not self.is_ended and self is not SectionKind.FIX_READY

    @property
    def is_ended(self) -> bool:
        """Whether findings of this title are not shown as open any more."""
        return self in _ENDED


_ENDED: Final = frozenset(
    {
        SectionKind.RESOLVED,
        SectionKind.FIXED,
        SectionKind.NO_LONGER_REPORTED,
        SectionKind.QUIETLY_ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class Section:
    """Findings under one title, the worst first."""

    kind: SectionKind
    note: str
    """The reason that most of them share."""
    rows: tuple[Row, ...]
    """As many as `text_of` was asked for."""
    counts: Counts
    """All of them by severity, worst first."""
    packages: tuple[PackageText, ...] = ()
    """The same by package; as many packages as `text_of` was asked for rows."""
    package_count: int = 0
    open: Counts = field(default_factory=dict)
    """All that is open by severity, where the section should list it; else nothing."""
    beyond: tuple[Omission, ...] = ()
    """What else is open and belongs below the list: its destination does not ask for it."""
    is_by_level: bool = False
    """Whether it has all of its severities, and others are beyond."""

    @property
    def title(self) -> str:
        """The title alone."""
        return self.kind.value

    @property
    def count(self) -> int:
        """How many there are, in `rows` or not."""
        return sum(self.counts.values())

    @property
    def summary(self) -> str:
        """The counts in words."""
        return counts_text(self.counts)

    def words_in(self, sentence: str) -> str:
        """Return the number of findings as a sentence says it; empty where it does not."""
        ways = f"{self.count:,} {self.title.lower()}", ADDED.format(what="")
        return next((words for words in ways if words in sentence), "")

    @property
    def heading(self) -> str:
        """The title with the number of findings; where others are open, too, all of them."""
        if sum(self.open.values()) <= self.count:
            # The headline has the numbers.
            levels = listed([severity_word(level) for level in self.counts])
            return f"{levels if self.is_by_level else self.title} ({self.count:,})"
        is_whole = self.open.items() >= self.counts.items()
        return f"{self.title}: {counts_text(self.open)}{'' if is_whole else self._share}"

    @property
    def _share(self) -> str:
        """How many it lists, where the severities of its rows do not say it."""
        return f" ({self.count:,} listed)"

    def more(self, shown: int) -> str:
        """Return what is not among the first `shown` rows; empty where that is nothing."""
        numbers = Counter(self.counts)
        numbers.subtract(row.level for row in self.rows[:shown])
        return self._with_beyond(more_findings(numbers))

    def more_packages(self, shown: int) -> str:
        """Return what is not in the first `shown` packages; empty where that is nothing."""
        numbers = Counter(self.counts)
        for package in self.packages[:shown]:
            numbers.subtract(package.counts)
        others = self.package_count - shown
        if others <= 0:
            return self._with_beyond("")
        return self._with_beyond(f"and {counted(others, 'more package')}: {counts_text(numbers)}")

    def _with_beyond(self, more: str) -> str:
        """Return what follows a list: what it has no room for, then what it is not to have."""
        others = "; ".join(f"{group.count:,} {group.reason}" for group in self.beyond)
        return ". ".join(filter(None, (more, f"{STILL_OPEN}: {others}" if others else "")))


def more_findings(unlisted: Counts) -> str:
    """Return "and 3 more: 1 CRITICAL, 2 HIGH"; empty without any."""
    number = sum(unlisted.values())
    return f"and {number:,} more: {counts_text(unlisted)}" if number else ""
