"""deploy/stages/STAGE.yml: every mistake with its line, and what it says of a stage."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cli.stage_file import (
    FOLDER,
    ROOT,
    SCHEMA,
    check_stage_file,
    defaults,
    find_stage,
    read_stage,
    render_stage,
    with_defaults,
)
from lib.errors import ConfigError

MINIMAL = "region: eu-central-1\nconfig: my-alerts.yml\n"


def a_file(folder: Path, text: str) -> Path:
    """Write the file of the stage prod."""
    path = folder / "prod.yml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems of a file, without its folder."""
    found = check_stage_file(a_file(folder, text))
    return [str(problem).removeprefix(f"{folder}/") for problem in found]


def test_a_minimal_file_names_region_and_configuration(tmp_path: Path) -> None:
    """Everything else has a default."""
    stage = read_stage(a_file(tmp_path, MINIMAL))

    assert (stage.name, stage.region) == ("prod", "eu-central-1")
    assert stage.config == ROOT / "my-alerts.yml"
    assert (stage.alarm_email, stage.receiver_hosts) == ("", ())
    assert with_defaults(stage.parameters) == defaults()


def test_parameters_take_the_place_of_defaults(tmp_path: Path) -> None:
    """Numbers, texts, lists and switches keep their type."""
    text = MINIMAL + (
        "alarmEmail: oncall@example.com\nreceiverHosts: [jira.example.com, .example.org]\n"
        "reportLinkDays: 0\ntraceability: false\n"
    )

    stage = read_stage(a_file(tmp_path, text))

    assert stage.alarm_email == "oncall@example.com"
    assert stage.receiver_hosts == ("jira.example.com", ".example.org")
    assert with_defaults(stage.parameters)["reportLinkDays"] == 0
    assert with_defaults(stage.parameters)["traceability"] is False
    assert with_defaults(stage.parameters)["arch"] == "arm64"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("reportLinkDay: 3", "reportLinkDay: is not known here; did you mean reportLinkDays?"),
        ("alarmEmail: nobody", "alarmEmail: must be one mail address"),
        ("alarmEmail: a@example.com, b@example.com", "alarmEmail: must be one mail address"),
        ("arch: arm", "arch: must be one of arm64, x86_64"),
        ("reconcileDays: 365", "reconcileDays: must be a whole number of days, 1 to 364"),
        ('reconcileDays: "30"', "reconcileDays: must be a whole number of days, 1 to 364"),
        ("scanConcurrency: 1", "scanConcurrency: must be a whole number, 2 to 1000"),
        ("deliveryConcurrency: 1001", "deliveryConcurrency: must be a whole number, 2 to 1000"),
        ("traceability: yes", "traceability: must be true or false"),
        ("receiverHosts: jira.example.com", "receiverHosts: must be a list"),
        (
            "receiverHosts: [https://jira.example.com]",
            (
                "receiverHosts[0]: must be a host name without scheme, port or path, "
                "such as jira.example.com"
            ),
        ),
        (
            "rolePath: teams",
            "rolePath: must begin and end with a slash, such as /teams/security/",
        ),
        (
            "permissionsBoundary: Boundary",
            (
                "permissionsBoundary: must be the ARN of an IAM policy, "
                "such as arn:aws:iam::ACCOUNT:policy/NAME"
            ),
        ),
        ("region: eu-west-1", "this key stands twice in the same place; remove one of them"),
        ("a: b: c", "a colon too many"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    """As for alerts.yml: file, line, path, and what is allowed."""
    (found,) = problems(tmp_path, f"{MINIMAL}{line}\n")

    assert found.startswith("prod.yml:3: error: ")
    assert problem in found


def test_region_and_configuration_are_needed(tmp_path: Path) -> None:
    """A deployment that guesses them is the one that replaces production."""
    assert problems(tmp_path, "arch: arm64\n") == [
        "prod.yml:1: error: region is missing",
        "prod.yml:1: error: config is missing",
    ]
    assert problems(tmp_path, "") == [
        "prod.yml:1: error: must be a mapping with region and config; there is nothing here"
    ]


def test_a_wrong_region_is_refused(tmp_path: Path) -> None:
    """AWS would only say that a host cannot be found."""
    text = "region: Frankfurt\nconfig: a.yml\n"

    with pytest.raises(ConfigError, match=r"prod\.yml:1: error: region: must be the name of an"):
        read_stage(a_file(tmp_path, text))


def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    """Only the place is said."""
    secret = "https://hooks.slack.com/" + "services/T0/B0/x"

    (found,) = problems(tmp_path, f"region: eu-central-1\nconfig: {secret}\n")

    assert "this looks like a secret itself" in found
    assert secret not in found


def test_a_stage_without_a_file_is_none(tmp_path: Path) -> None:
    """The first deployment writes it."""
    assert find_stage("prod", folder=tmp_path) is None


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    """A new file says the same as the command line that it was made from."""
    parameters = {"alarmEmail": "oncall@example.com", "receiverHosts": ["a.example", "b.example"]}
    text = render_stage("eu-west-1", ROOT / "my alerts.yml", parameters)

    stage = find_stage("prod", folder=a_file(tmp_path, text).parent)

    assert stage is not None
    assert (stage.region, stage.config) == ("eu-west-1", ROOT / "my alerts.yml")
    assert stage.parameters == parameters


def test_a_configuration_elsewhere_keeps_its_place(tmp_path: Path) -> None:
    """A file outside of the repository is named by its absolute path."""
    text = render_stage("eu-west-1", tmp_path / "alerts.yml", {})

    assert read_stage(a_file(tmp_path, text)).config == tmp_path / "alerts.yml"


def test_a_file_of_the_repository_is_named_from_its_root() -> None:
    """Nobody needs the folder of a machine in a message."""
    path = FOLDER / "no-such-stage.yml"

    with pytest.raises(ConfigError, match="there is no such file"):
        check_stage_file(path)


def test_the_schema_is_valid_and_describes_every_key() -> None:
    """Editors show titles and descriptions."""
    schema = json.loads((ROOT / "schemas" / SCHEMA).read_text())
    Draft202012Validator.check_schema(schema)

    for name, rule in schema["properties"].items():
        assert rule["title"], name
        assert rule["description"].endswith("."), name
    assert set(schema["properties"]) == {"region", "config", *defaults()}
    # Empty is how the template says "none"; a file leaves the key out.
    for name, value in defaults().items():
        if value not in ("", "/"):
            assert Draft202012Validator(schema["properties"][name]).is_valid(value), name
