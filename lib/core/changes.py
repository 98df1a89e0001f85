"""Before and after -> changes, each with its reason; and what no result means. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from lib.core.problems import kind_of_problem
from lib.models import (
    Baseline,
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Finding,
    FindingId,
    FindingState,
    Report,
    ScanSource,
    Suppressed,
)

Suppress = Callable[[Finding], Suppressed | None]

_SAME: Final = (ChangeKind.UNCHANGED, "listed before, nothing about it got worse")
_STILL: Final = (ChangeKind.UNCHANGED, "was so in the check before")
_CLOSED: Final = "the source lists it as closed now"
_UNSUPPRESSED: Final = "its suppression in alerts.yml has ended"


def compare(
    before: Baseline | None,
    after: Report,
    *,
    basis: Basis,
    suppress: Suppress,
    now: datetime,
) -> Comparison:
    """
    Say what is different from `before`, and leave out what an entry of alerts.yml suppresses.

    Every finding of `after` that is open and not suppressed stands in the changes once, in the
    order of the report; RESOLVED ones follow. What the source itself lists as closed or suppressed
    is no change, but can resolve one. What was not known before is known since `now`.
    """
    words = _Words(before, after, basis)
    gone = dict(before.standings) if before is not None else {}
    unsuppressed = before.suppressed if before is not None else frozenset()
    changes: list[Change] = []
    resolved: dict[FindingId, str] = {}
    suppressed: list[Suppressed] = []
    known_since = before.since if before is not None else {}
    since: list[datetime] = []
    for finding in after.findings:
        identity = finding.id
        since.append(known_since.get(identity, now))
        old = gone.pop(identity, None)
        if not finding.open:
            if finding.source_status == "CLOSED" and old is not None and old.open:
                resolved[identity] = _CLOSED
            continue
        kind, reason = words.difference(old, finding)
        left_out = suppress(finding)
        if left_out is not None:
            suppressed.append(replace(left_out, kind=kind))
        elif identity in unsuppressed:
            changes.append(Change(ChangeKind.NEW, finding, _UNSUPPRESSED))
        else:
            changes.append(Change(kind, finding, reason))
    if words.absence_counts:
        resolved |= {identity: words.gone for identity, old in gone.items() if old.open}
    changes += _resolved(before, resolved)
    return Comparison(
        basis,
        tuple(changes),
        tuple(suppressed),
        _unscanned(before, after, basis),
        tuple(since),
    )


def _unscanned(before: Baseline | None, after: Report, basis: Basis) -> tuple[ChangeKind, ...]:
    """Return what to tell of parts without a result; a re-scan does not repeat it."""
    told = before.parts if before is not None and basis.kind is BasisKind.RESCAN else ()
    known = {(each.digest, each.status) for each in told if each.counts is None}
    return tuple(
        [
            kind_of_problem(each.status)
            for each in after.parts
            if each.counts is None and (each.digest, each.status) not in known
        ]
    )


def _resolved(before: Baseline | None, reasons: Mapping[FindingId, str]) -> Iterator[Change]:
    """Tell of what is gone; who was never told of a finding is not told of its end either."""
    if before is None:
        return
    for identity, reason in reasons.items():
        if identity not in before.suppressed:
            yield Change(ChangeKind.RESOLVED, before.finding(identity), reason)


class _Words:
    """What two results are to each other, and the words for it."""

    def __init__(self, before: Baseline | None, after: Report, basis: Basis) -> None:
        where = _where(basis)
        self.gone = f"listed {where}, not in this one"
        if basis.kind is BasisKind.RESCAN:
            self.gone = "no longer listed in a complete scan of the same image"
        self.absence_counts = False
        self._unknown = (ChangeKind.BASELINE, "first scan known here")
        self._same = _SAME
        if after.scan.source is ScanSource.REPOSITORY:
            self._about_a_repository(before, after)
            return
        if before is None:
            return
        # Absence proves something only in a complete list, and only for the scanner that listed
        # the finding before: another one looks for other things.
        same_scanner = before.scan.source.scanner == after.scan.source.scanner
        self.absence_counts = after.scan.complete and same_scanner
        new = f"not listed {where}"
        if not before.scan.complete:
            new += ", whose list was incomplete"
        if not same_scanner:
            new += f", which {before.scan.source.value} scanned"
        self._unknown = (ChangeKind.NEW, new)

    def _about_a_repository(self, before: Baseline | None, after: Report) -> None:
        """Say the same of a check, which asks the same questions every time."""
        self.gone = "as it should be now"
        self.absence_counts = after.scan.complete
        self._same = _STILL
        if before is None:
            self._unknown = (ChangeKind.BASELINE, "first check known here")
        elif after.scan.complete:
            self._unknown = (ChangeKind.NEW, "was not so in the check before")
        else:
            self._unknown = (ChangeKind.NEW, "told as it happens")

    def difference(self, old: FindingState | None, new: Finding) -> tuple[ChangeKind, str]:
        """Return the first kind that holds; the reason names every one that does."""
        if old is None:
            return self._unknown
        if not old.open:
            return ChangeKind.NEW, f"open again: {str(old.source_status).lower()} before"
        # Most findings are the same as before; this test is all that they cost.
        if (
            new.severity == old.severity
            and new.exploitable <= old.exploitable
            and new.fixable <= old.fixable
        ):
            return self._same
        return _worsened(old, new)


def _worsened(old: FindingState, new: Finding) -> tuple[ChangeKind, str]:
    found: list[tuple[ChangeKind, str]] = []
    if new.severity > old.severity:
        found.append((ChangeKind.RAISED, f"raised from {old.severity.name} to {new.severity.name}"))
    if new.exploitable and not old.exploitable:
        found.append((ChangeKind.EXPLOIT_KNOWN, "an exploit is known now"))
    if new.fixable and not old.fixable:
        version = f": {new.fixed_version}" if new.fixed_version else ""
        found.append((ChangeKind.FIX_AVAILABLE, f"a fix is available now{version}"))
    if new.severity < old.severity:
        lowered = f"lowered from {old.severity.name} to {new.severity.name}"
        found.append((ChangeKind.UNCHANGED, lowered))
    return found[0][0], "; ".join(reason for _, reason in found)


def _where(basis: Basis) -> str:
    if basis.kind is BasisKind.RESCAN:
        return "in the scan before"
    return f"in {basis.image.name}" if basis.image is not None else "in the image before"
