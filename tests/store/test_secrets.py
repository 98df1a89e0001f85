"""Secrets by name, from the embedded AWS, without a trace of their values in errors."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lib.config.secret_names import creation_command
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


def test_a_stage_reads_its_own_secrets(boto: Callable[[str], Any], name: str) -> None:
    """Another stage's secret, and one of no stage, are not read for it; a new value is seen."""
    below = name.removeprefix("ecr-scan-alerts/")
    for full in (name, f"ecr-scan-alerts/dev/{below}", f"ecr-scan-alerts/prod/{below}"):
        boto("secretsmanager").create_secret(Name=full, SecretString=f"value of {full}")
        boto("ssm").put_parameter(Name=f"/{full}", Value=f"/{full}", Type="SecureString")
    secrets = CachedSecrets(boto, stage="prod")

    assert secrets.read({"secret": name}) == f"value of ecr-scan-alerts/prod/{below}"
    assert secrets.read({"parameter": f"/{name}"}) == f"/ecr-scan-alerts/prod/{below}"
    assert not secrets.renew()
    boto("secretsmanager").put_secret_value(
        SecretId=f"ecr-scan-alerts/prod/{below}", SecretString="new"
    )
    assert secrets.renew()
    assert secrets.read({"secret": name}) == "new"


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ({"secret": "ecr-scan-alerts/nothing"}, "ecr-scan-alerts/prod/nothing"),
        ({"parameter": "/ecr-scan-alerts/nothing"}, "/ecr-scan-alerts/prod/nothing"),
    ],
)
def test_a_missing_one_is_named_with_the_command_that_creates_it(
    boto: Callable[[str], Any], reference: dict[str, str], full: str
) -> None:
    """The name is the one that was looked up, and the service's reason is there."""
    (kind,) = reference

    with pytest.raises(ConfigError, match=f"The {kind} '{full}'.*NotFound") as e:
        CachedSecrets(boto, stage="prod").read(reference)

    assert str(e.value).endswith(creation_command(kind, full, "eu-central-1"))
    assert e.value.__cause__ is None
    assert e.value.reason == "secret"


class Refusing:
    """A client of Secrets Manager whose role may not read."""

    def get_secret_value(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")


def test_a_secret_that_may_not_be_read_is_not_to_be_created() -> None:
    """Creating it would not help."""
    with pytest.raises(ConfigError, match=r"could not be read \(AccessDeniedException\)$"):
        CachedSecrets(lambda _: Refusing()).read({"secret": "ecr-scan-alerts/team"})


@pytest.mark.parametrize("value", [{"SecretString": "  "}, {"SecretBinary": b"\xff"}])
def test_an_empty_or_binary_secret_is_refused(
    boto: Callable[[str], Any], name: str, value: dict[str, Any]
) -> None:
    """A receiver's address or token is text."""
    boto("secretsmanager").create_secret(Name=name, **value)

    with pytest.raises(ConfigError, match="empty or not text"):
        CachedSecrets(boto).read({"secret": name})
