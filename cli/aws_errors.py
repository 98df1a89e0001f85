"""Errors of AWS and its SDK as one sentence that says what to do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cli.parser import DEMO_HINT, DEMO_STAGE
from cli.session import SERVICE
from lib.errors import ScanAlertError, SourceError, StoreError
from lib.text import one_line, truncate

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_LIMIT: Final = 400
"""Characters that are quoted of an answer."""
_SERVER_ERROR: Final = 500

# Error codes of AWS. They end in "Exception" in some protocols, which is cut off before.
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_EXPIRED: Final = frozenset({"ExpiredToken", "RequestExpired", "TokenRefreshRequired"})
_NOT_VALID: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignature",
        "MissingAuthenticationToken",
        "MissingSecurityHeader",
        "NotSignedUp",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "SubscriptionRequired",
        "UnrecognizedClient",
    }
)
_DENIED: Final = frozenset(
    {
        "403",
        "AccessDenied",
        "AuthorizationError",
        "Forbidden",
        "NotAuthorized",
        "UnauthorizedAccess",
        "UnauthorizedOperation",
    }
)
_GONE: Final = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
    }
)
_CLOCK: Final = ("RequestTimeTooSkewed", "RequestInTheFuture")
_CLOCK_WORDS: Final = ("Signature expired", "Signature not yet current", "is not within the range")
_THROTTLED: Final = (
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ProvisionedThroughputExceeded",
    "SlowDown",
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceeded",
    "PriorRequestNotComplete",
)
_FAILED: Final = ("InternalError", "InternalFailure", "InternalServer", "ServiceUnavailable")
_STATED_ACTION: Final = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")
_PASSWORD: Final = re.compile(r"//[^/@\s]*@")
_QUERY: Final = re.compile(r"(?<=\S)\?[^\s\"]*")
_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lambda:Invoke": "lambda:InvokeFunction",
        "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
        "s3:HeadBucket": "s3:ListBucket",
        "s3:HeadObject": "s3:GetObject",
        "s3:ListBuckets": "s3:ListAllMyBuckets",
        "s3:ListObjects": "s3:ListBucket",
        "s3:ListObjectsV2": "s3:ListBucket",
        "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
        "sqs:SendMessageBatch": "sqs:SendMessage",
    }
)
"""The IAM action of an operation, where they differ."""
_PREFIXES: Final[Mapping[str, str]] = MappingProxyType({"monitoring": "cloudwatch"})
"""The IAM names of services that sign their calls with another name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a command, as far as advice depends on it."""

    profile: str | None = None
    region: str | None = None
    stage: str | None = None
    endpoint: str | None = None
    """The address that replaces AWS."""

    @property
    def demo(self) -> str:
        """The way to the AWS of the demo, for those who call its stage elsewhere."""
        return f"; {DEMO_HINT}" if self.stage == DEMO_STAGE and not self.endpoint else ""

    @property
    def sign_in(self) -> str:
        """The way to get new credentials."""
        profile = f" --profile {self.profile}" if self.profile else ""
        return (
            f"Sign in with `aws sso login{profile}`, or renew the keys where they are set "
            "(AWS_ACCESS_KEY_ID and others in the environment go before a profile)"
        )


def explain(error: BaseException, caller: Caller) -> str | None:
    """
    Return one sentence for an error of AWS or its SDK, and what to do; None for any other.

    Errors of the sources and stores that were raised from such a one are explained by it, unless
    they know more. Bodies that are not AWS's own, such as a proxy's page, are not quoted.
    """
    # Commands that do not call AWS start without it.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ScanAlertError) and not isinstance(error, (SourceError, StoreError)):
        return None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ClientError):
            return _refused(cause, caller) if cause is error or _is_common(cause) else None
        if isinstance(cause, (BotoCoreError, ResponseParserError)):
            return _failed(cause, caller)
        cause = cause.__cause__
    return None


# --- answers ------------------------------------------------------------------------------------


def _is_common(error: "ClientError") -> bool:
    """Return whether an error is about the caller, and not about what was asked for."""
    return kind_of(error) not in (Refusal.OTHER, Refusal.GONE)


def _refused(error: "ClientError", caller: Caller) -> str:
    code, message = _stated(error)
    kind = kind_of(error)
    text = _ANSWERS[kind].format(action=iam_action(error), code=code, sign_in=caller.sign_in)
    return f"{text} (AWS: {message})" if message and kind in _QUOTING else text


class Refusal(StrEnum):
    """Why AWS refuses a call, as far as the caller can do something about it."""

    CLOCK = "clock"
    EXPIRED = "expired"
    NOT_VALID = "not-valid"
    BANNED = "banned"
    DENIED = "denied"
    THROTTLED = "throttled"
    FAILED = "failed"
    GONE = "gone"
    OTHER = "other"


def kind_of(error: "ClientError") -> Refusal:
    """Return why AWS refuses a call."""
    code, message = _stated(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    short = code.removesuffix("Exception")
    if "explicit deny" in message:
        return Refusal.BANNED
    if short.startswith(_CLOCK) or any(words in message for words in _CLOCK_WORDS):
        return Refusal.CLOCK
    for kind, codes in _CODES.items():
        if short in codes or short.startswith(_BEGINNINGS.get(kind, ())):
            return kind
    return Refusal.FAILED if status >= _SERVER_ERROR else Refusal.OTHER


_CODES: Final[Mapping[Refusal, frozenset[str]]] = MappingProxyType(
    {
        Refusal.EXPIRED: _EXPIRED,
        Refusal.NOT_VALID: _NOT_VALID,
        Refusal.DENIED: _DENIED,
        Refusal.THROTTLED: frozenset(),
        Refusal.FAILED: frozenset(),
        Refusal.GONE: _GONE,
    }
)
_BEGINNINGS: Final[Mapping[Refusal, tuple[str, ...]]] = MappingProxyType(
    {
        Refusal.DENIED: ("AccessDenied",),
        Refusal.THROTTLED: _THROTTLED,
        Refusal.FAILED: _FAILED,
    }
)
_ANSWERS: Final[Mapping[Refusal, str]] = MappingProxyType(
    {
        Refusal.CLOCK: (
            "AWS does not accept the time of this machine ({action}: {code}): set its clock (NTP), "
            "and run the command again"
        ),
        Refusal.EXPIRED: "Your AWS session has expired ({action}: {code}). {sign_in}",
        Refusal.NOT_VALID: (
            "AWS does not accept these credentials here ({action}: {code}). {sign_in}; or the "
            "region is not enabled for the account, or AWS_ENDPOINT_URL is wrong"
        ),
        Refusal.BANNED: "A policy denies you {action}: ask who manages this AWS account",
        Refusal.DENIED: "Your credentials may not call {action}: allow it in their IAM policy",
        Refusal.THROTTLED: (
            "AWS asks for fewer calls ({action}: {code}): wait a minute, and run it again"
        ),
        Refusal.FAILED: (
            "AWS failed to answer {action} ({code}): run the command again; if it goes on, look at "
            "https://health.aws.amazon.com and at AWS_ENDPOINT_URL"
        ),
        Refusal.GONE: (
            "AWS does not have what {action} asked for ({code}). Check --stage and --region; if it "
            "was deleted by hand, deploy the stage again"
        ),
        Refusal.OTHER: "AWS refused {action}: {code}",
    }
)
_QUOTING: Final = (Refusal.BANNED, Refusal.DENIED, Refusal.GONE, Refusal.OTHER)
"""Sentences after which AWS's own words help."""


def iam_action(error: "ClientError") -> str:
    """Return what an IAM policy has to allow for a call, as far as AWS said which."""
    stated = _STATED_ACTION.search(str(error.response.get("Error", {}).get("Message", "")))
    if stated is not None:
        return stated[1]
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    service = metadata.get(SERVICE)
    operation = f"{service}:{error.operation_name}" if service else error.operation_name
    return action_of(operation)


def action_of(operation: str) -> str:
    """Return the IAM action of a call such as "s3:HeadBucket", as `--verbose` shows it."""
    service, colon, name = operation.rpartition(":")
    named = f"{_PREFIXES.get(service, service)}{colon}{name}"
    return _ACTIONS.get(named, named)


def _stated(error: "ClientError") -> tuple[str, str]:
    """Return code and words of an answer; nothing of a page that something else answered with."""
    stated = error.response.get("Error", {})
    text = one_line(str(stated.get("Message", "")))
    message = "" if text.startswith("<") else truncate(text, _LIMIT)
    return str(stated.get("Code", "Unknown")), message


# --- no answer ----------------------------------------------------------------------------------


def _failed(error: Exception, caller: Caller) -> str:
    for names, sentence in _SENTENCES:
        if any(base.__name__ in names for base in type(error).__mro__):
            return sentence(error, caller)
    return f"AWS could not be called: {_text(error)}"


def _no_credentials(error: Exception, caller: Caller) -> str:
    return f"There are no usable AWS credentials ({_text(error)}). {caller.sign_in}{caller.demo}"


def _session_over(error: Exception, caller: Caller) -> str:
    return f"Your AWS session has ended or never began ({_text(error)}). {caller.sign_in}"


def _login_over(error: Exception, caller: Caller) -> str:
    profile = f" --profile {caller.profile}" if caller.profile else ""
    return f"Your AWS login has ended ({_text(error)}). Run `aws login{profile}`"


def _no_profile(error: Exception, _: Caller) -> str:
    import botocore.session

    # A session of its own: that of the profile cannot be made.
    names = sorted(botocore.session.Session(profile="default").available_profiles)
    there = f"there are: {', '.join(names)}" if names else "there is none: run `aws configure sso`"
    return f"{_text(error)}; {there}"


def _no_region(_: Exception, caller: Caller) -> str:
    advice = "add --region, set AWS_REGION, or give the profile one"
    return f"No AWS region is set: {advice}{caller.demo}"


def _wrong_region(error: Exception, _: Caller) -> str:
    return f"AWS cannot be called there: {_text(error)}. Check --region and AWS_REGION"


def _no_tls(error: Exception, _: Caller) -> str:
    return (
        f"The connection to AWS is not trusted: {_text(error)}. Behind a proxy that opens TLS, set "
        "AWS_CA_BUNDLE to its certificates"
    )


def _no_answer(error: Exception, caller: Caller) -> str:
    return (
        f"AWS does not answer: {_text(error)}. Check the network, the proxy (HTTPS_PROXY), "
        f"--region, and AWS_ENDPOINT_URL if you set it{caller.demo}"
    )


def _garbled(_: Exception, __: Caller) -> str:
    return (
        "What answered is not AWS, or failed: its answer cannot be read. Check the proxy "
        "(HTTPS_PROXY) and AWS_ENDPOINT_URL, and run the command again"
    )


def _wrong_value(error: Exception, _: Caller) -> str:
    return f"AWS does not take this value: {_text(error)}"


def _text(error: Exception) -> str:
    """Return botocore's own words; an address in them without a password or a query."""
    text = _QUERY.sub("", _PASSWORD.sub("//", one_line(str(error))))
    return truncate(text.rstrip("."), _LIMIT)


_SENTENCES: Final[tuple[tuple[frozenset[str], Callable[..., str]], ...]] = tuple(
    (frozenset(names.split()), sentence)
    for names, sentence in (
        ("ProfileNotFound", _no_profile),
        ("LoginError", _login_over),
        ("SSOError TokenRetrievalError RefreshWithMFAUnsupportedError", _session_over),
        ("NoCredentialsError PartialCredentialsError CredentialRetrievalError", _no_credentials),
        ("NoAuthTokenError MetadataRetrievalError UnknownCredentialError", _no_credentials),
        ("NoRegionError", _no_region),
        ("InvalidRegionError UnknownRegionError EndpointProviderError", _wrong_region),
        ("EndpointResolutionError BaseEndpointResolverError", _wrong_region),
        ("SSLError", _no_tls),
        ("ConnectionError HTTPClientError IncompleteReadError", _no_answer),
        ("ResponseParserError ChecksumError", _garbled),
        ("ParamValidationError ValidationError", _wrong_value),
    )
)
"""By the name of the class or of one it is derived from; the first that fits."""
