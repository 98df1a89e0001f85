"""What proves that a vulnerability is fixed, and what does not."""

from dataclasses import replace

import pytest

from lib.core.proof import Listing, Proof, listing_of, listings
from lib.models import Package, ScanSource
from lib.models.streams import PackageVersion, Role, WatchedImage
from tests.support.builders import a_finding, an_image
from tests.support.streams import AMD, a_departure, a_part, a_watched, an_unscanned_part

ARM = "linux/arm64"
FIXED = an_image(2)
LISTED = listing_of(a_departure())


def doubt(*images: WatchedImage, listing: Listing = LISTED) -> str | None:
    return Proof(images).doubt(listing)


def test_a_complete_report_that_lists_neither_vulnerability_nor_package_is_proof() -> None:
    """Other packages, and other versions of this one, are no doubt."""
    rows = (a_finding("CVE-2", package="zlib"), a_finding("CVE-3", version="3.0.14"))

    assert doubt(a_watched(image=FIXED)) is None
    assert doubt(a_watched(*rows, image=FIXED)) is None


@pytest.mark.parametrize(
    "image",
    [
        a_watched(image=FIXED, complete=False),
        a_watched(image=FIXED, parts=(an_unscanned_part(),)),
        a_watched(image=FIXED, parts=(an_unscanned_part("FAILED", *a_part().evidence),)),
        a_watched(image=FIXED, parts=(a_part(image=an_image(1)),)),
    ],
    ids=["incomplete", "never scanned", "carried", "of an earlier image"],
)
def test_without_a_complete_report_of_its_own_nothing_is_proven(image: WatchedImage) -> None:
    """What an earlier image had says nothing of this one."""
    assert doubt(image) == "payments/api:1.4.2 has no complete report of its own"


def test_a_scan_that_fails_later_takes_no_proof_away() -> None:
    """The image is the same, and had a complete report."""
    own = a_part(image=FIXED).evidence

    assert doubt(a_watched(image=FIXED, parts=(an_unscanned_part("FAILED", *own),))) is None


def test_another_scanner_proves_nothing() -> None:
    """It looks for other things; both doors to Inspector are one scanner."""
    basic = a_watched(image=FIXED, source=ScanSource.ECR_BASIC)

    assert doubt(basic) == (
        "another scanner: ecr-enhanced listed it, ecr-basic scanned payments/api:1.4.2"
    )
    assert doubt(a_watched(image=FIXED, source=ScanSource.INSPECTOR2)) is None


def test_a_package_in_the_same_version_is_not_fixed() -> None:
    """The scanner lists it for something else: it knows better now."""
    rows = (a_finding("CVE-2", version="1, 3.0.11-1"),)

    assert doubt(a_watched(*rows, image=FIXED)) == (
        "the scanner no longer lists it although openssl 3.0.11-1 is unchanged in "
        "payments/api:1.4.2, so it may not be fixed"
    )


def test_packages_without_a_name_or_version_cannot_be_compared() -> None:
    """They are no doubt."""
    listing = replace(LISTED, packages=(PackageVersion("", "1"), PackageVersion("app", "")))
    rows = (
        replace(a_finding("CVE-2"), package=Package(name, version))
        for name, version in (("app", None), ("", "1"))
    )

    assert doubt(a_watched(*rows, image=FIXED), listing=listing) is None


@pytest.mark.parametrize(
    "row",
    [
        a_finding(version="4", source_status="CLOSED"),
        a_finding("GHSA-a", version="4", source_status="SUPPRESSED"),
        a_finding("SNYK-x", version="4", aliases=("CVE-2024-0001",), source_status="CLOSED"),
    ],
)
def test_what_is_listed_under_any_name_is_not_proven_fixed(row: object) -> None:
    """Closed or suppressed at the source is not absent."""
    listing = replace(LISTED, names=("CVE-2024-0001", "GHSA-a"))

    assert doubt(a_watched(row, image=FIXED), listing=listing) == (  # type: ignore[arg-type]
        "payments/api:1.4.2 lists it, though not as open"
    )


def test_an_alias_of_an_advisory_is_not_the_vulnerability() -> None:
    """Another row can name the same advisory."""
    listing = replace(LISTED, names=("CVE-2024-0001", "USN-1"))
    row = a_finding("CVE-2", version="4", aliases=("USN-1",))

    assert doubt(a_watched(row, image=FIXED), listing=listing) is None


def test_each_part_that_had_it_needs_a_report() -> None:
    """A part that did not have it needs none."""
    arm = replace(LISTED, parts=(AMD, ARM))
    half = a_watched(image=FIXED, parts=(a_part(image=FIXED), an_unscanned_part(part=ARM)))
    both = a_watched(image=FIXED, parts=(a_part(image=FIXED), a_part(image=FIXED, part=ARM)))

    assert doubt(half) is None
    assert doubt(half, listing=arm) == "payments/api:1.4.2 has no complete report of its own"
    assert doubt(both, listing=arm) is None


def test_a_part_that_no_image_has_any_more_is_not_proven_fixed() -> None:
    """It went away; nobody looked whether it is fixed."""
    assert doubt(a_watched(image=FIXED, part=ARM)) == f"no image has a part for {AMD} any more"
    assert doubt(listing=replace(LISTED, parts=("",))) == (
        "no image has a part for its platform any more"
    )


def test_each_watched_image_that_has_the_part_must_prove_it() -> None:
    """One that still runs without a report is a doubt; one for another platform is none."""
    fixed = a_watched(image=FIXED)
    old = {"image": an_image(3), "role": Role.RUNNING, "running": True}

    assert doubt(fixed, a_watched(**old)) is None
    assert doubt(fixed, a_watched(**old, part=ARM)) is None
    assert doubt(fixed, a_watched(**old, complete=False)) is not None


@pytest.mark.parametrize(("before", "now"), [("", AMD), (AMD, "")])
def test_a_part_of_unknown_platform_is_the_only_one_there_is(before: str, now: str) -> None:
    """In an index it could be any of them."""
    listing = replace(LISTED, parts=(before,))
    several = a_watched(image=FIXED, parts=(a_part(image=FIXED, part=now), a_part(part=ARM)))

    assert doubt(a_watched(image=FIXED, part=now), listing=listing) is None
    assert doubt(several, listing=listing) is not None


def test_listings_say_which_parts_and_packages_have_what_is_open() -> None:
    """Closed rows are none."""
    image = a_watched(parts=(
        a_part(a_finding(version="1, 2"), a_finding("CVE-2", source_status="CLOSED")),
        a_part(a_finding(version="2"), part=ARM),
    ))  # fmt: skip

    found = listings([image])

    packages = {PackageVersion("openssl", "1"), PackageVersion("openssl", "2")}
    assert found == {"CVE-2024-0001": ({AMD, ARM}, packages)}
