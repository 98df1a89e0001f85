"""The clients of AWS, with the timeouts and retries that every function has."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from lib.sources.answers import plain_answers

if TYPE_CHECKING:
    from boto3.session import Session

_CONNECT_TIMEOUT: Final = 3
_READ_TIMEOUT: Final = 10
_ATTEMPTS: Final = 5
_PUBLISHING: Final = 1
"""
Requests for a message to SNS: the answer to a second one would hide what became of the first.

`lib.core.retries` decides about the next one.
"""
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_SOURCES: Final = frozenset({"ecr", "ecs", "inspector2"})
"""Services whose answers become reports: one that is not whole is no report."""


class Clients:
    """The AWS clients of a session. A client is made when it is first used."""

    def __init__(
        self,
        session: "Session | None" = None,
        *,
        region: str | None = None,
        attempts: int = _ATTEMPTS,
        read_timeout: float | None = None,
    ) -> None:
        self._given = session
        self._region = region
        self._attempts = attempts
        self._read_timeout = read_timeout or _READ_TIMEOUT
        self._made: dict[tuple[str, str | None], Any] = {}

    @cached_property
    def session(self) -> "Session":
        """The only session. A second one would parse every service model again."""
        import boto3

        return self._given or boto3.session.Session(region_name=self._region)

    def get(self, service: str, region: str | None = None) -> Any:
        """Return a client with timeouts and the retries of botocore."""
        if (service, region) not in self._made:
            from botocore.config import Config as BotoConfig

            config = BotoConfig(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=self._read_timeout,
                retries={"mode": "adaptive", "max_attempts": self._attempts},
            )
            if service == "sns":
                fewer = BotoConfig(retries={"mode": "adaptive", "total_max_attempts": _PUBLISHING})
                config = config.merge(fewer)
            if service == "s3":
                config = config.merge(BotoConfig(**_s3_options(os.environ)))
            client = self.session.client(
                service,  # type: ignore[call-overload]  # the name is a variable
                region_name=region,
                config=config,
            )
            self._made[service, region] = plain_answers(client) if service in _SOURCES else client
        return self._made[service, region]


def _s3_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the options with which links to S3 open in every region.

    By default botocore signs links for the global host, and in old regions by Signature V2. S3
    redirects the global host for a day after a bucket was made, which breaks the signature, and
    refuses it for good in regions since 2019. In us-east-1 the global host works, but it is the
    legacy one; the regional host works everywhere. An emulator's endpoint has no host per bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    own_endpoint = any(environment.get(name) for name in _ENDPOINTS)
    return {
        "signature_version": "s3v4",
        "s3": {
            "addressing_style": "path" if own_endpoint else "virtual",
            "us_east_1_regional_endpoint": "regional",
        },
    }
