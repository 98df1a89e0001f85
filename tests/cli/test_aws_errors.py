"""Errors of AWS: which sentence each of them becomes."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    LoginRefreshRequired,
    NoCredentialsError,
    NoRegionError,
    ProxyConnectionError,
    SSLError,
    UnauthorizedSSOTokenError,
)

from cli.aws_errors import Caller, explain, iam_action
from lib.errors import ConfigError, DocumentError, SourceError, StoreError
from tests.support.every import every

CALLER = Caller(profile="work")


def refusal(
    code: str, message: str = "", *, status: int = 400, service: str = "sqs"
) -> ClientError:
    metadata = {"HTTPStatusCode": status, "Service": service}
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(response, "SendMessageBatch")  # type: ignore[arg-type]  # as parsed


@every(
    ("error", "words"),
    [
        (refusal("ExpiredToken"), "`aws sso login --profile work`"),
        (refusal("UnrecognizedClientException"), "does not accept these credentials"),
        (refusal("RequestTimeTooSkewed"), "set its clock"),
        (refusal("SignatureDoesNotMatch", "Signature expired: 20260101"), "set its clock"),
        (refusal("SignatureDoesNotMatch"), "does not accept these credentials"),
        (refusal("AccessDenied"), "may not call sqs:SendMessage: allow it"),
        (refusal("AccessDenied", "x with an explicit deny in an SCP"), "A policy denies you"),
        (refusal("Throttling"), "wait a minute"),
        (refusal("RequestThrottled"), "wait a minute"),
        (refusal("503", status=503), "run the command again"),
        (refusal("QueueDoesNotExist"), "deploy the stage again"),
        (refusal("Odd", "why not"), "AWS refused sqs:SendMessage: Odd (AWS: why not)"),
        (refusal("Odd", "<html>secret</html>"), "AWS refused sqs:SendMessage: Odd"),
        (UnauthorizedSSOTokenError(), "`aws sso login --profile work`"),
        (LoginRefreshRequired(), "`aws login --profile work`"),
        (NoRegionError(), "add --region"),
        (ProxyConnectionError(proxy_url="http://me:pw@proxy:1"), 'proxy URL: "http://proxy:1"'),
        (SSLError(endpoint_url="https://a", error="x"), "AWS_CA_BUNDLE"),
        (BotoCoreError(), "AWS could not be called"),
    ],
)
def test_an_error_says_what_to_do(error: Exception, words: str) -> None:
    """By its kind, not by the command in which it happened."""
    assert words in str(explain(error, CALLER))


@pytest.mark.parametrize(
    ("caller", "hint"),
    [
        (Caller(stage="local"), True),
        (Caller(stage="local", endpoint="http://127.0.0.1:4566"), False),
        (Caller(stage="prod"), False),
    ],
)
@pytest.mark.parametrize(
    "error",
    [NoRegionError(), NoCredentialsError(), EndpointConnectionError(endpoint_url="https://a")],
)
def test_the_demo_has_its_own_settings(error: Exception, caller: Caller, *, hint: bool) -> None:
    """A new terminal has none of them."""
    advice = "; for the demo, paste the `export` line that `make demo` prints"

    assert str(explain(error, caller)).endswith(advice) is hint


def test_what_answered_is_not_quoted_when_it_is_a_page() -> None:
    """A page of a proxy may hold anything."""
    assert "secret" not in str(explain(refusal("Odd", "<html>secret</html>"), CALLER))


def test_the_action_is_the_one_that_aws_names() -> None:
    """An operation may need another permission than its own."""
    message = "User: arn:aws:iam::1:user/a is not authorized to perform: kms:Decrypt on resource: x"

    assert iam_action(refusal("AccessDenied", message)) == "kms:Decrypt"
    assert iam_action(ClientError({}, "DescribeStacks")) == "DescribeStacks"


@pytest.mark.parametrize(
    ("ours", "explained"),
    [(StoreError("reading"), True), (SourceError("x"), True), (DocumentError("x"), False)],
)
def test_an_error_of_ours_is_explained_by_its_cause(ours: Exception, *, explained: bool) -> None:
    """Unless it says more than AWS does."""
    ours.__cause__ = refusal("ExpiredToken")

    assert (explain(ours, CALLER) is not None) is explained


def test_an_error_about_one_thing_keeps_its_own_words() -> None:
    """A missing repository is said better where it is known which."""
    ours = SourceError("payments/api does not exist (any more)")
    ours.__cause__ = refusal("RepositoryNotFoundException")

    assert explain(ours, CALLER) is None
    assert explain(ConfigError("x"), CALLER) is None
    assert explain(KeyError("x"), CALLER) is None
