"""What a command line and the file of a stage say together."""

from pathlib import Path
from typing import Any

import pytest

from cli.stage_file import Stage
from deploy import inputs
from deploy.inputs import SAMPLE, CommandLine, Inputs, command_line, inputs_of
from lib.errors import ConfigError

HOSTS = ("jira.example.com", "git.example.com")


@pytest.fixture
def prod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Have a file for the stage prod."""
    stage = Stage(
        name="prod",
        path=tmp_path / "prod.yml",
        region="eu-central-1",
        config=tmp_path / "my-alerts.yml",
        parameters={"alarmEmail": "oncall@example.com", "receiverHosts": list(HOSTS)},
    )
    monkeypatch.setattr(inputs, "find_stage", lambda name: stage if name == "prod" else None)
    return stage


def a_command_line(**values: Any) -> CommandLine:
    return CommandLine(**{"stage": "prod", **values})


def test_the_file_of_a_stage_is_enough(prod: Stage) -> None:
    """`make deploy STAGE=prod` deploys what the last one did."""
    assert inputs_of(a_command_line()) == Inputs(
        "prod", "eu-central-1", prod.config, prod.parameters, prod.path
    )


def test_the_region_of_the_shell_does_not_count_against_the_file(prod: Stage) -> None:
    """AWS_REGION is what other work needs."""
    assert inputs_of(a_command_line(fallback_region="us-east-1")).region == prod.region


def test_the_same_said_again_is_no_contradiction(prod: Stage) -> None:
    """Scripts from before the file still work."""
    again = a_command_line(
        region=prod.region,
        config=str(prod.config),
        alarm_email="oncall@example.com",
        receiver_hosts=tuple(reversed(HOSTS)),
    )

    assert inputs_of(again) == inputs_of(a_command_line())


def test_the_same_configuration_by_another_path_is_no_contradiction(prod: Stage) -> None:
    """A file beside the repository is named from its root, or from where somebody is."""
    detour = prod.config.parent / "folder" / ".." / prod.config.name

    assert inputs_of(a_command_line(config=str(detour))).config == prod.config


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"region": "us-east-1"}, "REGION is not what .* says. Write `region: us-east-1` there"),
        ({"config": "other.yml"}, "Write `config: other.yml` there, or leave CONFIG out"),
        ({"alarm_email": "x@example.com"}, "Write `alarmEmail: x@example.com` there"),
        ({"receiver_hosts": ("a.example",)}, r"Write `receiverHosts: \[a.example\]` there"),
    ],
)
@pytest.mark.usefixtures("prod")
def test_a_contradiction_is_refused(values: dict[str, Any], sentence: str) -> None:
    """The next deployment would undo it without a word."""
    with pytest.raises(ConfigError, match=sentence):
        inputs_of(a_command_line(**values))


@pytest.mark.usefixtures("prod")
def test_the_first_time_the_command_line_counts(tmp_path: Path) -> None:
    """There is no file yet, so nothing is remembered."""
    first = CommandLine(
        stage="new",
        region="us-east-1",
        config=str(tmp_path / "a.yml"),
        alarm_email="x@example.com",
        receiver_hosts=HOSTS,
        fallback_region="eu-west-1",
    )

    assert inputs_of(first) == Inputs(
        "new",
        "us-east-1",
        tmp_path / "a.yml",
        {"alarmEmail": "x@example.com", "receiverHosts": list(HOSTS)},
    )
    assert inputs_of(CommandLine("new", fallback_region="eu-west-1")) == Inputs(
        "new", "eu-west-1", SAMPLE
    )


def test_the_environment_is_read_as_before() -> None:
    """ALARM_EMAIL and RECEIVER_HOSTS, as `make` hands them on."""
    options = type("Options", (), {"stage": "s", "region": "", "config": ""})()
    environment = {
        "ALARM_EMAIL": "x@example.com",
        "RECEIVER_HOSTS": "a.example, b.example,",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }

    assert command_line(options, environment) == CommandLine(
        stage="s",
        alarm_email="x@example.com",
        receiver_hosts=("a.example", "b.example"),
        fallback_region="eu-west-1",
    )
