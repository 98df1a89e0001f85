"""The digest by the states of streams: what counts, once each, and what it is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.current import current_copy
from lib.core.digest import RULES_CHANGED, UNDATED, digest_of
from lib.core.routing import Match
from lib.core.schedule import PERIODS
from lib.core.shares import stream_share
from lib.models import (
    Destination,
    Digest,
    Finding,
    Moment,
    OmissionKind,
    OtherFixes,
    Package,
    ScanSource,
    Score,
    Severity,
    StreamId,
    Unknown,
)
from lib.models.current import CountedImage, CurrentCopy, DigestBasis, OpenItem, StreamShare
from lib.models.streams import Role, WatchedImage
from tests.support.builders import NOW, a_finding, an_image
from tests.support.digests import WEEKLY
from tests.support.streams import (
    STREAM,
    TEAM,
    TODAY,
    a_departure,
    a_lifecycle,
    a_part,
    a_route,
    a_state,
    a_watched,
    an_entry,
    an_unscanned_part,
    some_rules,
)

C, H = Severity.CRITICAL, Severity.HIGH
PROD = StreamId(f"{STREAM}|prod-*")
UNTIL = NOW + timedelta(days=1)


def a_copy(*images: WatchedImage, stream: StreamId = STREAM, **fields: Any) -> CurrentCopy:
    """Return the copy of a stream with these watched images."""
    return current_copy(replace(a_state(*images, **fields), stream=stream), ())


def a_share(copy: CurrentCopy, *routes: Any, **rules: Any) -> StreamShare:
    """Return the team's share of a stream."""
    share = stream_share(copy, TEAM, some_rules(*routes, **rules), today=TODAY)
    assert share is not None
    return share


def a_basis(
    *shares: StreamShare,
    rules: str = "rules",
    until: datetime = UNTIL - timedelta(days=7),
    trend: Sequence[Moment] = (),
) -> DigestBasis:
    """Return the complete basis of a week ago."""
    trends: Mapping[Destination, tuple[Moment, ...]] = {TEAM: tuple(trend)}
    return DigestBasis(until, rules, {TEAM: shares}, trends, complete=True)


def a_digest(*shares: StreamShare, before: DigestBasis | None = None) -> Digest:
    """Return the team's digest of these shares."""
    return digest_of(
        shares,
        before=before,
        rules="rules",
        stage="test",
        destination=TEAM,
        schedule=WEEKLY,
        until=UNTIL,
    )


def of_images(*images: WatchedImage, **fields: Any) -> StreamShare:
    """Return the team's share of a stream with these images."""
    return a_share(a_copy(*images, **fields))


CLEAN = of_images(a_watched())


# --- what is not known ---------------------------------------------------------------------------


def test_the_silence_of_a_scanner_is_counted_apart() -> None:
    """A source that names no fixes and no exploits does not say that there is none."""
    silent = a_finding("CVE-1", severity="HIGH")
    denied = a_finding("CVE-2", severity="HIGH", fix_available="NO", exploit_available="NO")
    ready = a_finding("CVE-3", severity="HIGH", fixed_version="2", exploit_available="YES")
    share = of_images(a_watched(silent, denied, ready))

    digest = a_digest(share)

    assert digest.unknown_fixes == digest.unknown_exploits == Unknown(1, (an_image(),))
    assert (digest.fixable, digest.exploitable) == (1, 1)
    assert digest.other_fixes == OtherFixes()


def test_the_fix_of_a_kernel_is_not_one_of_an_image() -> None:
    """Pages count it as one to check on the hosts; beside another package it is one, too."""
    kernel = a_finding("CVE-1", severity="HIGH", package="linux", fixed_version="2")
    shared = [a_finding("CVE-2", severity="HIGH", package=p, fixed_version="2") for p in "ab"]
    both = replace(shared[0], package=kernel.package)

    digest = a_digest(of_images(a_watched(kernel, both, *shared)))

    assert (digest.total, digest.fixable, digest.other_fixes) == (2, 1, OtherFixes(hosts=1))


def test_a_version_that_descriptions_name_reaches_the_digest() -> None:
    """Through the copy, which drops other texts; with how many of them it removes."""

    def of_scipy(id_: str, description: str) -> Finding:
        finding = a_finding(id_, severity="CRITICAL")
        return replace(
            finding, description=description, package=Package("scipy", "1.7.0", "PYTHON", "/app")
        )

    named = of_scipy("CVE-1", "A use of freed memory in SciPy before 1.8.0")
    later = of_scipy("CVE-2", "Another one in scipy prior to 1.10.0")
    silent = of_scipy("CVE-3", "One in scipy")

    (package,) = a_digest(of_images(a_watched(named, later))).packages

    assert package.described == "1.10.0"
    digest = a_digest(of_images(a_watched(named, silent)))
    assert (digest.other_fixes, digest.unknown_fixes.number) == (OtherFixes(described=1), 1)
    (partly,) = digest.packages
    assert (partly.described, partly.described_counts) == ("1.8.0", {C: 1})
    assert a_digest(of_images(a_watched(silent))).packages[0].described is None
    rows = a_copy(a_watched(named, silent)).state.images[0].parts[0].evidence[0].findings
    assert [row.description for row in rows] == [named.description, None]


def test_a_dispute_reaches_the_digest() -> None:
    """Through the copy, which drops other texts."""
    disputed = replace(a_finding("CVE-1"), description="NOTE: this is disputed by the vendor.")

    (package,) = a_digest(of_images(a_watched(disputed, a_finding("CVE-2")))).packages

    assert package.disputed == {"disputed by the vendor": 1}


def test_what_is_disputed_is_the_last_step() -> None:
    """Nobody has to do it, however many there are."""
    disputed = [
        replace(
            a_finding(f"CVE-{n}"),
            package=Package("scipy", "1.7.0", "PYTHON", "/app"),
            description="NOTE: this is disputed by the vendor.",
        )
        for n in range(2)
    ]
    other = replace(a_finding("CVE-9"), package=Package("flask", "2.0", "PYTHON", "/app"))

    packages = a_digest(of_images(a_watched(*disputed, other))).packages

    assert [package.package for package in packages] == ["flask", "scipy"]


@pytest.mark.parametrize(("number", "named", "more"), [(4, 4, 0), (6, 6, 0), (9, 5, 4)])
def test_a_rebuild_counts_all_that_it_brings_up_to_date(number: int, named: int, more: int) -> None:
    """Two packages beyond the first three are named, the others are counted."""
    rows = [a_finding(f"CVE-{n}", severity="HIGH", package=f"lib{n}") for n in range(number)]

    packages = a_digest(of_images(a_watched(*rows))).packages

    assert len(packages) == named
    assert (packages[0].more, sum(packages[0].more_counts.values())) == (more, more)


def test_a_vulnerability_of_two_images_is_one_distinct_one() -> None:
    """Whatever its name; each image has it, so that it counts twice."""
    first = a_watched(a_finding("CVE-1", severity="HIGH"), image=an_image(1))
    second = a_watched(a_finding("GHSA-1", severity="HIGH", aliases=("CVE-1",)), image=an_image(2))

    digest = a_digest(of_images(first), a_share(a_copy(second, stream=PROD)))

    assert (digest.total, digest.distinct, digest.shared) == (2, 1, 1)
    assert digest.packages[0].shares == (1, 1)


def test_a_disputed_vulnerability_of_two_images_is_one() -> None:
    """Only where it is disputed in each of them."""
    plain = a_finding("CVE-1")
    disputed = replace(plain, description="NOTE: this is disputed by the vendor.")

    def counted(second: Finding) -> Mapping[str, int]:
        one = of_images(a_watched(disputed, image=an_image(1)))
        other = a_share(a_copy(a_watched(second, image=an_image(2)), stream=PROD))
        return a_digest(one, other).distinct_disputed

    assert counted(disputed) == {"disputed by the vendor": 1}
    assert counted(plain) == {}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_ids_that_one_image_joins_are_one_distinct_vulnerability(order: tuple[int, ...]) -> None:
    """In whatever order the images come."""
    rows = [
        a_finding("GHSA-1"),
        a_finding("CVE-1"),
        a_finding("CVE-1", aliases=("GHSA-1",)),
    ]
    shares = [
        a_share(a_copy(a_watched(rows[row], image=an_image(row)), stream=StreamId(f"{STREAM}|{n}")))
        for n, row in enumerate(order)
    ]

    digest = a_digest(*shares)

    assert (digest.total, digest.distinct, digest.shared) == (3, 1, 1)


def test_a_package_of_the_distribution_comes_with_the_base_image() -> None:
    """A package of a language does not."""
    rows = (
        a_finding("CVE-1", severity="HIGH", package="curl"),
        replace(
            a_finding("CVE-2", severity="HIGH"), package=Package("flask", "2.0", "PYTHON", "/app")
        ),
    )

    packages = a_digest(of_images(a_watched(*rows))).packages

    assert {entry.package: entry.of_distribution for entry in packages} == {
        "curl": True,
        "flask": False,
    }


def test_the_worst_of_a_package_is_the_first_of_an_alert() -> None:
    """Of the same severity the likelier to be exploited, then the one with the higher score."""
    rows = (
        a_finding("CVE-1", severity="HIGH"),
        a_finding("CVE-2", severity="HIGH", epss=0.4),
    )

    (package,) = a_digest(of_images(a_watched(*rows))).packages

    assert package.worst == "CVE-2"


def test_a_rebuild_names_its_packages_in_the_order_of_packages() -> None:
    """As the list of an alert: a known exploit first, then most of the worst, then the score."""
    many = [
        a_finding(f"CVE-{n}", severity="HIGH", package="curl", score=Score(5.0)) for n in range(3)
    ]
    scored = a_finding("CVE-8", severity="HIGH", package="libarchive", score=Score(6.4))
    silent = a_finding("CVE-9", severity="HIGH", package="gzip")
    known = a_finding("CVE-10", severity="HIGH", package="zlib", exploit_available="YES")

    packages = a_digest(of_images(a_watched(*many, scored, silent, known))).packages

    assert [one.package for one in packages] == ["zlib", "curl", "libarchive", "gzip"]
    assert packages[0].worst == "CVE-10"


def test_the_oldest_is_here_since_its_stream_has_it() -> None:
    """A scanner can know a vulnerability for years that an alert called new last week."""
    lifecycle = a_lifecycle(first_observed_at=NOW - timedelta(days=700))
    share = of_images(a_watched(a_finding()), lifecycles={"CVE-2024-0001": lifecycle})

    digest = a_digest(share)

    assert digest.oldest_open_since == NOW - timedelta(days=700)
    assert digest.oldest_here_since == lifecycle.opened.at
    assert digest.oldest == "CVE-2024-0001"
    assert a_digest(CLEAN).oldest_here_since is None
    assert not a_digest(CLEAN).oldest


# --- what counts ------------------------------------------------------------------------------


def test_a_vulnerability_counts_once_in_a_stream() -> None:
    """Not by its packages, nor by the images that have it; the current image is the one named."""
    rows = (a_finding(severity="HIGH", fixed_version="2"), a_finding(package="zlib"))
    behind = a_watched(*rows, image=an_image(2), role=Role.RUNNING, running=True)

    digest = a_digest(of_images(a_watched(*rows), behind))

    assert digest.total == 1
    assert digest.fixable == 1
    assert (digest.images, digest.clean) == (2, 0)
    (item,) = of_images(a_watched(*rows), behind).items
    assert (item.package, item.others) == ("openssl", 1)
    assert item.image == an_image().key


def test_an_image_of_several_streams_counts_once() -> None:
    """Its vulnerabilities, too; its repository has one image."""
    watched = a_watched(a_finding(severity="CRITICAL"))

    digest = a_digest(of_images(watched), of_images(watched, stream=PROD))

    assert digest.counts == {C: 1}
    assert digest.images == 1
    (repository,) = digest.repositories
    assert (repository.repository, repository.images) == ("payments/api", 1)
    assert repository.counts == {C: 1}


def test_an_image_that_is_clean_in_one_stream_alone_is_not_clean() -> None:
    """Another route sees more."""
    narrow = a_route("prod", match=Match(tag=("prod-*",)), severity=C)
    image = replace(an_image(), tags=("prod-1",))
    high = a_finding(severity="HIGH")
    wide_share = of_images(a_watched(high))
    narrow_share = a_share(a_copy(a_watched(high, image=image), stream=PROD), narrow)

    assert a_digest(narrow_share).clean == 1
    assert a_digest(narrow_share, wide_share).clean == 0


def test_a_stream_without_images_has_no_share() -> None:
    """What was deleted does not count."""
    assert stream_share(a_copy(), TEAM, some_rules(), today=TODAY) is None


def test_settings_of_a_repository_have_no_share() -> None:
    """A digest counts images and their vulnerabilities."""
    image = an_image(digest="", tags=())
    copy = a_copy(a_watched(a_finding(), image=image), stream=StreamId(f"{STREAM}|settings"))

    assert stream_share(copy, TEAM, some_rules(), today=TODAY) is None


def test_a_stream_of_others_has_no_share() -> None:
    """No route leads from there to the destination."""
    rules = some_rules(a_route(to=(Destination("other"),)))

    assert stream_share(a_copy(a_watched(a_finding())), TEAM, rules, today=TODAY) is None


def test_rules_of_today_decide() -> None:
    """An entry that ended excludes nothing, whatever was so at the last scan."""
    copy = a_copy(a_watched(a_finding()))
    ended = an_entry(expires=TODAY - timedelta(days=1))

    assert a_digest(a_share(copy, suppressions=(an_entry(),))).total == 0
    assert a_digest(a_share(copy, suppressions=(ended,))).total == 1


def test_what_a_route_leaves_out_is_counted_by_the_rule() -> None:
    """Below the threshold, by another filter, and suppressed."""
    rows = (
        a_finding("CVE-1", severity="CRITICAL", fixed_version="2"),
        a_finding("CVE-2", severity="CRITICAL"),
        a_finding("CVE-3", severity="MEDIUM", fixed_version="2"),
        a_finding("CVE-4", severity="CRITICAL", fixed_version="2"),
        a_finding("CVE-5", severity="UNKNOWN", fixed_version="2"),
    )
    route = a_route(severity=C, only=frozenset({"fixable"}))

    digest = a_digest(a_share(a_copy(a_watched(*rows)), route, suppressions=(an_entry("CVE-4"),)))

    assert digest.counts == {C: 1}
    assert digest.omitted == {
        OmissionKind.BELOW: {Severity.MEDIUM: 1, Severity.UNKNOWN: 1},
        OmissionKind.FILTERED: {C: 1},
        OmissionKind.SUPPRESSED: {C: 1},
    }


def test_what_one_of_two_streams_asks_for_is_not_left_out() -> None:
    """The other stream of the same image has a higher threshold."""
    watched = a_watched(a_finding("CVE-1", severity="HIGH"), a_finding("CVE-2", severity="LOW"))
    copy = a_copy(watched, stream=PROD)

    digest = a_digest(of_images(watched), a_share(copy, a_route(severity=C)))

    assert (digest.counts, digest.omitted) == ({H: 1}, {OmissionKind.BELOW: {Severity.LOW: 1}})


def test_a_package_has_its_versions() -> None:
    """The lowest installed one first, and the highest fixed one of its rows."""
    rows = (
        a_finding("CVE-1", version="1.10", fixed_version="2.9"),
        a_finding("CVE-2", version="1.9", fixed_version="2.10"),
    )

    (package,) = a_digest(of_images(a_watched(*rows))).packages

    assert (package.installed, package.fixed, package.fixable) == (("1.9", "1.10"), "2.10", True)
    assert (package.worst, package.images) == ("CVE-1", (an_image(),))


@pytest.mark.parametrize(("version", "other"), [("1.1", ""), ("1.0", "libssl3")])
def test_the_second_package_of_a_vulnerability_is_named(version: str, other: str) -> None:
    """Where one upgrade brings both from the same version to the same one."""
    rows = (
        a_finding("CVE-1", version="1.0", fixed_version="2.0"),
        a_finding("CVE-1", package="libssl3", version=version, fixed_version="2.0"),
    )

    (package,) = a_digest(of_images(a_watched(*rows))).packages

    assert (package.others, package.other) == (1, other)


def test_routes_are_named_where_nothing_is_open() -> None:
    """People see what was asked."""
    assert a_digest(CLEAN).routes == ("all",)


# --- how old ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (0, "up to 7 days"),
        (7, "up to 7 days"),
        (8, "8 to 30 days"),
        (31, "31 to 90 days"),
        (91, "over 90 days"),
    ],
)
def test_age_is_that_of_the_first_observation(days: int, age: str) -> None:
    """A release does not make a vulnerability young."""
    since = UNTIL - timedelta(days=days)
    lifecycle = a_lifecycle(first_observed_at=since)

    rows = a_watched(a_finding(first_observed_at=since))

    digest = a_digest(of_images(rows, lifecycles={"CVE-2024-0001": lifecycle}))

    assert {band.words: sum(band.counts.values()) for band in digest.ages if band.counts} == {
        age: 1
    }
    assert digest.oldest_open_since == since


@pytest.mark.parametrize(("days", "words"), [(60, UNDATED), (91, "over 90 days")])
def test_an_age_that_only_the_first_scan_here_says_is_not_known(days: int, words: str) -> None:
    """The scanner may have known it for years; beyond the last limit it is old in any case."""
    since = UNTIL - timedelta(days=days)
    here = a_lifecycle(first_observed_at=since)
    lifecycle = replace(here, opened=here.opened._replace(at=since))

    digest = a_digest(of_images(a_watched(a_finding()), lifecycles={"CVE-2024-0001": lifecycle}))

    assert [band.words for band in digest.ages if band.counts] == [words]
    assert digest.oldest_open_since is None
    assert digest.oldest_here_since == since


def test_a_date_of_the_scanner_counts_on_the_day_of_the_first_scan() -> None:
    """It is the same day by chance."""
    finding = a_finding(first_observed_at=NOW)

    digest = a_digest(of_images(a_watched(finding)))

    assert UNDATED not in [band.words for band in digest.ages if band.counts]


def test_what_has_no_lifecycle_is_as_old_as_the_state() -> None:
    """A copy of another version of the program is read, too."""
    copy = a_copy(a_watched(a_finding()))

    assert a_share(copy).items[0].first_observed_at == copy.state.at


# --- results that are missing or old ----------------------------------------------------------


def test_a_condition_is_named_with_what_is_counted_instead() -> None:
    """What an earlier image had counts on."""
    earlier = a_part(a_finding(), image=an_image(1)).evidence
    watched = a_watched(parts=(an_unscanned_part("FAILED", *earlier),))

    digest = a_digest(of_images(watched))

    (trouble,) = digest.unscanned
    assert trouble.image == an_image()
    assert trouble.reason == (
        f"linux/amd64: its scan failed; the scan of {NOW:%Y-%m-%d} is counted"
    )
    assert digest.total == 1


def test_an_image_that_never_had_a_result_is_not_counted() -> None:
    """No data is never shown as 0."""
    watched = a_watched(
        parts=(an_unscanned_part("PENDING"), an_unscanned_part("FAILED", part="linux/arm64"))
    )

    digest = a_digest(of_images(watched))

    assert (digest.images, digest.clean) == (0, 0)
    (trouble,) = digest.unscanned
    assert trouble.reason == "linux/amd64: no result yet; linux/arm64: its scan failed"


def test_the_end_of_monitoring_is_named() -> None:
    """Its numbers grow old, so it is not clean."""
    digest = a_digest(of_images(a_watched(monitored=False)))

    assert (digest.images, digest.clean) == (1, 0)
    assert digest.unscanned[0].reason.startswith(
        "linux/amd64: not known to be watched by Inspector"
    )


def test_a_suppressed_condition_is_not_named() -> None:
    """People accepted it; the image is not called clean."""
    watched = a_watched(monitored=False)
    entry = an_entry("MONITORING_ENDED")

    digest = a_digest(a_share(a_copy(watched), suppressions=(entry,)))

    assert digest.unscanned == ()
    assert digest.clean == 0


def test_an_image_without_a_result_has_the_steps_that_are_no_commands() -> None:
    """A digest has no room for commands, which alerts have."""
    part = an_unscanned_part(
        "UNSUPPORTED_IMAGE", source=ScanSource.ECR_BASIC, reason="UnsupportedImageError"
    )

    (image,) = a_digest(of_images(a_watched(parts=(part,)))).unscanned

    assert "`" not in image.remedy
    assert "turn on enhanced scanning" in image.remedy
    assert len(image.remedy.splitlines()) > 1


def test_a_trouble_of_an_image_in_two_streams_is_named_once() -> None:
    """As the first stream has it."""
    watched = a_watched(parts=(an_unscanned_part(),))

    (image,) = a_digest(of_images(watched), of_images(watched, stream=PROD)).unscanned
    assert PROD in image.streams
    assert len(image.streams) == 2


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((1,), "1 image has"), ((1, 2), "2 images have")],
)
def test_incomplete_results_are_a_warning(numbers: tuple[int, ...], words: str) -> None:
    """An absence there proves nothing."""
    images = [a_watched(image=an_image(number), complete=False) for number in numbers]

    digest = a_digest(of_images(*images))

    assert digest.warnings == (f"{words} fewer findings listed than counted",)
    assert digest.clean == 0


def alternating(*repositories: str) -> Digest:
    """Return the digest of streams whose tags alternate."""
    copy = replace(a_copy(a_watched()), alternating=("main", "pr"))
    streams = [StreamId(f"1/eu/{repository}|main-*") for repository in repositories]
    states = [replace(copy.state, stream=stream) for stream in streams]
    return a_digest(*[a_share(replace(copy, state=state)) for state in states])


def test_alternating_tags_are_a_warning() -> None:
    """It names the setting that divides them."""
    digest = alternating("team/api")

    assert digest.warnings == (
        "tags of the kinds main and pr alternate in team/api: name them in `streams`",
    )


@pytest.mark.parametrize(("number", "words"), [(4, "1 more stream"), (9, "6 more streams")])
def test_many_streams_with_alternating_tags_are_counted(number: int, words: str) -> None:
    """They leave room for the warnings about numbers."""
    digest = alternating(*[f"api-{index}" for index in range(number)])

    assert len(digest.warnings) == 4
    assert digest.warnings[-1] == f"tags of two kinds alternate in {words}"


# --- since the digest before ------------------------------------------------------------------


def test_the_first_digest_knows_nothing_earlier() -> None:
    """A trend of one moment says so."""
    digest = a_digest(of_images(a_watched(a_finding())))

    assert digest.open_before == {}
    assert digest.since == UNTIL - timedelta(days=7)
    assert digest.trend == (Moment(UNTIL, digest.counts),)


def test_a_release_that_does_not_help_is_neither_new_nor_resolved() -> None:
    """Another image, another version, another path, and the other name: it is still open."""
    before = of_images(a_watched(a_finding("GHSA-1"), image=an_image(1)))
    now = of_images(a_watched(a_finding("CVE-1", aliases=("GHSA-1",), path="b"), image=an_image(2)))

    digest = a_digest(now, before=a_basis(before))

    assert (digest.new, digest.resolved) == ({}, {})
    assert digest.open_before == digest.counts


def test_two_that_were_known_as_one_are_one_more() -> None:
    """An advisory has two vulnerabilities by now: the first is still open, the other is new."""
    before = of_images(a_watched(a_finding("GHSA-1")))
    item = before.items[0]
    both = [item._replace(id=name, names=(name, "GHSA-1")) for name in ("CVE-1", "CVE-2")]

    digest = a_digest(replace(before, items=tuple(both)), before=a_basis(before))

    assert sum(digest.open_before.values()) == 1
    assert sum(digest.new.values()) == 1


def test_streams_that_are_divided_anew_make_nothing_new() -> None:
    """The same image is in another stream."""
    watched = a_watched(a_finding())

    digest = a_digest(of_images(watched, stream=PROD), before=a_basis(of_images(watched)))

    assert (digest.new, digest.resolved) == ({}, {})


def test_new_and_resolved_are_counted_and_named() -> None:
    """The repository counts them, too."""
    before = of_images(a_watched(a_finding("CVE-1"), a_finding("CVE-2", severity="CRITICAL")))
    now = of_images(a_watched(a_finding("CVE-1"), a_finding("CVE-3"), image=an_image(2)))

    digest = a_digest(now, before=a_basis(before))

    assert (sum(digest.new.values()), digest.resolved) == (1, {C: 1})
    (resolved,) = digest.resolved_vulnerabilities
    assert (resolved.vulnerability_id, resolved.severity, resolved.images) == ("CVE-2", C, 1)
    (repository,) = digest.repositories
    assert (repository.new, repository.resolved) == (1, 1)


def test_resolved_ones_are_worst_first() -> None:
    """Then those of most images."""
    rows = (a_finding("CVE-1"), a_finding("CVE-2", severity="CRITICAL"), a_finding("CVE-3"))
    first = of_images(a_watched(*rows))
    other = of_images(a_watched(a_finding("CVE-3"), image=an_image(2)), stream=PROD)

    digest = a_digest(CLEAN, before=a_basis(first, other))

    names = [entry.vulnerability_id for entry in digest.resolved_vulnerabilities]
    assert names == ["CVE-2", "CVE-3", "CVE-1"]


def test_what_was_deleted_is_resolved() -> None:
    """A repository that is not there any more does not count."""
    digest = a_digest(before=a_basis(of_images(a_watched(a_finding()))))

    assert digest.total == 0
    assert sum(digest.resolved.values()) == 1
    assert digest.repositories == ()


def test_other_rules_are_a_warning() -> None:
    """What they ask for is new in numbers only."""
    assert a_digest(CLEAN, before=a_basis(CLEAN, rules="other")).warnings == (RULES_CHANGED,)
    assert a_digest(CLEAN, before=a_basis(CLEAN)).warnings == ()


def test_a_destination_that_the_digest_before_did_not_have_begins() -> None:
    """Its first digest compares with nothing."""
    before = replace(a_basis(), shares={}, trends={})

    digest = a_digest(of_images(a_watched(a_finding())), before=before)

    assert digest.since == UNTIL - timedelta(days=7)
    assert len(digest.trend) == 1


def test_the_trend_goes_on_for_so_many_periods() -> None:
    """The time of the digest before is the beginning, also where one was left out."""
    trend = [Moment(NOW - timedelta(days=7 * n), {H: n}) for n in reversed(range(PERIODS))]
    since = UNTIL - timedelta(days=14)

    digest = a_digest(CLEAN, before=a_basis(CLEAN, until=since, trend=trend))

    assert digest.trend == (*trend[1:], Moment(UNTIL, {}))
    assert digest.since == since


# --- always -----------------------------------------------------------------------------------

IMAGES = tuple(CountedImage(an_image(n), clean=False, complete=True) for n in range(1, 4))
ITEMS = st.builds(
    lambda number, severity, image: OpenItem(
        f"CVE-{number}",
        (f"CVE-{number}", f"GHSA-{number % 3}"),
        severity,
        fixable=True,
        exploitable=False,
        package="openssl",
        first_observed_at=NOW,
        image=an_image(image).key,
    ),
    st.integers(1, 5),
    st.sampled_from(list(Severity)),
    st.integers(1, 3),
)
SHARES = st.lists(
    st.builds(
        lambda stream, items: StreamShare(stream, (), IMAGES, items=tuple(items)),
        st.sampled_from([STREAM, PROD, StreamId("1/eu-west-1/shop")]),
        st.lists(ITEMS, max_size=5, unique_by=lambda item: item.id),
    ),
    max_size=3,
    unique_by=lambda share: share.stream,
)


def of_packages(*packages: tuple[str, Severity, bool]) -> Digest:
    """Return the digest of an image with vulnerabilities in these packages."""
    key = an_image(1).key
    items = tuple(
        OpenItem(f"CVE-{n}", (), severity, fixable, False, name, NOW, key)  # in their order
        for n, (name, severity, fixable) in enumerate(packages)
    )
    return a_digest(StreamShare(STREAM, (), IMAGES, items=items))


def test_the_packages_with_the_worst_come_first() -> None:
    """A few, with the images that have them; what has a fix apart from what has none."""
    digest = of_packages(("zlib", C, False), ("openssl", H, True), ("openssl", H, False))

    assert [(entry.package, entry.counts, entry.fixable) for entry in digest.packages] == [
        ("zlib", {C: 1}, False),
        ("openssl", {H: 1}, True),
        ("openssl", {H: 1}, False),
    ]
    assert digest.packages[0].images == (an_image(1),)


def test_one_of_the_steps_is_an_upgrade_where_there_is_any() -> None:
    """The best one, after the three worst; the others are counted."""
    unfixed = [(name, C, False) for name in ("a", "b", "c")]

    digest = of_packages(*unfixed, ("zlib", H, True), ("curl", Severity.LOW, True))

    assert [entry.package for entry in digest.packages] == ["a", "b", "c", "zlib"]
    assert digest.fixes_left_out == ({Severity.LOW: 1}, (an_image(1),))
    assert [entry.package for entry in of_packages(*unfixed, ("x", H, False)).packages] == [
        *("a", "b", "c")
    ]


def test_each_image_with_a_fix_has_a_step() -> None:
    """The images with the worst come first; beyond five steps a fix is counted."""
    shares = [
        of_images(
            a_watched(
                a_finding("CVE-1", severity=severity, package=f"lib{n}", fixed_version="2"),
                image=an_image(n),
            ),
            stream=StreamId(f"1/eu/shop-{n}"),
        )
        for n, severity in enumerate(("HIGH", "CRITICAL", "HIGH", "HIGH", "HIGH", "HIGH"))
    ]
    rebuilt = [a_finding(f"CVE-{n}", severity="CRITICAL", package=f"rpm{n}") for n in range(2, 8)]

    digest = a_digest(of_images(a_watched(*rebuilt, image=an_image(9))), *shares)

    assert [entry.package for entry in digest.packages if entry.fixable] == [
        *("lib1", "lib0", "lib2", "lib3")
    ]
    assert digest.fixes_left_out == (
        {H: 2},
        (an_image(4), an_image(5)),
    )


def test_a_kernel_is_no_part_of_a_rebuild() -> None:
    """It is that of the hosts, and is never one of many that are not named."""
    rows = [a_finding(f"CVE-{n}", severity="HIGH", package=f"lib{n}") for n in range(9)]
    kernel = a_finding("CVE-9", severity="HIGH", package="linux")

    packages = a_digest(of_images(a_watched(*rows, kernel))).packages

    assert [entry.package for entry in packages][-1] == "linux"
    assert packages[0].more == 4


def test_an_image_of_several_streams_has_the_name_of_each() -> None:
    """The release first, whatever the order; in steps and lists alike."""
    tags = (("production", "prod-1"), ("3.2.1", "3"), ("production",))
    shares = [
        of_images(
            a_watched(a_finding(), image=replace(an_image(), tags=own)),
            stream=StreamId(f"1/eu/shop|{n}"),
        )
        for n, own in enumerate(tags)
    ]

    digest = a_digest(*shares)

    assert digest.packages[0].images[0].tags == ("3.2.1", "production")
    assert digest.repositories[0].image == digest.packages[0].images[0]
    assert digest.repositories[0].streams == tuple(StreamId(f"1/eu/shop|{n}") for n in range(3))
    assert a_digest(shares[0]).packages[0].images[0].tags == ("production",)


@given(
    st.lists(
        st.builds(
            lambda package, number, severity, fixable, image: OpenItem(
                f"CVE-{package}-{number}",
                (),
                severity,
                fixable,
                False,
                f"lib{package}",
                NOW,
                an_image(image).key,
                of_distribution=package % 2 == 0,
            ),
            st.integers(0, 9),
            st.integers(0, 2),
            st.sampled_from(list(Severity)),
            st.booleans(),
            st.integers(1, 9),
        ),
        max_size=30,
        unique_by=lambda item: (item.image, item.id),
    )
)
def test_each_fix_is_in_a_step_or_counted(items: list[OpenItem]) -> None:
    """None falls out of sight."""
    images = tuple(CountedImage(an_image(n), clean=False, complete=True) for n in range(1, 10))

    digest = a_digest(StreamShare(STREAM, (), images, items=tuple(items)))

    steps = [entry for entry in digest.packages if entry.fixable]
    left_out = digest.fixes_left_out
    numbers = [sum(entry.counts.values()) for entry in (*steps, left_out)]
    assert sum(numbers) == digest.fixable
    named = {image.key for entry in (*steps, left_out) for image in entry.images}
    assert named == {item.image for item in items if item.fixable}
    order = [tuple(-entry.counts.get(level, 0) for level in reversed(Severity)) for entry in steps]
    assert order == sorted(order)


@given(SHARES, SHARES)
def test_numbers_add_up(now: list[StreamShare], before: list[StreamShare]) -> None:
    """Whatever moved: ages and repositories are all that is open, and so is the sum of changes."""
    digest = a_digest(*now, before=a_basis(*before))

    changes = (digest.open_before, digest.new, digest.resolved)
    was, new, resolved = (sum(counts.values()) for counts in changes)
    assert was == a_digest(*before).total
    assert was + new - resolved == digest.total
    assert sum(sum(band.counts.values()) for band in digest.ages) == digest.total
    assert sum(sum(entry.counts.values()) for entry in digest.repositories) == digest.total
    assert sum(entry.images for entry in digest.resolved_vulnerabilities) == resolved


@given(
    st.lists(
        st.lists(
            st.builds(
                lambda number, severity, fixed: a_finding(
                    f"CVE-{number}", severity=severity.name, fixed_version="2" if fixed else None
                ),
                st.integers(1, 6),
                st.sampled_from(list(Severity)),
                st.booleans(),
            ),
            max_size=6,
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(list(Severity)),
    st.sampled_from([frozenset(), frozenset({"fixable"})]),
)
def test_counted_and_left_out_is_all_that_is_open(
    rows: list[list[Finding]], severity: Severity, only: frozenset[str]
) -> None:
    """Each vulnerability of a stream once, whatever leaves it out."""
    images = [a_watched(*listed, image=an_image(n)) for n, listed in enumerate(rows, 1)]
    route = a_route(severity=severity, only=only)
    suppressions = (an_entry("CVE-1"),)

    digest = a_digest(a_share(a_copy(*images), route, suppressions=suppressions))

    left_out = sum(sum(counts.values()) for counts in digest.omitted.values())
    ids = {finding.vulnerability_id for listed in rows for finding in listed}
    assert digest.total + left_out == len(ids)


def test_what_a_scanner_lists_no_more_is_in_no_number() -> None:
    """Where the package is the same, and a route would ask for it."""
    state = {"version": 2, "departures": {"CVE-9": a_departure()}}
    copy = a_copy(a_watched(a_finding("CVE-2"), image=an_image(2)), **state)

    digest = a_digest(a_share(copy, a_route(severity=H)), a_share(copy, a_route(severity=H)))
    assert digest.total == 1
    assert [(gone.id, gone.severity, gone.image) for gone in digest.unlisted] == [
        ("CVE-9", H, "payments/api:1.4.2")
    ]
    assert a_digest(a_share(copy, a_route(severity=C))).unlisted == ()
    accepted = a_share(copy, a_route(severity=H), suppressions=(an_entry("CVE-9"),))
    assert a_digest(accepted).unlisted == ()


@pytest.mark.parametrize("only", ["fixable", "exploitable"])
def test_what_a_scanner_lists_no_more_is_as_it_was_listed_last(only: str) -> None:
    """A route that asks for what has a fix, or an exploit, asks for it where it had one."""
    route = a_route(severity=H, only=frozenset({only}))
    plain, known = (
        a_copy(
            a_watched(a_finding("CVE-2"), image=an_image(2)),
            version=2,
            departures={"CVE-9": a_departure(lifecycle=a_lifecycle(**fields))},
        )
        for fields in ({}, {only: True})
    )

    assert a_digest(a_share(plain, route)).unlisted == ()
    assert [gone.id for gone in a_digest(a_share(known, route)).unlisted] == ["CVE-9"]


@given(SHARES)
def test_nothing_is_new_where_nothing_differs(shares: list[StreamShare]) -> None:
    """Nor resolved."""
    digest = a_digest(*shares, before=a_basis(*reversed(shares)))

    assert (digest.new, digest.resolved) == ({}, {})
