"""What digests are made of, in S3 and in memory: one contract."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.errors import StoreError
from lib.models import Moment, OmissionKind, Severity, UnlistedVulnerability, UnscannedImage
from lib.models.current import CountedImage, DigestBasis, OpenItem, StreamShare
from lib.ports.digests import DigestBases
from lib.store.digest_bases import S3DigestBases
from lib.wire.digest_basis import basis_from_lines, basis_to_lines
from tests.support.builders import NOW, an_image
from tests.support.current import MemoryBases
from tests.support.streams import STREAM, TEAM

SHARE = StreamShare(
    STREAM,
    ("all",),
    (
        CountedImage(
            an_image(), clean=False, complete=True, omitted={OmissionKind.BELOW: {Severity.LOW: 2}}
        ),
    ),
    (
        OpenItem(
            "CVE-1",
            ("CVE-1", "GHSA-1"),
            Severity.HIGH,
            fixable=True,
            exploitable=False,
            package="openssl",
            first_observed_at=NOW,
            image=an_image().key,
            others=2,
            other="libssl3",
            installed="1.1.1",
            fixed="1.1.2",
            fix_unknown=True,
            exploit_unknown=True,
            of_distribution=True,
            described="1.1.3",
            disputed="disputed by the vendor",
            undated=True,
            epss=0.4,
            score=7.5,
        ),
    ),
    (UnscannedImage(an_image(), "FAILED", has_result=True, remedy="Rebuild it."),),
    ("main", "pr"),
    oldest_here_since=NOW,
    unlisted=(UnlistedVulnerability("CVE-2", Severity.HIGH, "linux", "payments/api:1.4.1"),),
)
BEGUN = DigestBasis(NOW, "rules", {TEAM: (SHARE,)}, place=STREAM)
COMPLETE = replace(BEGUN, complete=True, trends={TEAM: (Moment(NOW, {Severity.HIGH: 1}),)})


@pytest.fixture(params=["memory", "moto"])
def bases(request: pytest.FixtureRequest) -> DigestBases:
    """Return each implementation, empty."""
    if request.param == "memory":
        return MemoryBases()
    boto: Callable[[str], Any] = request.getfixturevalue("moto").client
    bucket = f"bases-{uuid.uuid4().hex[:12]}"
    boto("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return S3DigestBases(boto("s3"), bucket)


def test_nothing_is_stored_at_first(bases: DigestBases) -> None:
    """The first digest has nothing to compare with."""
    assert bases.get(NOW) is None
    assert bases.before(NOW) is None


def test_a_basis_of_an_earlier_version_is_read() -> None:
    """It says less of an item, and not since when the oldest is here."""
    facts, line = basis_to_lines(BEGUN)
    share = json.loads(line)
    del share["oldest_here_since"]
    share["items"] = [item[:-9] for item in share["items"]]
    for trouble in share["troubles"]:
        del trouble["remedy"]

    basis = basis_from_lines([facts, json.dumps(share)])

    (item,) = SHARE.items
    before = item._replace(
        fix_unknown=False,
        exploit_unknown=False,
        of_distribution=False,
        described="",
        disputed="",
        undated=False,
        other="",
        epss=0.0,
        score=0.0,
    )
    (trouble,) = SHARE.troubles
    assert basis.shares[TEAM] == (
        replace(
            SHARE,
            items=(before,),
            troubles=(replace(trouble, remedy=""),),
            oldest_here_since=None,
        ),
    )


def test_a_begun_basis_comes_back_for_its_time_only(bases: DigestBases) -> None:
    """Nothing compares with it."""
    bases.put(BEGUN)

    assert bases.get(NOW) == BEGUN
    assert bases.get(NOW + timedelta(days=7)) is None
    assert bases.before(NOW + timedelta(days=7)) is None


def test_a_complete_basis_counts_more_than_a_begun_one(bases: DigestBases) -> None:
    """The run that goes on writes it beside."""
    bases.put(BEGUN)
    bases.put(COMPLETE)

    assert bases.get(NOW) == COMPLETE


def test_the_last_complete_one_is_compared_with(bases: DigestBases) -> None:
    """Not the one of the same time."""
    times = [NOW - timedelta(days=days) for days in (14, 7, 0)]
    for until in times:
        bases.put(replace(COMPLETE, until=until))

    assert bases.before(NOW) == replace(COMPLETE, until=times[1])
    assert bases.before(times[1]) == replace(COMPLETE, until=times[0])
    assert bases.before(times[0]) is None


class _RefusingClient:
    """An S3 that denies."""

    def get_object(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")


def test_a_refusal_is_no_missing_basis() -> None:
    """Everything would be new."""
    client: Any = _RefusingClient()

    with pytest.raises(StoreError, match=r"reading digests/basis/.*AccessDenied"):
        S3DigestBases(client, "bucket").get(NOW)
