"""How soon somebody should look at what a digest counts, in the words of alerts."""

from dataclasses import replace

import pytest

from lib.messages.digest_urgency import urgency_of
from lib.models import Counts, PackageDigest, Severity, UnscannedImage
from tests.support.digests import SHOP, C, H, M, a_digest_of

L, U = Severity.LOW, Severity.UNKNOWN
UNSCANNED = a_digest_of().unscanned[:1]


@pytest.mark.parametrize(
    ("counts", "exploitable", "title"),
    [
        ({C: 12, H: 3}, 0, "Urgency: high (12 CRITICAL)"),
        ({C: 1}, 1, "Urgency: high (1 CRITICAL; public exploit)"),
        ({H: 4, M: 1}, 0, "Urgency: medium (4 HIGH)"),
        ({H: 4, M: 1}, 2, "Urgency: high (4 HIGH; public exploit)"),
        ({M: 13, L: 1}, 1, "Urgency: low (highest severity MEDIUM)"),
        ({U: 2}, 0, "Urgency: medium, in working hours (no severity given)"),
        ({}, 0, ""),
    ],
)
def test_the_worst_and_an_exploit_decide(counts: Counts, exploitable: int, title: str) -> None:
    """As they do for an alert; all of it is scanned."""
    digest = a_digest_of(counts=counts, exploitable=exploitable, unscanned=(), packages=())

    urgency = urgency_of(digest)

    assert (urgency.title if urgency is not None else "") == title


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({M: 13}, "medium, in working hours (1 image not scanned; highest severity MEDIUM)"),
        ({U: 2}, "medium, in working hours (1 image not scanned)"),
        ({}, "medium, in working hours (1 image not scanned)"),
        ({H: 1}, "medium (1 HIGH)"),
    ],
)
def test_what_is_not_scanned_is_no_less_urgent_than_in_its_alert(
    counts: Counts, reason: str
) -> None:
    """It waits for working hours, where nothing else is worse."""
    digest = a_digest_of(counts=counts, exploitable=0, unscanned=UNSCANNED, packages=())

    urgency = urgency_of(digest)

    assert urgency is not None
    assert urgency.title == f"Urgency: {reason}"


def test_what_is_disputed_is_said_beside_the_number() -> None:
    """Where it is certain that it is one of the worst."""
    scipy = PackageDigest("scipy", {C: 2}, False, (SHOP,), disputed={"disputed by the vendor": 2})
    other = replace(scipy, package="flow", counts={C: 8, H: 1})
    digest = a_digest_of(counts={C: 12, H: 1}, exploitable=0, packages=(scipy, other), unscanned=())

    urgency = urgency_of(digest)

    assert urgency is not None
    assert urgency.title == "Urgency: high (12 CRITICAL, 2 disputed by the vendor)"


def test_a_kernel_is_urgent_for_its_hosts() -> None:
    """Where all of the worst are in it; with another one among them the image is urgent, too."""
    kernel = PackageDigest("linux", {H: 1, M: 1}, True, (SHOP,), fixed="4.19")
    digest = a_digest_of(counts={H: 1, M: 15}, exploitable=2, packages=(kernel,), unscanned=())

    hosts, image = urgency_of(digest), urgency_of(replace(digest, counts={H: 2, M: 15}))

    assert hosts is not None
    assert hosts.title == (
        "Urgency: high, check the hosts of web/storefront today (1 HIGH; public exploit); low "
        "once they are patched"
    )
    assert image is not None
    assert image.title == "Urgency: high (2 HIGH; public exploit)"


@pytest.mark.parametrize(
    ("others", "exploitable", "unscanned", "end"),
    [
        ({M: 15}, 2, UNSCANNED, "; then medium (1 image not scanned)"),
        ({U: 2}, 2, (), "; then medium (no severity given)"),
        ({H: 3}, 0, (), "; then medium (3 HIGH)"),
        ({H: 3}, 1, (), "Urgency: high (1 CRITICAL; public exploit)"),
        ({}, 1, (), "; low once they are patched"),
    ],
)
def test_what_remains_decides_when_the_hosts_are_patched(
    others: Counts, exploitable: int, unscanned: tuple[UnscannedImage, ...], end: str
) -> None:
    """Whatever the kernel: an exploit may be one of what remains."""
    kernel = PackageDigest("linux", {C: 1}, True, (SHOP,), fixed="4.19")
    digest = a_digest_of(
        counts={C: 1, **others}, exploitable=exploitable, packages=(kernel,), unscanned=unscanned
    )

    urgency = urgency_of(digest)

    assert urgency is not None
    assert urgency.title.endswith(end)
