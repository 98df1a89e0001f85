"""The verdict: the first sentence of an alert, which says what is new and what fixes it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import WORST_FIRST, upgrade_of, upgrade_target
from lib.messages import checks
from lib.messages.phrases import severity_word
from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Delivery,
    Evaluation,
    Filter,
    Image,
    Report,
    Severity,
)
from lib.text import one_line, truncate

NAME: Final = 60
"""Characters of a name from outside that the verdict quotes."""


_PIECES: Final = 4
"""Kinds of change that the verdict counts one by one; the others are added up."""


def with_note(delivery: Delivery, verdict: str) -> str:
    """Return a verdict that begins with the note of its delivery: why it goes to another place."""
    return verdict if delivery.note is None else f"{delivery.note}: {verdict}"


def basis_of(evaluation: Evaluation) -> Basis:
    """Return what an evaluation was compared with."""
    return evaluation.comparison.basis if evaluation.comparison else Basis(BasisKind.NONE)


_SHORT: Final[Mapping[ChangeKind, str]] = MappingProxyType(
    {
        ChangeKind.NEW: "{n:,} new {severity}",
        ChangeKind.RAISED: "{n:,} raised to {severity}",
        ChangeKind.EXPLOIT_KNOWN: "{n:,} {severity} with an exploit known now",
        ChangeKind.FIX_AVAILABLE: "{n:,} {severity} fixable now",
        ChangeKind.UNCHANGED: "{n:,} {severity} still there",
    }
)


def verdict_of(
    evaluation: Evaluation,
    listed: Sequence[Change],
    resolved: Sequence[Change],
    filters: Sequence[Filter],
) -> str:
    """Return one sentence: what happened, and what to do."""
    if not isinstance(evaluation.report, Report):
        return _problem(evaluation)
    if checks.is_check(evaluation.report):
        return checks.verdict(evaluation.report, evaluation.comparison, listed, resolved)
    return _findings(evaluation, listed, resolved, filters) + _gaps(evaluation.report)


def _gaps(report: Report) -> str:
    """Return what the scan does not cover, as the end of the sentence: subjects show only that."""
    missing = sum(part.counts is None for part in report.parts)
    if missing:
        return f"; {missing} of {len(report.parts)} platforms not scanned"
    return "" if report.scan.complete else "; the list of findings is incomplete"


def _findings(
    evaluation: Evaluation,
    listed: Sequence[Change],
    resolved: Sequence[Change],
    filters: Sequence[Filter],
) -> str:
    basis, image = basis_of(evaluation), evaluation.report.image
    since = f" since {before(basis, image)}" if basis.kind is not BasisKind.NONE else ""
    gone = _and(_pieces(resolved))
    if listed and not since:
        return f"First scan: {_and(_pieces(listed))}{_remedy(listed)}"
    if listed:
        tail = f"; {gone} resolved" if gone else ""
        return f"{_and(_changed(listed))}{since}{_remedy(listed)}{tail}"
    nothing = _nothing(evaluation, filters)
    if gone:
        return f"{nothing}; {gone} resolved{since}"
    return f"{nothing}{since}" if since else f"First scan: {_first(nothing)}"


def _first(nothing: str) -> str:
    """Reword "Nothing new ..." for a scan with nothing to compare with."""
    return nothing.replace("Nothing new ", "nothing ").replace("No", "no", 1)


def _problem(evaluation: Evaluation) -> str:
    problem, scan = evaluation.problem, evaluation.report.scan
    failed = problem is not None and problem.kind is ChangeKind.SCAN_FAILED
    reason = one_line(problem.reason if problem else scan.reason or scan.status)
    what = "Scan failed" if failed else "Not scanned"
    if checks.is_check(evaluation.report):
        what = "Not checked"
    return f"{what}: {truncate(reason, 4 * NAME)}"


def _nothing(evaluation: Evaluation, filters: Sequence[Filter]) -> str:
    """
    Return that nothing is new, and no more than is true.

    When something is new but not asked for, an unqualified "nothing new" would be an all-clear.
    """
    comparison = evaluation.comparison
    if isinstance(evaluation.report, Report) and not evaluation.report.findings:
        return "No findings"
    quiet = (ChangeKind.UNCHANGED, ChangeKind.RESOLVED)
    if comparison and all(change.kind in quiet for change in comparison.changes):
        return "Nothing new"
    lowest = min((filter_.severity for filter_ in filters), default=Severity.UNKNOWN)
    if lowest > Severity.UNKNOWN and not any(filter_.only or filter_.kinds for filter_ in filters):
        return f"Nothing new at {lowest.name} or above"
    return "Nothing new of what is asked for here"


def before(basis: Basis, image: Image) -> str:
    """Return what people call the scan that `image` was compared with: a tag, a digest, a date."""
    if basis.kind is BasisKind.RESCAN or basis.image is None:
        day = f" ({basis.completed_at:%Y-%m-%d})" if basis.completed_at else ""
        which = "last scan" if basis.kind is BasisKind.RESCAN else "image before"
        return f"the {which}{day}"
    # A tag that moved, like "latest", names both images.
    tag = next((tag for tag in basis.image.tags if tag not in image.tags), None)
    return truncate(one_line(tag or basis.image.digest[:19]), NAME)


def _changed(listed: Sequence[Change]) -> list[str]:
    """Return what changed, kind by kind; what is too much for a sentence is added up."""
    numbers = Counter((change.kind, change.finding.severity) for change in listed)
    pieces: list[str] = []
    rest = len(listed)
    for kind, pattern in _SHORT.items():
        for severity in WORST_FIRST:
            number = numbers[kind, severity]
            if number and len(pieces) < _PIECES:
                pieces.append(pattern.format(n=number, severity=severity_word(severity)))
                rest -= number
    return [*pieces, f"{rest:,} more change{'s' if rest > 1 else ''}"] if rest else pieces


def _pieces(changes: Sequence[Change]) -> list[str]:
    counts = Counter(change.finding.severity for change in changes)
    return [
        f"{counts[severity]:,} {severity_word(severity)}"
        for severity in sorted(counts, reverse=True)
    ]


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _remedy(listed: Sequence[Change]) -> str:
    """Return what an upgrade does about the listed findings, as the end of the sentence."""
    findings = [change.finding for change in listed]
    if all(finding.fixed_version is None and finding.fix_available is None for finding in findings):
        return ""
    fixable = [finding for finding in findings if finding.fixable]
    if not fixable:
        return ", no fix known" if len(findings) > 1 else ", without a known fix"
    amount = _amount(len(fixable), len(findings))
    if (
        len({upgrade_target(finding) for finding in fixable}) > 1
        or fixable[0].fixed_version is None
    ):
        return f",{amount} fixable"
    target = upgrade_of(fixable)
    package = truncate(one_line(target.package), NAME)
    version = truncate(one_line(target.fixed or ""), NAME)
    return f",{amount} fixed by {package} {version}"


def _amount(part: int, whole: int) -> str:
    if part < whole:
        return f" {part:,} of them"
    return {1: "", 2: " both"}.get(whole, " all")
