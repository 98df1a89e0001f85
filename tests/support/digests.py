"""Digests of every size and kind."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any, Final

from lib.core.schedule import PERIODS, STREAM, Schedule
from lib.models import (
    Age,
    DeliveryId,
    Destination,
    Digest,
    Image,
    Moment,
    OmissionKind,
    OtherFixes,
    PackageDigest,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    UnscannedImage,
)
from tests.support.builders import an_image

MONDAY: Final = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SLACK: Final = Destination("team-slack")
WEEKLY: Final = Schedule((SLACK,), weekday=0, at=time(7, 0))
C, H, M = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM
ACCOUNT: Final = ("000474600478", "eu-central-1")


def an_image_of(repository: str, tag: str, number: int = 1) -> Image:
    """Return an image of a repository."""
    return an_image(number, repository=repository, tags=(tag,))


API: Final = an_image_of("payments/api", "1.4.2")
SHOP: Final = an_image_of("web/storefront", "3.2.1", 2)
TRAINER: Final = an_image_of("ml/trainer", "2.6.0", 3)


def a_digest_of(**fields: Any) -> Digest:
    """Return an ordinary week."""
    numbers = (
        {C: 7, H: 60},
        {C: 6, H: 64},
        {C: 6, H: 52},
        {C: 9, H: 55},
        {C: 4, H: 40},
        {C: 4, H: 44},
        {C: 4, H: 45},
    )
    now = {C: 3, H: 40}
    week = timedelta(days=7)
    trend = (
        Moment(MONDAY - week * (PERIODS - 1 - n), each) for n, each in enumerate((*numbers, now))
    )
    made = Digest(
        delivery_id=DeliveryId("c7676ee147226860290847c33fb45e04"),
        destination=SLACK,
        stream=STREAM,
        since=MONDAY - week,
        until=MONDAY,
        routes=("payments", "everything"),
        images=14,
        clean=5,
        counts=now,
        fixable=31,
        exploitable=2,
        open_before={C: 4, H: 45},
        new={C: 1, H: 6},
        resolved={C: 2, H: 11},
        resolved_vulnerabilities=(
            ResolvedVulnerability("CVE-2026-31431", C, "linux-libc-dev", 2),
            ResolvedVulnerability("CVE-2024-5535", H, "openssl", 4),
            ResolvedVulnerability("CVE-2026-4878", H, "libcap2", 1),
        ),
        ages=(
            Age("up to 7 days", {C: 1, H: 6}),
            Age("8 to 30 days", {C: 2, H: 20}),
            Age("31 to 90 days", {H: 9}, is_old=True),
            Age("over 90 days", {H: 5}, is_old=True),
        ),
        oldest_open_since=MONDAY - timedelta(days=161),
        oldest_here_since=MONDAY - timedelta(days=95),
        oldest="CVE-2026-1001",
        repositories=(
            RepositoryDigest(*ACCOUNT, "payments/api", 2, {C: 2, H: 9}, 3, 1, API),
            RepositoryDigest(*ACCOUNT, "web/storefront", 1, {C: 1, H: 4}, 0, 0, SHOP),
            RepositoryDigest(*ACCOUNT, "ml/trainer", 6, {H: 27}, 4, 12, TRAINER),
        ),
        trend=tuple(trend),
        other_fixes=OtherFixes(),
        unscanned=(
            UnscannedImage(
                an_image(7, repository="legacy/batch", tags=("2.0.0",)), "never scanned"
            ),
            UnscannedImage(
                an_image(8, repository="tools/backup", tags=()), "no result: UNSUPPORTED_IMAGE"
            ),
        ),
        warnings=("1 image has fewer findings listed than counted",),
        packages=(
            PackageDigest(
                "openssl", {C: 2, H: 9}, fixable=True, images=(API, SHOP), worst="CVE-2026-5450",
                installed=("3.0.1", "3.0.2"), fixed="3.0.9", others=1,
            ),
            PackageDigest(
                "tensorflow-gpu", {C: 1, H: 24}, fixable=False, images=(TRAINER,),
                worst="CVE-2022-35939", installed=("2.6.3",),
            ),
        ),
        omitted={
            OmissionKind.BELOW: {M: 112, Severity.UNKNOWN: 3},
            OmissionKind.FILTERED: {H: 4},
            OmissionKind.SUPPRESSED: {M: 1},
        },
    )  # fmt: skip
    return replace(made, **fields)


def clear() -> Digest:
    """Return a week in which nothing is open, and everything is known."""
    return a_digest_of(
        images=14, clean=14, counts={}, fixable=0, exploitable=0, ages=(), repositories=(),
        open_before={}, new={}, resolved={}, resolved_vulnerabilities=(), oldest_open_since=None,
        unscanned=(), warnings=(), packages=(), omitted={},
        trend=tuple(Moment(MONDAY, {}) for _ in range(PERIODS)),
    )  # fmt: skip


@cache
def hostile(text: str, rows: int = 900) -> Digest:
    """Return a digest whose every word is the given one. `rows`: the length of its long lists."""
    return a_digest_of(
        routes=(text,) * 9,
        resolved_vulnerabilities=tuple(
            ResolvedVulnerability(text, H, text, 2) for _ in range(rows // 3)
        ),
        repositories=tuple(
            RepositoryDigest(text, text, text, 2, {H: 1}, 1, 1) for _ in range(rows)
        ),
        unscanned=tuple(
            UnscannedImage(an_image(n, repository=text, tags=(text,)), text) for n in range(rows)
        ),
        warnings=(text,) * 9,
        packages=tuple(
            PackageDigest(
                text,
                {H: 1},
                fixable=fixable,
                images=(an_image_of(text, text),) * 2,
                worst=text,
                installed=(text,) * 5,
                fixed=fixed,
                others=2,
            )
            for fixable, fixed in ((True, text), (True, None), (False, None))
        ),
    )


def digests() -> dict[str, Digest]:
    """Return each kind by name."""
    week = a_digest_of()
    return {
        "week": week,
        "day": replace(week, since=week.until - timedelta(days=1)),
        "clear": clear(),
        "clear-of-what-is-known": replace(clear(), unscanned=week.unscanned),
        "below": replace(
            clear(), omitted={OmissionKind.BELOW: {H: 134}}, routes=("platform",), trend=week.trend
        ),
        "unscanned": replace(clear(), images=0, clean=0, unscanned=week.unscanned),
        "better": replace(
            week,
            counts={H: 45},
            open_before={C: 4, H: 45},
            new={},
            resolved={C: 4},
            omitted={},
            ages=(Age("over 90 days", {H: 45}, is_old=True),),
            trend=(*week.trend[:-1], Moment(MONDAY, {H: 45})),
            repositories=(RepositoryDigest(*ACCOUNT, "ml/trainer", 6, {H: 45}, 0, 4, TRAINER),),
        ),
        "doubtful": replace(clear(), warnings=week.warnings),
        "empty": replace(clear(), images=0, clean=0),
        "unchanged": replace(week, open_before=week.counts, new={}, resolved={}),
        "first": replace(
            week,
            open_before={},
            new=week.counts,
            resolved={},
            resolved_vulnerabilities=(),
            trend=week.trend[-1:],
        ),
        "summary": replace(
            week,
            occasion="alerts.yml changed what is reported here of 12 streams",
            open_before={},
            new=week.counts,
            resolved={},
            resolved_vulnerabilities=(),
            trend=week.trend[-1:],
        ),
        "repeat": replace(week, attempt=2, possible_repeat=True),
        "many": replace(
            week,
            repositories=tuple(
                RepositoryDigest(*ACCOUNT, f"team-{n:03}/service", 1, {H: 1}, 0, 0)
                for n in range(43)
            ),
        ),
    }
