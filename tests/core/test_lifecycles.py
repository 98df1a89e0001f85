"""When the vulnerabilities of a stream came, changed and left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.core.lifecycles import Course, course
from lib.models import Finding, ScanSource, Severity
from lib.models.streams import (
    Arrival,
    Departure,
    Lifecycle,
    PackageVersion,
    Role,
    StreamState,
    WatchedImage,
)
from tests.support.builders import NOW, a_finding, an_image
from tests.support.streams import (
    AMD,
    STREAM,
    a_lifecycle,
    a_part,
    a_stamp,
    a_state,
    a_watched,
    an_unscanned_part,
)

FIRST, SECOND = an_image(1), an_image(2)
X, Y = a_finding("CVE-2026-0001"), a_finding("CVE-2026-0002", package="zlib")
BASIC = ScanSource.ECR_BASIC


class Stream:
    """A stream whose watched images change; each change is a version."""

    def __init__(self, *images: WatchedImage) -> None:
        self.state = StreamState(STREAM, 0, NOW, NOW)
        self.to(*images)

    def to(self, *images: WatchedImage, arrival: Arrival = Arrival.PUSH) -> Course:
        version = self.state.version + 1
        after = course(self.state, images, arrival=arrival, stamp=a_stamp(version))
        self.state = a_state(
            *images,
            version=version,
            lifecycles=after.lifecycles,
            departures=after.departures,
        )
        return after

    def only(self, *images: WatchedImage, **fields: Any) -> Lifecycle:
        (lifecycle,) = self.to(*images, **fields).lifecycles.values()
        return lifecycle

    def left(self, *images: WatchedImage, **fields: Any) -> Departure:
        (departure,) = self.to(*images, **fields).departures.values()
        return departure


def behind(*findings: Finding, **fields: Any) -> WatchedImage:
    """Return an image that runs behind the current one."""
    return a_watched(*findings, **{"image": FIRST, "role": Role.RUNNING, "running": True, **fields})


class TestOpened:
    def test_what_is_listed_first_is_opened(self) -> None:
        """With the worst of its rows."""
        rows = (
            replace(X, first_observed_at=NOW - timedelta(days=9), severity=Severity.LOW),
            replace(X, first_observed_at=NOW - timedelta(days=8), fixed_version="3.0.14"),
        )

        assert Stream(a_watched(*rows)).state.lifecycles == {
            "CVE-2026-0001": Lifecycle(
                opened=a_stamp(),
                arrival=Arrival.PUSH,
                severity=Severity.HIGH,
                exploitable=False,
                fixable=True,
                scanner="ecr-enhanced",
                first_observed_at=NOW - timedelta(days=9),
            )
        }

    @pytest.mark.parametrize("days", [None, 9])
    def test_its_age_is_never_in_the_future(self, days: int | None) -> None:
        """Of a scanner that does not say, or whose clock is ahead."""
        row = replace(X, first_observed_at=None if days is None else NOW + timedelta(days=days))

        assert Stream(a_watched(row)).state.lifecycles["CVE-2026-0001"].first_observed_at == (
            a_stamp().at
        )

    def test_what_the_source_lists_as_closed_is_not_open(self) -> None:
        """Nor is it a departure."""
        stream = Stream(a_watched(replace(X, source_status="SUPPRESSED")))

        assert not stream.state.lifecycles
        assert not stream.state.departures

    def test_what_stays_keeps_its_beginning(self) -> None:
        """Through a bump of the package, another path, another name."""
        stream = Stream(a_watched(replace(X, first_observed_at=NOW - timedelta(days=9))))
        bumped = replace(
            X,
            vulnerability_id="GHSA-1",
            aliases=("CVE-2026-0001",),
            package=replace(X.package, version="3.0.12", path="app/openssl-3.0.12"),
        )

        after = stream.to(a_watched(bumped, image=SECOND))

        assert not after.departures
        ((id_, lifecycle),) = after.lifecycles.items()
        assert id_ == "CVE-2026-0001"
        assert (lifecycle.opened, lifecycle.arrival) == (a_stamp(1), Arrival.PUSH)
        assert lifecycle.first_observed_at == NOW - timedelta(days=9)

    def test_an_id_that_is_renamed_stays(self) -> None:
        """Kept under the advisory, listed as a CVE now."""
        stream = Stream(a_watched(a_finding("GHSA-1")))
        renamed = a_finding("CVE-2026-0001", aliases=("ghsa-1",))

        after = stream.to(a_watched(renamed))

        assert after.lifecycles["CVE-2026-0001"].opened == a_stamp(1)
        assert not after.departures

    def test_two_that_turn_out_to_be_one_have_the_older_beginning(self) -> None:
        """And nothing about it got worse."""
        stream = Stream(a_watched(a_finding("GHSA-1", severity="CRITICAL")))
        stream.to(a_watched(a_finding("GHSA-1", severity="CRITICAL"), X))
        joined = (replace(X, severity=Severity.CRITICAL, aliases=("GHSA-1",)),)

        lifecycle = stream.only(a_watched(*joined))

        assert lifecycle.opened == a_stamp(1)
        assert lifecycle.raised is None

    def test_what_returns_is_opened_anew(self) -> None:
        """A regression is news."""
        stream = Stream(a_watched(X))
        assert stream.to(a_watched(image=SECOND)).departures

        after = stream.to(a_watched(X, image=an_image(3)))

        assert after.lifecycles["CVE-2026-0001"].opened == a_stamp(3)
        assert not after.departures


class TestArrival:
    @pytest.mark.parametrize("arrival", [Arrival.PUSH, Arrival.TAG, Arrival.DELETION])
    def test_what_a_new_current_image_brings_came_as_it_did(self, arrival: Arrival) -> None:
        """By a push, by a promotion, or because a newer image was deleted."""
        after = Stream(a_watched(X)).to(a_watched(X, Y, image=SECOND), arrival=arrival)

        assert after.lifecycles["CVE-2026-0002"].arrival is arrival
        assert after.lifecycles["CVE-2026-0001"].arrival is Arrival.PUSH

    def test_what_a_scan_finds_in_a_watched_image_came_by_the_scan(self) -> None:
        """Of the current image, or of one that still runs."""
        stream = Stream(a_watched(image=SECOND), behind())
        after = stream.to(a_watched(X, image=SECOND), behind(Y))

        assert {lifecycle.arrival for lifecycle in after.lifecycles.values()} == {Arrival.SCAN}

    def test_what_comes_with_an_image_that_began_to_run_is_deployed(self) -> None:
        """It is watched for no other reason."""
        after = Stream(a_watched(image=SECOND)).to(a_watched(image=SECOND), behind(X))

        lifecycle = after.lifecycles["CVE-2026-0001"]
        assert (lifecycle.arrival, lifecycle.deployed) == (Arrival.DEPLOYMENT, a_stamp(2))


class TestWorse:
    def test_a_raised_severity_is_stamped(self) -> None:
        """Each time: what was reported decides whether it is news."""
        stream = Stream(a_watched(X))
        worse, better = (replace(X, severity=Severity[name]) for name in ("CRITICAL", "MEDIUM"))

        lifecycle = stream.only(a_watched(worse))
        assert lifecycle.raised == a_stamp(2)
        assert (lifecycle.exploit_known, lifecycle.fix_available) == (None, None)
        assert stream.only(a_watched(better)).raised == a_stamp(2)
        assert stream.only(a_watched(X)).raised == a_stamp(4)

    def test_a_fix_and_an_exploit_are_stamped_when_they_become_known(self) -> None:
        """And not again when they stay."""
        stream = Stream(a_watched(X))
        known = replace(X, exploit_available="YES", fixed_version="3.0.14")

        first = stream.only(a_watched(known))
        second = stream.only(a_watched(known, image=SECOND))

        assert (first.exploit_known, first.fix_available) == (a_stamp(2), a_stamp(2))
        assert (second.exploit_known, second.fix_available) == (a_stamp(2), a_stamp(2))

    def test_what_another_scanner_knows_is_taken_over_in_silence(self) -> None:
        """A switch from basic to enhanced scanning is no news; an exploit is."""
        stream = Stream(a_watched(X, source=BASIC))
        known = replace(
            X, severity=Severity.CRITICAL, fixed_version="3.0.14", exploit_available="YES"
        )

        lifecycle = stream.only(a_watched(known))

        assert (lifecycle.severity, lifecycle.fixable) == (Severity.CRITICAL, True)
        assert (lifecycle.raised, lifecycle.fix_available) == (None, None)
        assert lifecycle.exploit_known == a_stamp(2)
        assert lifecycle.scanner == "ecr-enhanced"

    def test_two_doors_of_one_scanner_are_the_same(self) -> None:
        """Findings of Inspector come through ECR and by themselves."""
        stream = Stream(a_watched(X, source=ScanSource.INSPECTOR2))

        lifecycle = stream.only(a_watched(replace(X, severity=Severity.CRITICAL)))

        assert lifecycle.raised == a_stamp(2)

    def test_the_scanner_is_the_one_that_listed_it_last(self) -> None:
        """Where two parts were scanned by two of them."""
        later = a_part(X, part="linux/arm64", source=BASIC)
        evidence = replace(later.evidence[0], at=NOW + timedelta(hours=1))
        parts = (a_part(X), replace(later, evidence=(evidence,)))

        lifecycle = Stream(a_watched(parts=parts)).state.lifecycles["CVE-2026-0001"]

        assert lifecycle.scanner == "ecr-basic"


class TestDeployed:
    def test_it_is_stamped_when_an_image_that_has_it_begins_to_run(self) -> None:
        """The current one, too; what it does not have is not deployed."""
        stream = Stream(a_watched(X, image=SECOND), behind(Y, running=False))

        after = stream.to(a_watched(X, image=SECOND, running=True), behind(Y, running=False))

        assert after.lifecycles["CVE-2026-0001"].deployed == a_stamp(2)
        assert after.lifecycles["CVE-2026-0002"].deployed is None

    def test_it_is_stamped_again_with_the_next_image(self) -> None:
        """And stays while that one runs."""
        stream = Stream(a_watched(X, running=True))
        assert stream.state.lifecycles["CVE-2026-0001"].deployed == a_stamp(1)

        first = stream.only(a_watched(X, image=SECOND, running=True))
        second = stream.only(a_watched(X, image=SECOND, running=True))

        assert first.deployed == second.deployed == a_stamp(2)


class TestLeftCurrent:
    def test_it_is_stamped_when_only_images_behind_have_it(self) -> None:
        """Fixed in 1.4.2; 1.4.1 still runs."""
        stream = Stream(a_watched(X, running=True))

        lifecycle = stream.only(a_watched(image=SECOND), behind(X))

        assert (lifecycle.opened, lifecycle.left_current) == (a_stamp(1), a_stamp(2))

    def test_it_stays_until_the_current_image_has_it_again(self) -> None:
        """A regression in the release after the next."""
        stream = Stream(a_watched(X, running=True))
        stream.to(a_watched(image=SECOND), behind(X))

        assert stream.only(a_watched(image=an_image(3)), behind(X)).left_current == a_stamp(2)
        assert stream.only(a_watched(X, image=an_image(4)), behind(X)).left_current is None

    def test_what_a_scan_withdraws_did_not_leave_the_current_image(self) -> None:
        """The same image had it by its own scan: there is no release that fixes it."""
        stream = Stream(a_watched(X, image=SECOND), behind(X))

        assert stream.only(a_watched(image=SECOND), behind(X)).left_current is None

    def test_what_the_current_image_only_took_over_leaves_with_its_own_scan(self) -> None:
        """It was not scanned yet, and then proves that it is fixed."""
        known = a_watched(X).parts[0].evidence
        waiting = a_watched(image=SECOND, parts=(an_unscanned_part("PENDING", *known),))
        stream = Stream(a_watched(X, running=True))
        stream.to(waiting, behind(X))

        assert stream.only(a_watched(image=SECOND), behind(X)).left_current == a_stamp(3)

    def test_what_was_never_in_the_current_image_did_not_leave_it(self) -> None:
        """Nor what is behind no image at all."""
        stream = Stream(a_watched(image=SECOND), behind(X))
        assert stream.only(a_watched(image=SECOND), behind(X)).left_current is None

        untagged = Stream(a_watched(X, running=True))
        assert untagged.only(behind(X)).left_current is None


class TestDepartures:
    def test_what_left_is_kept_as_it_was_listed_last(self) -> None:
        """Its image, scanner, parts and packages are what a proof is about."""
        rows = (X, replace(X, package=replace(X.package, name="libssl", version=None)), X)
        parts = (a_part(*rows), a_part(X, part="linux/arm64"))
        stream = Stream(a_watched(parts=parts))
        lifecycle = stream.state.lifecycles["CVE-2026-0001"]

        departure = stream.left(a_watched(image=SECOND))

        assert departure == Departure(
            at=a_stamp(2),
            lifecycle=lifecycle,
            names=("CVE-2026-0001",),
            image=FIRST,
            scanner="ecr-enhanced",
            parts=(AMD, "linux/arm64"),
            packages=(PackageVersion("openssl", "3.0.11-1"), PackageVersion("libssl", "")),
            cause=Arrival.PUSH,
        )

    @pytest.mark.parametrize("word", ["CLOSED", "SUPPRESSED"])
    def test_what_the_source_closed_says_so(self, word: str) -> None:
        """In its own word."""
        stream = Stream(a_watched(X, Y))

        departure = stream.left(a_watched(replace(X, source_status=word), Y))

        assert (departure.closed, departure.cause) == (word, Arrival.SCAN)

    def test_the_image_that_listed_it_last_is_named(self) -> None:
        """Of two, the one that was scanned later."""
        evidence = replace(a_part(X, image=FIRST).evidence[0], at=NOW + timedelta(hours=1))
        part = replace(a_part(X, image=FIRST), evidence=(evidence,))
        stream = Stream(a_watched(X, image=SECOND), behind(parts=(part,)))

        assert stream.left(a_watched(image=SECOND)).image == FIRST

    @pytest.mark.parametrize(
        ("images", "cause"),
        [
            ((a_watched(image=SECOND),), Arrival.TAG),
            ((a_watched(),), Arrival.SCAN),
            ((a_watched(running=True),), Arrival.DEPLOYMENT),
            ((), Arrival.TAG),
        ],
        ids=["another image", "the same image", "it runs", "none"],
    )
    def test_the_cause_is_what_changed(
        self, images: tuple[WatchedImage, ...], cause: Arrival
    ) -> None:
        """The reason of NO_LONGER_REPORTED says it."""
        assert Stream(a_watched(X)).left(*images, arrival=Arrival.TAG).cause is cause

    def test_what_alerts_yml_put_into_another_stream_was_not_deleted(self) -> None:
        """No image of the stream is left."""
        assert Stream(a_watched(X)).left(arrival=Arrival.RULES).cause is Arrival.RULES

    def test_a_departure_stays(self) -> None:
        """It is for the views to say that nobody reports it any more."""
        stream = Stream(a_watched(X))
        departure = stream.left(a_watched(image=SECOND))

        assert stream.left(a_watched(image=an_image(3))) == departure

    def test_what_returns_under_another_name_did_not_leave(self) -> None:
        """An advisory left; a CVE that names it came."""
        stream = Stream(a_watched(a_finding("GHSA-1")))
        stream.to(a_watched(image=SECOND))

        after = stream.to(a_watched(replace(X, aliases=("ghsa-1",)), image=an_image(3)))

        assert not after.departures
        assert after.lifecycles["CVE-2026-0001"].opened == a_stamp(3)

    def test_the_parts_of_a_departure_get_the_name_that_becomes_known(self) -> None:
        """Its platform was not known when it left."""
        stream = Stream(a_watched(X, part=""))
        assert stream.left(a_watched(image=SECOND, part="")).parts == ("",)

        assert stream.left(a_watched(image=SECOND)).parts == (AMD,)
        assert stream.left().parts == (AMD,)
        assert Stream(a_watched(X, part="")).left().parts == ("",)

    def test_what_has_no_lifecycle_is_not_missed(self) -> None:
        """A state that was written by an earlier version of the rules about names."""
        images = (a_watched(X, Y),)
        lifecycles: Mapping[str, Lifecycle] = {"CVE-2026-0002": a_lifecycle()}
        before = a_state(*images, lifecycles=lifecycles)

        after = course(before, (a_watched(),), arrival=Arrival.SCAN, stamp=a_stamp(2))
        same = course(before, images, arrival=Arrival.SCAN, stamp=a_stamp(2))

        assert set(after.departures) == {"CVE-2026-0002"}
        assert same.lifecycles["CVE-2026-0001"].opened == a_stamp(2)
