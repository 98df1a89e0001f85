"""Scan reports, with what was there before them: every layout of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from lib.checks.expectations import Expectations, MutableTags
from lib.checks.moved_tags import MOVED, Move, finding_of
from lib.checks.settings import check
from lib.core.merging import merged
from lib.core.provenance import completed, normalize_provenance, not_read
from lib.core.suppressions import Suppression
from lib.errors import SourceError
from lib.models import (
    AnyReport,
    Deployments,
    Filter,
    Finding,
    Image,
    ImageIndex,
    Member,
    Package,
    Page,
    Part,
    Provenance,
    Report,
    RepositorySettings,
    Scan,
    ScanSource,
    Score,
    Severity,
    StreamId,
    UnusableReport,
    Workload,
)
from tests.checks.test_check import a_repository
from tests.support.builders import (
    NOW,
    a_digest,
    a_filter,
    a_finding,
    a_report,
    a_scan,
    an_image,
    an_unusable_report,
)

STREAM: Final = StreamId("000474600478/eu-central-1/payments/api")
ENHANCED: Final = MappingProxyType({"source": ScanSource.ECR_ENHANCED, "status": "ACTIVE"})

PAGE: Final = Page(
    "pages/000474600478/eu-central-1/payments/api/sha256-1/000001-a.html",
    "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws/pages/000474600478/"
    "eu-central-1/payments/api/sha256-1/000001-a.html?ends=1798275600&proof=not-a-real-one",
)

INJECTIONS: Final = (
    "<!channel>",
    "<!here|now>",
    "<@U1>",
    "<#C1>",
    "<!subteam^S1>",
    "@here",
    "<https://evil.example|Sign in>",
    "<https://evil.example>",
    "https://evil.example/a|b>c",
    "`rm -rf`",
    "*bold* _it_ ~gone~",
    "a|b|c",
    "&lt;!channel&gt;",
    '"; project = SEC OR summary ~ "x',
    "{html}<script>alert(1)</script>{html} [x|javascript:alert(1)] !img.png!",
    "h1. title\r\n\r\n* one\x00\x1b[31m\x07",
    "\u202egnp.exe \u200b\u2066hidden\u2069 \U000e0041",
    "\ud800 lone",
    "Zalgo" + "\u0301" * 300,
    "\N{PILE OF POO}" * 400,
    "<" * 10_000,
    "long " * 2_000,
    "",
)


@dataclass(frozen=True)
class Scene:
    """A scan report, what was there before, and who asks for it."""

    report: AnyReport
    before: AnyReport | None = None
    filters: tuple[Filter, ...] = (a_filter(),)
    suppressions: tuple[Suppression, ...] = ()
    attempts: int = 1
    stream: StreamId = STREAM


def many(
    number: int, severity: str, *, start: int = 1000, package: str = "libfoo", **fields: Any
) -> list[Finding]:
    """Return findings that differ in their number, five to a package."""
    return [
        a_finding(
            f"CVE-2025-{start + n}",
            severity=severity,
            package=f"{package}{n // 5}" if n >= 5 else package,
            version=f"1.{n % 5}.0",
            **fields,
        )
        for n in range(number)
    ]


def openssl(number: int, severity: str = "CRITICAL", fixed: str = "3.0.14-1~deb12u2") -> Finding:
    """Return a well-described finding of Inspector."""
    return a_finding(
        f"CVE-2026-{number}",
        severity=severity,
        version="3.0.11-1~deb12u1",
        title=f"CVE-2026-{number} - openssl",
        description="A carefully crafted certificate may overflow a buffer during verification.",
        score=Score(9.8, "3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "NVD"),
        fixed_version=fixed,
        fix_available="YES",
        exploit_available="NO",
        epss=0.12,
        links=(f"https://security-tracker.debian.org/tracker/CVE-2026-{number}",),
        first_observed_at=NOW - timedelta(days=2),
        last_observed_at=NOW,
        source_status="ACTIVE",
    )


COMMIT: Final = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
OLD_COMMIT: Final = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c"
BUILD: Final = "https://ci.example/payments/builds/814?tab=log&step=2"


def a_provenance(commit: str, **fields: Any) -> Provenance:
    """Return what labels say."""
    return Provenance(
        commit=commit,
        repository="https://github.com/example/payments",
        created_at=NOW - timedelta(minutes=10),
        **fields,
    )


def _image(number: int, **fields: Any) -> Image:
    return an_image(
        number,
        **{
            "platform": "linux/amd64",
            "os": "DEBIAN_12",
            "pushed_at": NOW - timedelta(minutes=3),
            "in_use_count": 3,
            **fields,
        },
    )


def _log4j() -> Finding:
    return replace(
        a_finding("CVE-2021-44228", severity="CRITICAL", fix_available="YES"),
        package=Package(
            "org.apache.logging.log4j:log4j-core",
            "2.14.0",
            "JAR",
            "opt/app/lib/vendor/billing-service-1.0.jar/BOOT-INF/lib/log4j-core-2.14.0.jar",
        ),
        fixed_version="2.15.0",
        exploit_available="YES",
        epss=0.97,
    )


def _big() -> Report:
    findings = (
        _log4j(),
        *(openssl(2000 + n) for n in range(3)),
        *many(9, "HIGH", package="libxml2-", fixed_version="2.9.14+dfsg-1.3", fix_available="YES"),
        *many(7, "HIGH", start=3000, package="glibc", fix_available="NO"),
        *many(60, "MEDIUM", start=4000, package="perl"),
        *many(80, "LOW", start=5000, package="systemd"),
        *many(5, "UNKNOWN", start=6000, package="curl", source_severity="UNTRIAGED"),
    )
    return a_report(*findings, image=_image(2, tags=("1.4.2", "latest")), **ENHANCED)


def _baseline() -> Scene:
    return Scene(_big(), filters=(a_filter(route="payments"),))


def _new_and_resolved() -> Scene:
    kept = many(40, "HIGH", start=7000, package="linux-libc-", fix_available="NO")
    low = many(12, "MEDIUM", start=4000, package="perl")
    accepted = a_finding("CVE-2023-4911", severity="CRITICAL", package="glibc")
    gone = many(3, "HIGH", start=8000, package="zlib1g", fixed_version="1:1.3.dfsg-3")
    before = a_report(*kept, *low, *gone, image=_image(1), **ENHANCED)
    before = replace(before, provenance=a_provenance(OLD_COMMIT))
    new = (openssl(2001), openssl(2002, fixed="3.0.13-1~deb12u1"))
    after = a_report(*new, accepted, *kept, *low, image=_image(2), **ENHANCED)
    after = replace(after, provenance=a_provenance(COMMIT, build_url=BUILD))
    entry = Suppression(
        "CVE-2023-4911", date(2027, 1, 31), "no setuid binaries in the image", package="glibc"
    )
    filters = (a_filter(route="payments"), a_filter(route="security"))
    return Scene(after, before, filters=filters, suppressions=(entry,))


def _rescan() -> Scene:
    log4j, high = _log4j(), openssl(2001, "HIGH")
    waiting = a_finding("GHSA-jfh8-c2jp-5v3q", package="left-pad", fix_available="NO")
    quiet = replace(log4j, exploit_available="NO")
    before = a_report(quiet, high, waiting, image=_image(2), **ENHANCED)
    after = a_report(
        log4j,
        replace(high, severity=Severity.CRITICAL),
        replace(waiting, fix_available="YES", fixed_version="1.3.1"),
        image=_image(2),
        **ENHANCED,
    )
    return Scene(after, before, attempts=3)


def _only_resolved() -> Scene:
    by_tag = completed(Provenance(), an_image(tags=("main-1a2b3c4",)))
    gone = [openssl(2001), *many(3, "HIGH", start=8000, package="zlib1g")]
    left = many(2, "MEDIUM", start=4000, package="perl")
    before = a_report(*gone, *left, image=_image(1, tags=("latest",)), **ENHANCED)
    after = a_report(*left, image=_image(2, tags=("latest", "main-1a2b3c4")), **ENHANCED)
    return Scene(replace(after, provenance=by_tag), before)


def _untagged() -> Scene:
    findings = (
        *many(2, "CRITICAL", start=1, package="bash", links=("https://cve.example/CVE",)),
        *many(4, "HIGH", start=9000, package="tar"),
    )
    image = an_image(3, tags=(), partition="aws-cn", region="cn-north-1", account="000000000012")
    return Scene(replace(a_report(*findings, image=image), provenance=Provenance()))


def _clean() -> Scene:
    return Scene(a_report(image=_image(1), **ENHANCED))


def _failed() -> Scene:
    report = an_unusable_report("FAILED", _image(2))
    return Scene(replace(report, provenance=Provenance(unread_reason="access was denied")))


def _not_scanned() -> Scene:
    return Scene(an_unusable_report("UNSUPPORTED_IMAGE", _image(2)))


def of_findings(count: int) -> Scene:
    """Return a first scan with so many findings, half of which are asked for."""
    findings = [
        a_finding(
            f"CVE-{2000 + n % 25}-{10_000 + n}",
            severity=Severity(5 - n % 6).name,
            package=f"package-{n % 700}",
            version=f"1.{n % 7}.0",
            description="A description of the usual length, repeated. " * 6,
            fixed_version=f"2.{n % 9}.0" if n % 3 else None,
            fix_available="YES" if n % 3 else "NO",
        )
        for n in range(count)
    ]
    report = Report(_image(2), a_scan(**ENHANCED), tuple(findings))
    return Scene(report, filters=(a_filter(severity=Severity.MEDIUM),))


def an_index_of(*members: Member) -> ImageIndex:
    """Return an index of the stories' repository."""
    return ImageIndex(an_image(2, pushed_at=NOW - timedelta(minutes=3)), members)


def _platforms() -> Scene:
    """One finding on both scanned platforms, one on one of them, and one platform without any."""
    members = (
        Member("sha256:a", "linux/amd64"),
        Member("sha256:b", "linux/arm64/v8"),
        Member("sha256:c", "linux/s390x"),
    )
    both, arm = openssl(2001), openssl(2002, "HIGH")
    result = merged(
        an_index_of(*members),
        [
            a_report(both, **ENHANCED),
            a_report(both, arm, *many(3, "MEDIUM", package="perl"), **ENHANCED),
            an_unusable_report("UNSUPPORTED_IMAGE"),
        ],
    )
    return Scene(result)


def _platforms_failed() -> Scene:
    members = (Member("sha256:a", "linux/amd64"), Member("sha256:b", "linux/arm64/v8"))
    failed = [an_unusable_report("UNSUPPORTED_IMAGE"), an_unusable_report("FAILED")]
    return Scene(merged(an_index_of(*members), failed))


def _thirty_platforms() -> Scene:
    """Every list is as long as it gets."""
    members = [Member(f"sha256:{n}", f"linux/a-long-name-of-a-processor-{n}") for n in range(30)]
    first = [
        replace(each, package=replace(each.package, path=f"usr/lib/a/long/path/of/{n}/metadata"))
        for n, each in enumerate(many(60, "HIGH", package="a-package-with-a-long-name-"))
    ]
    fixed = many(60, "CRITICAL", start=3000, package="libxml2-", fixed_version="2.9.14+dfsg-1.3")
    old = [each for number in range(30) for each in many(2, "LOW", start=number * 10)]
    before = a_report(*old, *many(30, "HIGH", start=8000, package="zlib"), image=_image(1))
    everything = (*first, *fixed, *many(90, "UNKNOWN", start=6000, source_severity="UNTRIAGED"))
    reports: list[AnyReport] = [a_report(*everything[n::2]) for n in range(24)]
    reports += [an_unusable_report("UNSUPPORTED_IMAGE") for _ in range(6)]
    return Scene(merged(an_index_of(*members), reports), before)


def hostile_provenance(text: str) -> Provenance:
    """Return what is left of labels that say this, and a little of what labels should say."""
    labels = {key: f"{start}{text}" for key, start in HOSTILE.items()}
    return normalize_provenance([("label", labels)])


HOSTILE: Final = MappingProxyType(
    {
        "org.opencontainers.image.revision": "",
        "org.label-schema.vcs-ref": "1a2b3c4",
        "org.opencontainers.image.source": "",
        "org.label-schema.vcs-url": "https://github.com/example/",
        "org.opencontainers.image.url": "https://ci.example/",
        "org.opencontainers.image.created": "",
    }
)


_EVERYTHING: Final = a_filter(severity=Severity.LOW)
_HALF: Final = a_repository(scan_on_push=False, images=42, stored_bytes=61 * 1024**3)
_WRONG: Final = replace(_HALF, tag_mutability="MUTABLE", lifecycle_policy=None)


def a_check(settings: RepositorySettings) -> Report:
    """Return what a check of a repository finds."""
    scan = a_scan(source=ScanSource.REPOSITORY, status="CHECKED")
    expected = Expectations(allow_mutable=(MutableTags(("latest",)),))
    return Report(settings.image, scan, check(settings, expected, now=NOW))


def _checked(settings: RepositorySettings, before: RepositorySettings | None = None) -> Scene:
    earlier = None if before is None else a_check(before)
    return Scene(a_check(settings), earlier, filters=(_EVERYTHING,))


def _settings() -> Scene:
    return _checked(_WRONG)


def _fixed() -> Scene:
    return _checked(_HALF, _WRONG)


def _sound() -> Scene:
    return _checked(a_repository(), _HALF)


def _denied() -> Scene:
    said = "AWS denies ecr:GetLifecyclePolicy for payments/api"
    scan = a_scan(source=ScanSource.REPOSITORY, status="ACCESS_DENIED", reason=said)
    return Scene(UnusableReport(_HALF.image, scan), filters=(_EVERYTHING,))


def _moved() -> Scene:
    move = Move(an_image(digest="", tags=("1.4.2",)), f"sha256:{'a' * 64}", a_digest(2), NOW)
    scan = Scan(ScanSource.REPOSITORY, MOVED, completed_at=move.at, complete=False)
    report = Report(move.tag, scan, (finding_of(move),))
    return Scene(report, replace(report, findings=()), filters=(_EVERYTHING,))


def injected_scene(text: str) -> Scene:
    """Return a scene in which every field that comes from outside is this text."""
    package = Package(text, text, text, text, text, text)
    finding = Finding(
        vulnerability_id=text,
        package=package,
        severity=Severity.CRITICAL,
        source_severity=text,
        title=text,
        description=text,
        fixed_version=text,
        fix_available=text,
        exploit_available="YES",
        remediation=text,
        links=(text, f"https://evil.example/{text}"),
        source_status=text,
        platforms=(text,),
    )
    unknown = replace(finding, severity=Severity.UNKNOWN, vulnerability_id=f"{text}2")
    part = Part(text, text, text, reason=text)
    image = an_image(
        partition=text,
        account=text,
        region=text,
        repository=text,
        digest=f"sha256:{text}",
        tags=(text,),
        platform=text,
        os=text,
    )
    scan = a_scan(status=text, warnings=(text,), complete=False)
    gone = a_finding(f"{text}3", package=text, version=text)
    before = Report(replace(image, digest="sha256:1"), a_scan(), (gone,))
    after = Report(image, scan, (finding, unknown), (part, part), hostile_provenance(text))
    routes = a_filter(route=text, unknown_severity=True)
    return Scene(after, before, filters=(routes,), stream=StreamId(text))


def injected_problem_scene(text: str) -> Scene:
    """Return a failed scan in which every field from outside is this text."""
    report = an_unusable_report("FAILED", an_image(repository=text, tags=(text,)))
    scan = replace(report.scan, reason=text)
    return Scene(replace(report, scan=scan, provenance=not_read(SourceError(text))))


@cache
def scenes() -> Mapping[str, Scene]:
    """Return a scene for every layout."""
    return MappingProxyType(
        {
            "baseline": Scene(_big(), filters=(a_filter(route="payments"),)),
            "new-and-resolved": _new_and_resolved(),
            "rescan": _rescan(),
            "only-resolved": _only_resolved(),
            "untagged": _untagged(),
            "no-findings": _clean(),
            "scan-failed": _failed(),
            "not-scanned": _not_scanned(),
            "ten-thousand": of_findings(10_000),
            "multi-platform": _platforms(),
            "multi-platform-failed": _platforms_failed(),
            "thirty-platforms": _thirty_platforms(),
            "repository-settings": _settings(),
            "repository-fixed": _fixed(),
            "repository-sound": _sound(),
            "repository-denied": _denied(),
            "tag-moved": _moved(),
            "injection": injected_scene("<!channel> `*|@here"),
        }
    )


RUNNING: Final = Deployments(
    image=(Workload("staging", "api", service=True, tasks=1),),
    before=(
        Workload("prod", "api", service=True, tasks=3),
        Workload("batch", "etl", service=False, tasks=1),
    ),
)
