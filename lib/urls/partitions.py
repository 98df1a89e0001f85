"""
The partitions of AWS: which regions each has, and under which names its services are reached. Pure.

https://docs.aws.amazon.com/general/latest/gr/rande.html. A test compares with botocore's data.
"""

from typing import Final, NamedTuple

from lib.models import Image


class Partition(NamedTuple):
    """A partition: a part of AWS with accounts and addresses of its own."""

    name: str
    """As in ARNs."""
    regions: str
    """What the names of its regions begin with; empty: any other name."""
    domain: str
    dual_stack: str | None
    """The domain of registries that are reached by IPv6, too; None: there is none."""
    console: str | None
    """The host of its console; None: it is not published."""


PARTITIONS: Final = (
    Partition(
        "aws-cn",
        "cn-",
        "amazonaws.com.cn",
        "on.amazonwebservices.com.cn",
        "console.amazonaws.cn",
    ),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", "on.aws", "console.amazonaws-us-gov.com"),
    Partition(
        "aws-eusc",
        "eusc-",
        "amazonaws.eu",
        "on.amazonwebservices.eu",
        "console.amazonaws-eusc.eu",
    ),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", None, None),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", None, None),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", None, None),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", None, None),
    Partition("aws", "", "amazonaws.com", "on.aws", "console.aws.amazon.com"),
)
DOMAINS: Final = tuple(
    dict.fromkeys(
        domain
        for partition in PARTITIONS
        for domain in (partition.domain, partition.dual_stack)
        if domain is not None
    )
)
"""The domains under which registries are reached, in any partition."""


def partition_of(region: str) -> Partition:
    """Return the partition that a region belongs to; of an unknown region the largest one."""
    return next(one for one in PARTITIONS if region.startswith(one.regions))


def partition_named(name: str) -> Partition | None:
    """Return the partition of an ARN; None for an unknown name."""
    return next((one for one in PARTITIONS if one.name == name), None)


def repository_address(image: Image) -> str:
    """Return the address from which images of a repository are pulled."""
    domain = (partition_named(image.partition) or partition_of(image.region)).domain
    return f"{image.account}.dkr.ecr.{image.region}.{domain}/{image.repository}"


def pull_address(image: Image) -> str:
    """Return the address from which an image is pulled, by a tag if it has one."""
    reference = f":{image.tags[0]}" if image.tags else f"@{image.digest}"
    return f"{repository_address(image)}{reference}"
