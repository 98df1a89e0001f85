"""The partitions of AWS, compared with the data of boto3."""

import botocore.loaders
import botocore.session
import pytest

from lib.models import Image
from lib.urls.console import console_url
from lib.urls.forges import commit_url
from lib.urls.partitions import DOMAINS, PARTITIONS, partition_named, partition_of
from tests.support.every import every

ENDPOINTS = botocore.loaders.create_loader().load_data("endpoints")["partitions"]


def test_every_partition_is_there_with_its_domain() -> None:
    """A new one of botocore fails here by its name."""
    assert {one["partition"]: one["dnsSuffix"] for one in ENDPOINTS} == {
        one.name: one.domain for one in PARTITIONS
    }


def test_every_region_belongs_to_its_partition() -> None:
    """Also where no ARN says so: links lead to the partition's own console."""
    session = botocore.session.get_session()
    expected = {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ecr", partition_name=partition)
    }

    assert len(expected) > 40
    assert {region: partition_of(region).name for region in expected} == expected


@every("name", [one.name for one in PARTITIONS])
def test_links_lead_to_the_console_of_the_partition_or_nowhere(name: str) -> None:
    """The consoles of isolated partitions have no public names."""
    partition = partition_named(name)
    assert partition is not None
    region = f"{partition.regions or 'eu-'}west-1"
    image = Image(name, "000474600478", region, "payments/api", "sha256:1")
    repository = f"https://git-codecommit.{region}.{partition.domain}/v1/repos/a"

    links = (console_url(image), commit_url(repository, "a" * 40))

    assert [link is not None and f"{region}.{partition.console}/" in link for link in links] == [
        partition.console is not None
    ] * 2


@pytest.mark.parametrize(
    "image",
    [
        Image("aws", "", "eu-west-1", "a", "sha256:1"),
        Image("aws", "000474600478", "", "a", "sha256:1"),
        Image("aws", "000474600478", "eu-west-1", "", "sha256:1"),
        Image("aws-new", "000474600478", "new-west-1", "a", "sha256:1"),
    ],
)
def test_nothing_unknown_is_linked(image: Image) -> None:
    """A link without region, account or known console would lead nowhere."""
    assert console_url(image) is None


def test_registries_are_reached_under_few_domains() -> None:
    """Each once, with those for IPv6."""
    assert len(DOMAINS) == len(set(DOMAINS))
    assert {"amazonaws.com", "on.aws", "amazonaws.eu", "on.amazonwebservices.eu"} <= set(DOMAINS)
    assert partition_named("aws-unknown") is None
