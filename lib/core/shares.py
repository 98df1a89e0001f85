"""
The share of one stream in the digest of one destination: what its routes ask for, and the rest.

Pure. A vulnerability counts once in a stream, at the first image that has it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from sys import intern

from lib.core.desired import desired
from lib.core.disputes import dispute_of
from lib.core.named_versions import described_version
from lib.core.problems import in_short, problem_of
from lib.core.routing import BELOW, UNRATED
from lib.core.streams import is_settings
from lib.core.upgrades import highest_score, of_distribution, version_key
from lib.core.verdicts import Judge, RuleSet
from lib.core.vulnerabilities import find, vulnerabilities_of
from lib.models import (
    Counts,
    Destination,
    Finding,
    OmissionKind,
    Omitted,
    Package,
    Scan,
    ScanSource,
    Severity,
    UnlistedVulnerability,
    UnscannedImage,
    UnusableReport,
)
from lib.models.current import CountedImage, CurrentCopy, OpenItem, StreamShare
from lib.models.streams import Lifecycle, PartState, StreamState, WatchedImage
from lib.models.views import Desired, DesiredItem


def stream_share(
    copy: CurrentCopy,
    destination: Destination,
    rules: RuleSet,
    *,
    today: date,
) -> StreamShare | None:
    """
    Return the share of a stream; None: no route leads from its images to the destination.

    The settings of a repository are no image, and have no share.

    """
    state = copy.state
    if is_settings(state.stream):
        return None
    wanted = desired(state, destination, rules, today=today)
    if not wanted.applies:
        return None
    judges = [Judge(watched, destination, rules, today, {}) for watched in state.images]
    routed = [judge.watched for judge in judges if judge.applies]
    items = [item for item in wanted.items.values() if item.reported.condition is None]
    lifecycles = [_lifecycle(item, state) for item in items]
    affected = {image.key for item in items for image in item.images}
    omitted = _omitted(wanted, state)
    return StreamShare(
        state.stream,
        routes=tuple(sorted({route for judge in judges for route in judge.routes})),
        images=tuple(
            [
                _counted(watched, affected, omitted.get(watched.image.key, {}))
                for watched in routed
                if _has_result(watched)
            ]
        ),
        items=tuple(
            [
                _open_item(item, lifecycle, state.at)
                for item, lifecycle in zip(items, lifecycles, strict=True)
            ]
        ),
        oldest_here_since=_oldest_here_since(filter(None, lifecycles)),
        troubles=tuple(_troubles(wanted, state)),
        alternating=copy.alternating,
        unlisted=tuple([gone for gone in copy.unlisted if _is_asked_for(gone, judges)]),
    )


def _is_asked_for(gone: UnlistedVulnerability, judges: Iterable[Judge]) -> bool:
    """Return whether routes would ask for a vulnerability that is not listed any more."""
    finding = Finding(
        gone.id,
        Package(gone.package),
        gone.severity,
        fix_available="YES" if gone.fixable else None,
        exploit_available="YES" if gone.exploitable else None,
    )
    return any(judge.asks_for(finding) for judge in judges)


def _has_result(watched: WatchedImage) -> bool:
    return any(part.evidence for part in watched.parts)


def _omitted(wanted: Desired, state: StreamState) -> Mapping[str, Omitted]:
    """Count by the keys of images what is open and not asked for, at the first that has it."""
    numbers: dict[str, dict[OmissionKind, Counter[Severity]]] = {}
    groups = {group.id: group for group in vulnerabilities_of(state.images)}
    places = _first_places(state)
    for id_ in (*wanted.suppressed, *wanted.refused):
        group = groups.get(id_)  # a condition is none
        if group is not None:
            rows = [row for row in group.findings if row.open]
            key = min([places[row.vulnerability_id] for row in rows])[1]
            kinds = numbers.setdefault(key, defaultdict(Counter))
            kinds[_omission_kind(wanted, id_)][max(row.severity for row in rows)] += 1
    return {
        key: {kind: worst_first(counts) for kind, counts in kinds.items()}
        for key, kinds in numbers.items()
    }


def _first_places(state: StreamState) -> Mapping[str, tuple[int, str]]:
    """Return by the ids of open rows the place and the key of the first image that lists them."""
    places: dict[str, tuple[int, str]] = {}
    for place, watched in enumerate(state.images):
        for part in watched.parts:
            for evidence in part.evidence:
                for row in evidence.findings:
                    if row.open:
                        places.setdefault(row.vulnerability_id, (place, watched.image.key))
    return places


def _omission_kind(wanted: Desired, id_: str) -> OmissionKind:
    if id_ in wanted.suppressed:
        return OmissionKind.SUPPRESSED
    is_below = wanted.refused[id_].startswith((BELOW, UNRATED))
    return OmissionKind.BELOW if is_below else OmissionKind.FILTERED


def _counted(watched: WatchedImage, affected: Iterable[str], omitted: Omitted) -> CountedImage:
    current = all(part.reason is None and part.monitored for part in watched.parts)
    complete = all(entry.complete for part in watched.parts for entry in part.evidence[:1])
    clean = current and complete and watched.image.key not in affected
    return CountedImage(watched.image, clean, complete, omitted)


def _lifecycle(item: DesiredItem, state: StreamState) -> Lifecycle | None:
    return find(state.lifecycles, (item.reported.id, *item.reported.names))


def _oldest_here_since(lifecycles: Iterable[Lifecycle]) -> datetime | None:
    """Return when the vulnerability came here that the scanner has known longest."""
    times = [(lifecycle.first_observed_at, lifecycle.opened.at) for lifecycle in lifecycles]
    return min(times)[1] if times else None


def _open_item(item: DesiredItem, lifecycle: Lifecycle | None, at: datetime) -> OpenItem:
    reported = item.reported
    opened, observed = at, at
    if lifecycle is not None:
        opened, observed = lifecycle.opened.at, lifecycle.first_observed_at
    is_dated = any(finding.first_observed_at is not None for finding in item.findings)
    score = highest_score(item.findings)
    # Of 5,000 streams: the same names come again and again, and are kept once.
    return OpenItem(
        intern(reported.id),
        tuple([intern(name) for name in reported.names if name != reported.id]),
        reported.severity,
        reported.fixable,
        reported.exploitable,
        intern(item.findings[0].package.name),
        observed,
        intern(item.images[0].key),
        *_package(item.findings),
        fix_unknown=not reported.fixable and not _is_without_fix(item.findings),
        exploit_unknown=not reported.exploitable and not _says_exploit(item.findings),
        of_distribution=of_distribution(item.findings[0]),
        described=_described(item.findings),
        disputed=intern(str(dispute_of(item.findings) or "")),
        undated=not is_dated and observed >= opened,
        other=intern(_other_package(item.findings)),
        epss=max(finding.epss or 0.0 for finding in item.findings),
        score=score.value if score is not None else 0.0,
    )


def _described(findings: Sequence[Finding]) -> str:
    """Return the version that descriptions name; empty for several packages, which differ."""
    if len({finding.package.name for finding in findings}) > 1:
        return ""
    return intern(described_version(findings) or "")


def _is_without_fix(findings: Iterable[Finding]) -> bool:
    return all(finding.fix_available == "NO" for finding in findings)


def _says_exploit(findings: Iterable[Finding]) -> bool:
    return any(finding.exploit_available is not None for finding in findings)


def _package(findings: Sequence[Finding]) -> tuple[int, str, str]:
    """Return how many packages follow the worst one, and its versions: installed and fixed."""
    package = findings[0].package
    others = len({finding.package.name for finding in findings}) - 1
    rows = [finding for finding in findings if finding.package.name == package.name]
    fixed = [row.fixed_version for row in rows if row.fixed_version is not None]
    return others, intern(package.version or ""), intern(max(fixed, key=version_key, default=""))


def _other_package(findings: Sequence[Finding]) -> str:
    """Return the only further package, where it goes from the same version to the same one."""
    first, *_ = findings
    names = {finding.package.name for finding in findings} - {first.package.name}
    versions = {(finding.package.version, finding.fixed_version) for finding in findings}
    return names.pop() if len(names) == len(versions) == 1 else ""


def _troubles(wanted: Desired, state: StreamState) -> Iterator[UnscannedImage]:
    """Yield each image with a condition that is not suppressed, and all its conditions."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for item in wanted.items.values():
        if item.reported.condition is not None:
            for image in item.images:
                reasons[image.key].append(in_short(item.reported.id, item.reason))
    for watched in state.images:
        words = reasons.get(watched.image.key)
        if words:
            since = _counted_since(watched)
            reason, remedy = "; ".join([*words, *since]), _remedy(watched)
            yield UnscannedImage(watched.image, reason, _has_result(watched), remedy)


def _remedy(watched: WatchedImage) -> str:
    """Return the steps that help the first part without a result; alerts have those of commands."""
    part = next((part for part in watched.parts if part.reason is not None), None)
    if part is None:
        return ""
    scan = Scan(part.source or ScanSource.ECR_ENHANCED, part.status, reason=part.reason)
    remedy = problem_of(UnusableReport(watched.image, scan)).remedy
    return "\n".join(step for step in remedy.splitlines() if "`" not in step)


def _counted_since(watched: WatchedImage) -> Iterator[str]:
    """Yield of which day the results are that still count; nothing where there is none."""
    parts = [part for part in watched.parts if part.evidence and _is_behind(part)]
    if parts:
        at = min(part.evidence[0].at for part in parts)
        yield f"the scan of {at:%Y-%m-%d} is counted"


def _is_behind(part: PartState) -> bool:
    return part.reason is not None or not part.monitored


def worst_first(counts: Mapping[Severity, int]) -> Counts:
    """Return the numbers that are not zero."""
    return {
        severity: counts[severity] for severity in sorted(counts, reverse=True) if counts[severity]
    }
