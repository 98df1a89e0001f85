"""Addresses in the console of AWS."""

import pytest

from lib.models import Image
from lib.urls.console import console_url
from tests.support.builders import an_image


class TestConsoleUrl:
    """The page of the image in the right console."""

    @pytest.mark.parametrize(
        ("partition", "region", "host"),
        [
            ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ],
    )
    def test_partition_and_region(self, partition: str, region: str, host: str) -> None:
        """Each partition has a console of its own."""
        image = an_image(1, partition=partition, region=region)

        assert console_url(image) == (
            f"https://{host}/ecr/repositories/private/000474600478/payments/api/_/image/"
            f"{image.digest}/details?region={region}"
        )

    def test_a_repository_has_a_page_of_its_own(self) -> None:
        for tags in ((), ("1.4.2",)):
            assert console_url(an_image(digest="", tags=tags)) == (
                "https://eu-central-1.console.aws.amazon.com/ecr/repositories/private/000474600478/"
                "payments/api?region=eu-central-1"
            )

    def test_names_from_outside_cannot_change_the_host(self) -> None:
        """Everything but the slashes of a repository is quoted."""
        image = Image("aws", "1/2", "evil.example/#", "a b?c#d/\ud800e", "sha256:<x>")

        assert console_url(image) == (
            "https://evil.example%2F%23.console.aws.amazon.com/ecr/repositories/private/1%2F2/"
            "a%20b%3Fc%23d/e/_/image/sha256:%3Cx%3E/details?region=evil.example%2F%23"
        )
