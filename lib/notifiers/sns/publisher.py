"""Publishing to a topic, and the retry class of every refusal of SNS."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.models import Json
from lib.text import one_line, truncate

_ARN_PARTS: Final = 6


_THROTTLED: Final = frozenset(
    {
        "KMSThrottling",
        "KMSThrottlingException",
        "RequestLimitExceeded",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


# Expired credentials are here, too: the next invocation has fresh ones.
_TEMPORARY: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)


_MALFORMED: Final = frozenset(
    {
        "InvalidParameter",
        "InvalidParameterException",
        "InvalidParameterValue",
        "ParameterValueInvalid",
        "ValidationError",
        "ValidationException",
    }
)


class SnsPublisher:
    """See `lib.ports.notifiers.TopicPublisher`. `client_for` returns the client of a region."""

    def __init__(self, client_for: Callable[[str], Any]) -> None:
        self._client_for = client_for

    def publish(self, topic_arn: str, request: Mapping[str, Json]) -> str:
        """See `TopicPublisher.publish`. The region is the topic's, whatever ours is."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            client = self._client_for(region_of(topic_arn))
            return str(client.publish(TopicArn=topic_arn, **request)["MessageId"])
        except ClientError as error:
            raise _refused(error.response) from error
        except BotoCoreError as error:
            raise _unanswered(error) from error
        except ResponseParserError as error:
            raise AmbiguousDeliveryError("SNS: no clear answer", reason="no-answer") from error


def region_of(topic_arn: str) -> str:
    """Return the region that an ARN names."""
    parts = topic_arn.split(":")
    if len(parts) != _ARN_PARTS or not parts[3]:
        raise ConfigError("topic_arn is not the ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME")
    return parts[3]


def _refused(response: Mapping[str, Any]) -> DeliveryError:
    """
    Return the error class of an answer of SNS, the same one as `lib.http_client.failure`.

    After InternalFailure, or any other 5xx but 503, the message may have been published.
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
    """
    said = response.get("Error", {})
    code = str(said.get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"SNS refused with {code}: {truncate(one_line(str(said.get('Message', ''))), 200)}"
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(text)
    if code in _TEMPORARY or status == HTTPStatus.SERVICE_UNAVAILABLE:
        return TemporaryDeliveryError(text, reason="sns-temporary")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AmbiguousDeliveryError(text, reason="sns-failed")
    malformed = code in _MALFORMED
    return PermanentDeliveryError(
        text, degradable=malformed, broken=not malformed, reason="sns-refused"
    )


def _unanswered(error: Exception) -> DeliveryError | ConfigError:
    """Tell "nothing was sent" from "it was sent and nothing came back", and from a wrong set-up."""
    from botocore import exceptions

    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return ConfigError("No AWS credentials to publish with")
        case exceptions.ParamValidationError():
            return PermanentDeliveryError(
                "boto3 refused the request", degradable=True, reason="invalid-request"
            )
        case (
            exceptions.EndpointConnectionError()
            | exceptions.ConnectTimeoutError()
            | exceptions.ProxyConnectionError()
            | exceptions.SSLError()
        ):
            return TemporaryDeliveryError("SNS: no connection", reason="no-connection")
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return AmbiguousDeliveryError("SNS: no answer", reason="no-answer")
        case _:
            return TemporaryDeliveryError(f"SNS: {type(error).__name__}", reason="sns-temporary")
