"""AWS's refusals as sentences: what is wrong, and what to do."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
)

from deploy import account
from deploy.account import DeniedError, DeployError, aws_errors, identify, session_of
from tests.deploy.aws import refusal

CALLER = {"Account": "210987654321", "Arn": "arn:aws:sts::210987654321:assumed-role/ops/me"}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoCredentialsError(), "There are no AWS credentials here. Log in"),
        (TokenRetrievalError(provider="sso", error_msg="x"), "login has expired.*aws sso login"),
        (refusal("ExpiredToken"), "credentials have expired. Log in again: aws sso login"),
        (refusal("InvalidClientTokenId"), "AWS does not know these credentials"),
        (refusal("ThrottlingException", "Rate exceeded", "X"), "AWS refused X while reading: Thr"),
        (ConnectTimeoutError(endpoint_url="https://x"), "could not be called while reading"),
    ],
)
def test_what_stops_a_call_becomes_one_sentence(error: Exception, sentence: str) -> None:
    """Nobody reads a traceback of botocore."""
    with pytest.raises(DeployError, match=sentence) as caught, aws_errors("reading"):
        raise error

    assert "\n" not in str(caught.value)


def test_a_denied_call_names_the_action() -> None:
    """The text of AWS says who may not do what."""
    error = refusal("AccessDenied", "User: x is not authorized to perform: y", "GetObject")

    with (
        pytest.raises(DeniedError, match="AWS denies GetObject while reading: User: x is not"),
        aws_errors("reading"),
    ):
        raise error


def test_the_caller_is_an_account_and_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are shown before anything is changed."""
    monkeypatch.setattr(account, "_caller", lambda *_: CALLER)

    found = identify(boto3.session.Session(), "eu-west-1")

    assert (found.number, found.region, found.partition) == ("210987654321", "eu-west-1", "aws")


def test_a_disabled_region_is_told_from_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says the same of both; another region tells them apart."""

    def caller(_: Any, region: str) -> dict[str, str]:
        if region == "us-east-1":
            return CALLER
        raise refusal("InvalidClientTokenId")

    monkeypatch.setattr(account, "_caller", caller)

    with pytest.raises(
        DeployError, match="me-south-1 is not enabled for account 210987654321"
    ) as e:
        identify(boto3.session.Session(), "me-south-1")
    assert "aws account enable-region --region-name me-south-1" in str(e.value)


def test_wrong_credentials_stay_wrong_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region is not blamed."""

    def caller(*_: Any) -> dict[str, str]:
        raise refusal("InvalidClientTokenId")

    monkeypatch.setattr(account, "_caller", caller)

    with pytest.raises(DeployError, match="AWS does not know these credentials"):
        identify(boto3.session.Session(), "me-south-1")


def test_a_misspelt_region_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host answers there, which botocore reports as a network problem."""

    def caller(*_: Any) -> dict[str, str]:
        raise EndpointConnectionError(endpoint_url="https://sts.eu-centrl-1.amazonaws.com")

    monkeypatch.setattr(account, "_caller", caller)

    with pytest.raises(DeployError, match="eu-centrl-1; did you mean eu-central-1"):
        identify(boto3.session.Session(), "eu-centrl-1")


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_PROFILE is often left over from other work."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    with pytest.raises(DeployError, match=r"no-such-profile.* Set AWS_PROFILE to one of"):
        session_of("eu-west-1")
