"""Inspector on the embedded AWS: which images it covers, and what runs them, over the wire."""

import uuid

import pytest

from lib.models import Image, Workload
from lib.sources.clusters import InspectorWorkloads
from lib.sources.coverage import InspectorCoverage
from local.aws.process import ACCOUNT, REGION, EmbeddedAws
from tests.local.aws.test_ecr_scanning import basic, enhanced


@pytest.fixture
def repository(embedded_aws: EmbeddedAws) -> str:
    """Return a new repository that scans on push."""
    name = f"acme/{uuid.uuid4().hex}"
    embedded_aws.client("ecr").create_repository(
        repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
    )
    return name


@pytest.fixture
def coverage(embedded_aws: EmbeddedAws) -> InspectorCoverage:
    return InspectorCoverage(embedded_aws.client("inspector2"))


def push(aws: EmbeddedAws, name: str, tag: str, *, scanner: str = "enhanced") -> Image:
    document = enhanced(1) if scanner == "enhanced" else basic(1)
    digest = aws.push(name, tag, document, scanner=scanner)
    return Image("aws", ACCOUNT, REGION, name, digest)


def test_images_of_enhanced_scanning_are_covered(
    embedded_aws: EmbeddedAws, repository: str, coverage: InspectorCoverage
) -> None:
    """With their tags and what runs them; what basic scanning scans is not listed."""
    old, new = (push(embedded_aws, repository, tag) for tag in ("1.0", "1.1"))
    push(embedded_aws, repository, "1.2", scanner="basic")
    embedded_aws.run(repository, old.digest, shop=2, cart=1)

    rows = {row.image: row for row in coverage.covered_in([repository, "another"])}

    assert set(rows) == {old, new}
    assert [(rows[one].tags, rows[one].in_use_count) for one in (old, new)] == [
        (("1.0",), 3),
        (("1.1",), 0),
    ]
    assert all(row.monitored and row.scanned_at is not None for row in rows.values())
    assert [row.image for row in coverage.covered(new)] == [new]


def test_services_that_run_an_image_are_named_until_they_stop(
    embedded_aws: EmbeddedAws, repository: str, coverage: InspectorCoverage
) -> None:
    """By the image alone; nothing runs another one."""
    workloads = InspectorWorkloads(embedded_aws.client("inspector2"), coverage)
    old, new = (push(embedded_aws, repository, tag) for tag in ("1.0", "1.1"))
    embedded_aws.run(repository, old.digest, shop=2, cart=1)

    assert workloads.running(old) == (
        Workload("prod", "cart", service=True, tasks=1),
        Workload("prod", "shop", service=True, tasks=2),
    )
    assert workloads.running(new) == ()
    assert old in workloads.images()
    embedded_aws.run(repository, old.digest)
    assert workloads.running(old) == ()
