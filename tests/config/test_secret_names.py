"""Names of secrets: what a stage reads for a name in alerts.yml."""

import pytest

from lib.config.secret_names import creation_command, stage_name
from lib.errors import ConfigError
from tests.support.every import every


@every(
    ("kind", "name", "expected"),
    [
        ("secret", "ecr-scan-alerts/team", "ecr-scan-alerts/prod/team"),
        ("secret", "ecr-scan-alerts/teams/a/hook", "ecr-scan-alerts/prod/teams/a/hook"),
        ("secret", "ecr-scan-alerts/prod/team", "ecr-scan-alerts/prod/team"),
        ("secret", "ecr-scan-alerts/prod", "ecr-scan-alerts/prod/prod"),
        ("secret", "ecr-scan-alerts/prod-eu/team", "ecr-scan-alerts/prod/prod-eu/team"),
        ("secret", "ecr-scan-alerts/dev/team", "ecr-scan-alerts/prod/dev/team"),
        ("secret", "ecr-scan-alerts/teams/prod/x", "ecr-scan-alerts/prod/teams/prod/x"),
        ("secret", "ecr-scan-alerts/Prod/team", "ecr-scan-alerts/prod/Prod/team"),
        ("parameter", "/ecr-scan-alerts/team", "/ecr-scan-alerts/prod/team"),
        ("parameter", "ecr-scan-alerts/team", "/ecr-scan-alerts/prod/team"),
        ("parameter", "/ecr-scan-alerts/prod/team", "/ecr-scan-alerts/prod/team"),
        ("parameter", "/ecr-scan-alerts/teams/a/hook", "/ecr-scan-alerts/prod/teams/a/hook"),
    ],
)
def test_a_stage_reads_below_its_own_name(kind: str, name: str, expected: str) -> None:
    """The stage follows the prefix, once."""
    assert stage_name(kind, name, "prod") == expected
    assert stage_name(kind, expected, "prod") == expected


@pytest.mark.parametrize("name", ["ecr-scan-alerts/team", "/ecr-scan-alerts/team", "any/team"])
def test_without_a_stage_a_name_is_read_as_written(name: str) -> None:
    """An operator's command that names no stage reads what the file says."""
    assert stage_name("secret", name, None) == name
    assert stage_name("parameter", name, None) == name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("secret", "other/team"),
        ("secret", "/ecr-scan-alerts/team"),
        ("secret", "ecr-scan-alerts-2/team"),
        ("parameter", "/other/team"),
        ("parameter", "//ecr-scan-alerts/team"),
    ],
)
def test_a_name_outside_the_prefix_is_refused(kind: str, name: str) -> None:
    """No role of a stage may read it."""
    with pytest.raises(ConfigError, match=f"The {kind} '{name}' must begin with ecr-scan-alerts/"):
        stage_name(kind, name, "prod")


def test_the_command_creates_the_secret_where_the_stage_reads() -> None:
    """With its region, and with the value on standard input, where an address is no argument."""
    assert creation_command("secret", "ecr-scan-alerts/prod/team", "eu-central-1") == (
        'printf %s "$VALUE" | aws secretsmanager create-secret --region eu-central-1 '
        "--name ecr-scan-alerts/prod/team --secret-string file:///dev/stdin"
    )
    assert creation_command("parameter", "/ecr-scan-alerts/prod/team", "eu-central-1") == (
        'printf %s "$VALUE" | aws ssm put-parameter --region eu-central-1 '
        "--name /ecr-scan-alerts/prod/team --type SecureString --value file:///dev/stdin"
    )
