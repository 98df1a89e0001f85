"""
Checks that cannot be made, because AWS refused an answer that they need. Pure.

A check is unknown only where the missing answer can change its result: tags that are immutable are
so whatever the rules of caches say.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from lib.checks import findings as checks
from lib.checks.expectations import Expectations
from lib.checks.policies import parse
from lib.checks.settings import check, is_due, is_unruled, movable_tags
from lib.errors import DocumentError
from lib.models import Finding, Refusal, RepositorySettings, Severity
from lib.models import permissions as calls
from lib.text import capitalized, counted

ALL: Final = (
    checks.TAG_MUTABILITY,
    checks.CACHE_IMMUTABLE,
    checks.SCAN_ON_PUSH,
    checks.NOT_SCANNED,
    *checks.LIFECYCLE,
    checks.ENCRYPTION,
)
"""The checks of a repository."""
_EXPIRING: Final = frozenset(
    {
        checks.LIFECYCLE_MISSING,
        checks.LIFECYCLE_UNTAGGED,
        checks.LIFECYCLE_OLD,
        checks.LIFECYCLE_IDLE,
        checks.LIFECYCLE_RUNNING,
    }
)
"""Checks whose remedies delete images: which ones are stored, and which ones run, decides."""


@dataclass(frozen=True, slots=True)
class UnknownCheck:
    """A check without a result, and the refused calls that it needs."""

    id: str
    refusals: tuple[Refusal, ...]

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions to grant."""
        return tuple(refusal.action for refusal in self.refusals)

    @property
    def reason(self) -> str:
        """The reason, with what to grant."""
        return reason(self.refusals)


@dataclass(frozen=True, slots=True)
class CheckResults:
    """The result of all checks of a repository, or of a template."""

    findings: tuple[Finding, ...]
    unknown: tuple[UnknownCheck, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no check has a result."""
        return {check.id for check in self.unknown} >= set(ALL) - {checks.ENCRYPTION}


def checked(settings: RepositorySettings, expected: Expectations, *, now: datetime) -> CheckResults:
    """Return a finding for each setting that deviates, worst first, and what is not known."""
    findings = check(settings, expected, now=now)
    unknown = unknown_checks(settings, expected, now)
    return CheckResults(tuple(_findings(settings, findings, unknown)), unknown)


def reason(refusals: Sequence[Refusal]) -> str:
    """Return why something is not known, and what to grant."""
    denied = " and ".join(refusal.action for refusal in refusals if refusal.denied)
    others = [refusal.reason for refusal in refusals if not refusal.denied]
    number = len(refusals) - len(others)
    was = f"{denied} {'was' if number == 1 else 'were'} denied: allow {denied}"
    return f"not known: {'; '.join([*([was] if number else []), *others])}"


def unknown_checks(
    settings: RepositorySettings, expected: Expectations, now: datetime
) -> tuple[UnknownCheck, ...]:
    """Return the checks of a repository, or of a template, that have no result."""
    if not settings.refusals:
        return ()
    return tuple(
        UnknownCheck(id_, missing)
        for id_ in ALL
        if (missing := _refusals(settings, _needed(id_, settings, expected, now)))
    )


def _needed(
    id_: str, settings: RepositorySettings, expected: Expectations, now: datetime
) -> Iterator[str]:
    """Yield the calls whose answers can change the result of a check, and that were refused."""
    match id_:
        case checks.TAG_MUTABILITY:
            yield from _for_tags(settings, expected)
        case checks.CACHE_IMMUTABLE:
            yield from _for_caches(settings)
        case checks.SCAN_ON_PUSH:
            yield calls.SCANNING
            if is_unruled(settings) and settings.template is None:
                yield calls.DESCRIBE_REPOSITORIES
        case checks.NOT_SCANNED:
            yield calls.IMAGES
            if is_due(settings, now) and settings.last_scan is None:
                yield from (calls.MANIFESTS, calls.SCANS)
        case checks.ENCRYPTION:
            if expected.encryption == "KMS":
                yield calls.DESCRIBE_REPOSITORIES
        case _:
            yield calls.LIFECYCLE_POLICY
            yield from _for_lifecycle(id_, settings)


def _for_tags(settings: RepositorySettings, expected: Expectations) -> Iterator[str]:
    if settings.cache is not None:
        return
    yield calls.DESCRIBE_REPOSITORIES
    if movable_tags(settings, expected):
        yield from (calls.CACHE_RULES, calls.IMAGES)


def _for_caches(settings: RepositorySettings) -> Iterator[str]:
    if settings.cache is not None or settings.lacks(calls.CACHE_RULES):
        yield calls.DESCRIBE_REPOSITORIES
    if settings.tag_mutability == "IMMUTABLE":
        yield calls.CACHE_RULES


def _for_lifecycle(id_: str, settings: RepositorySettings) -> Iterator[str]:
    """Yield what the checks of a policy need beside it; one that is missing or broken is so."""
    if id_ in (checks.LIFECYCLE_MISSING, checks.LIFECYCLE_INVALID) or not _is_valid(settings):
        return
    yield calls.IMAGES
    if id_ == checks.LIFECYCLE_RUNNING:
        yield from _about_running(settings)


def _is_valid(settings: RepositorySettings) -> bool:
    if settings.lifecycle_policy is None:
        return False
    try:
        parse(settings.lifecycle_policy)
    except DocumentError:
        return False
    return True


def _about_running(settings: RepositorySettings) -> Iterator[str]:
    """Yield the calls about what runs, which matters where images are stored."""
    if not settings.stored:
        return
    if settings.running:
        yield calls.MANIFESTS
    for refusal in settings.refusals:
        if not refusal.action.startswith("ecr:"):
            yield refusal.action


def _refusals(settings: RepositorySettings, actions: Iterable[str]) -> tuple[Refusal, ...]:
    wanted = frozenset(actions)
    return tuple(refusal for refusal in settings.refusals if refusal.action in wanted)


# --- findings that are known --------------------------------------------------------------------


def _findings(
    settings: RepositorySettings, findings: Iterable[Finding], unknown: Sequence[UnknownCheck]
) -> Iterator[Finding]:
    """
    Yield the findings of checks that have a result, without remedies that are a guess.

    An image that is known to run and to expire is a finding although others may run as well.
    """
    ids = {check.id for check in unknown}
    if not settings.lacks(calls.LIFECYCLE_POLICY, calls.IMAGES):
        ids.discard(checks.LIFECYCLE_RUNNING)
    for finding in findings:
        if finding.vulnerability_id not in ids:
            yield _without_guess(settings, finding)


def _without_guess(settings: RepositorySettings, finding: Finding) -> Finding:
    """Return a finding without the remedy that needs a refused answer."""
    needed: list[str] = []
    if finding.vulnerability_id == checks.NOT_SCANNED:
        needed.append(calls.SCANNING)
    if finding.vulnerability_id in _EXPIRING:
        needed += [calls.IMAGES, *_about_running(settings)]
    missing = _refusals(settings, needed)
    if not missing:
        return finding
    remark = f"What fixes it is {reason(missing)}, and check again."
    return replace(
        finding,
        fix_available=None,
        remediation=remark,
        extra=MappingProxyType({checks.REMARK: remark}),
    )


def not_checked(unknown: Sequence[UnknownCheck]) -> Finding:
    """Return what is not known as a finding: the stream of a repository has no other place."""
    refusals = tuple(dict.fromkeys(refusal for check in unknown for refusal in check.refusals))
    return checks.bare_finding(
        checks.NOT_CHECKED,
        Severity.HIGH,
        "checks",
        ", ".join(refusal.action for refusal in refusals),
        title=f"{counted(len(unknown), 'check')} could not be made",
        risk="Whether the repository is as it should be is not known for "
        f"{', '.join(check.id for check in unknown)}.",
        advice=f"{capitalized(reason(refusals))}.",
    )
