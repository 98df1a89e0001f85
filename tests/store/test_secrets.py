"""Secrets by name, from the embedded AWS, without a trace of their values in errors."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lib.errors import ConfigError
from lib.store.secrets import CachedSecrets


@pytest.fixture
def name() -> str:
    return f"ecr-scan-alerts/{uuid.uuid4().hex}"


def test_a_secret_is_read_and_kept(boto: Callable[[str], Any], name: str) -> None:
    """The second read within five minutes asks nobody."""
    boto("secretsmanager").create_secret(Name=name, SecretString=" first \n")
    secrets = CachedSecrets(boto)
    first = secrets.read({"secret": name})
    boto("secretsmanager").put_secret_value(SecretId=name, SecretString="second")

    assert (first, secrets.read({"secret": name})) == ("first", "first")
    assert CachedSecrets(boto).read({"secret": name}) == "second"


def test_a_rotated_one_can_be_in_use_at_once(boto: Callable[[str], Any], name: str) -> None:
    """Reading again says whether anything is different, and what is new is kept."""
    boto("secretsmanager").create_secret(Name=name, SecretString="first")
    secrets = CachedSecrets(boto)
    secrets.read({"secret": name})

    assert not secrets.renew()
    boto("secretsmanager").put_secret_value(SecretId=name, SecretString="second")

    assert secrets.renew()
    assert secrets.read({"secret": name}) == "second"


def test_a_parameter_is_read_decrypted(boto: Callable[[str], Any], name: str) -> None:
    """SSM is the other place for a secret."""
    boto("ssm").put_parameter(Name=f"/{name}", Value="value", Type="SecureString")

    assert CachedSecrets(boto).read({"parameter": f"/{name}"}) == "value"


@pytest.mark.parametrize("kind", ["secret", "parameter"])
def test_a_missing_one_is_named(boto: Callable[[str], Any], kind: str) -> None:
    """The error says which one to create, and the service's reason."""
    with pytest.raises(ConfigError, match=f"The {kind} '/ecr-scan-alerts/nothing'.*NotFound") as e:
        CachedSecrets(boto).read({kind: "/ecr-scan-alerts/nothing"})

    assert e.value.__cause__ is None
    assert e.value.reason == "secret"


@pytest.mark.parametrize("value", [{"SecretString": "  "}, {"SecretBinary": b"\xff"}])
def test_an_empty_or_binary_secret_is_refused(
    boto: Callable[[str], Any], name: str, value: dict[str, Any]
) -> None:
    """A receiver's address or token is text."""
    boto("secretsmanager").create_secret(Name=name, **value)

    with pytest.raises(ConfigError, match="empty or not text"):
        CachedSecrets(boto).read({"secret": name})
