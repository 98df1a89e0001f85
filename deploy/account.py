"""
The AWS account that `make` works on: clients, the caller, and AWS errors as sentences.

Credentials are found as boto3 finds them, including AWS_PROFILE.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

ClientOf = Callable[[str], Any]
_RETRIES: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=60
)
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_INVALID: Final = ("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure")
_DENIED: Final = ("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
"""An answer to HEAD has no body, so its code is the status of HTTP."""
_PROBE: Final = "us-east-1"
"""A region that is enabled in every account of the commercial partition."""


class DeployError(Exception):
    """The stage cannot be deployed, removed or purged. The text names the remedy."""


class DeniedError(DeployError):
    """AWS knows the caller and denies this call."""


@dataclass(frozen=True, slots=True)
class Account:
    """The calling account and role, and the region."""

    number: str
    arn: str
    region: str

    @property
    def partition(self) -> str:
        """The partition of AWS, such as aws or aws-us-gov."""
        return self.arn.split(":")[1]


def session_of(region: str) -> boto3.session.Session:
    """Return a session for a region. Raises `DeployError` for a profile that does not exist."""
    try:
        return boto3.session.Session(region_name=region)
    except ProfileNotFound as error:
        raise DeployError(
            f"{_sentence(error)} Set AWS_PROFILE to one of `aws configure list-profiles`"
        ) from error


def clients_of(session: boto3.session.Session) -> ClientOf:
    """Return a factory for the clients of a session. Each client is created once."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, config=_RETRIES)  # type: ignore[call-overload]  # the name is a variable
        return clients[service]

    return client


def identify(session: boto3.session.Session, region: str) -> Account:
    """Return the caller. Raises `DeployError` without credentials, and for an unusable region."""
    try:
        with aws_errors("asking AWS who calls"):
            identity = _caller(session, region)
    except DeployError as error:
        raise DeployError(_region_remedy(session, region, error)) from error.__cause__
    return Account(identity["Account"], identity["Arn"], region)


def _caller(session: boto3.session.Session, region: str) -> dict[str, str]:
    caller: dict[str, str] = session.client(
        "sts", region_name=region, config=_RETRIES
    ).get_caller_identity()
    return caller


def _region_remedy(session: boto3.session.Session, region: str, error: DeployError) -> str:
    """Add a remedy to an error if the region is the cause, and not the credentials."""
    cause = error.__cause__
    if isinstance(cause, EndpointConnectionError):
        regions = [
            name
            for part in session.get_available_partitions()
            for name in session.get_available_regions("sts", part)
        ]
        nearest = get_close_matches(region, regions, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest and region not in regions else ""
        return f"AWS cannot be reached in the region {region}{hint}"
    if isinstance(cause, ClientError) and _code(cause) in _INVALID and region != _PROBE:
        try:
            number = _caller(session, _PROBE)["Account"]
        except (BotoCoreError, ClientError):
            return str(error)
        return (
            f"The region {region} is not enabled for account {number}. Enable it: "
            f"aws account enable-region --region-name {region}"
        )
    return str(error)


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Raise AWS errors as a `DeployError` of one sentence. `action`: "reading the stack"."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise DeployError(
            "There are no AWS credentials here. Log in (aws sso login --profile NAME, then "
            "export AWS_PROFILE=NAME), or set them up: aws configure"
        ) from error
    except (UnauthorizedSSOTokenError, TokenRetrievalError) as error:
        raise DeployError("The AWS login has expired. Log in again: aws sso login") from error
    except ClientError as error:
        raise _refusal(action, error) from error
    except BotoCoreError as error:
        raise DeployError(f"AWS could not be called while {action}: {_sentence(error)}") from error


def _refusal(action: str, error: ClientError) -> DeployError:
    code = _code(error)
    if code in _EXPIRED:
        return DeployError("The AWS credentials have expired. Log in again: aws sso login")
    if code in _INVALID:
        return DeployError("AWS does not know these credentials. Set up others: aws configure")
    text = _sentence(error.response["Error"].get("Message") or code)
    if is_denied(error):
        return DeniedError(f"AWS denies {error.operation_name} while {action}: {text}")
    return DeployError(f"AWS refused {error.operation_name} while {action}: {code}: {text}")


def is_denied(error: ClientError) -> bool:
    """Whether AWS denies the call to a known caller."""
    return _code(error) in _DENIED


def is_missing(error: ClientError) -> bool:
    """Whether AWS reports that the resource does not exist."""
    message = error.response["Error"].get("Message", "")
    return "does not exist" in message or _code(error) in (
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchKey",
        "NoSuchTagSet",
        "ResourceNotFoundException",
        "ParameterNotFound",
        "ChangeSetNotFound",
    )


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def _sentence(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".") + "."
