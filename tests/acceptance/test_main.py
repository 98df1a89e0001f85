"""The command line: what it refuses, before anything is made."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance import __main__ as command
from acceptance.deployment import DeploymentError
from acceptance.outcome import Result, failed, ok
from acceptance.resources import make_shared, tagged
from acceptance.session import Report
from acceptance.settings import names_of
from local.aws.process import REGION, CloudError, EmbeddedAws, cloud_python


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    try:
        cloud_python()
    except CloudError as error:
        pytest.skip(str(error))
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def account(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> EmbeddedAws:
    """Make the SDK speak to the embedded AWS."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return aws


def run(*arguments: str) -> int:
    return command.main(arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--region", REGION), "STAGE must be"),
        (("--stage", "accept"), "Which region?"),
        (("--stage", "no_stage", "--region", REGION), "STAGE must be"),
        (("--clean",), "Which region?"),
    ],
)
def test_stage_and_region_are_needed(
    arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence and exit code 2."""
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith(f"Not begun. {text}")


def test_without_a_terminal_it_asks_for_yes(
    account: EmbeddedAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says first where and what."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)

    assert run("--stage", "accept", "--region", REGION) == 2

    output = capsys.readouterr()
    assert f"account  {account.account}\nregion   {REGION}\n" in output.out
    assert "1 USD" in output.out
    assert "add YES=1" in output.err
    assert tagged(account.client) == {}


@pytest.mark.parametrize("answer", ["n", "", "nonsense", None])
def test_only_yes_begins(
    account: EmbeddedAws,
    answer: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of the input is a no."""

    def ask(_: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", ask)

    assert run("--stage", "accept", "--region", REGION) == 2
    assert "Nothing was changed." in capsys.readouterr().err
    assert tagged(account.client) == {}


def test_credentials_that_aws_does_not_know_are_one_sentence(
    account: EmbeddedAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is made."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOESNOTEXIST00000")

    assert run("--stage", "accept", "--region", REGION) == 2

    error = capsys.readouterr().err
    assert error.startswith("Not begun. ")
    assert "Traceback" not in error
    assert tagged(account.client) == {}


def test_what_runs_left_is_deleted_by_its_tag(
    account: EmbeddedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of all runs or of one; a second time there is nothing."""
    for stage in ("one", "two"):
        make_shared(account.client, names_of(stage))

    assert run("--clean", "--region", REGION, "--stage", "one", "--yes") == 0
    assert set(tagged(account.client)) == {"two"}
    assert run("--clean", "--region", REGION, "--yes") == 0
    assert tagged(account.client) == {}
    capsys.readouterr()
    assert run("--clean", "--region", REGION, "--yes") == 0
    assert "Nothing of any run carries the tag" in capsys.readouterr().out


def test_a_stage_without_the_tag_is_never_deleted(
    account: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming somebody's stage deletes nothing of it."""
    account.client("cloudformation").create_stack(
        StackName="ecr-scan-alerts-prod",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )

    def never(*_: object) -> None:
        raise DeploymentError("make must not run")

    monkeypatch.setattr(command.Make, "remove", never)

    assert run("--clean", "--region", REGION, "--stage", "prod", "--yes") == 0
    stacks = account.client("cloudformation").describe_stacks(StackName="ecr-scan-alerts-prod")
    assert len(stacks["Stacks"]) == 1


def test_the_report_ends_with_a_table_and_what_is_left(
    account: EmbeddedAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that deletes it."""
    report = Report(
        (
            Result(1, "deploy", "a stack", ok("UPDATE_COMPLETE"), 61.0),
            Result(2, "push", "an alert", failed("no alert"), 900.0),
        ),
        ("queue x: AccessDenied",),
    )
    monkeypatch.setattr(command, "accept", lambda *_, **__: report)

    assert run("--stage", "accept", "--region", REGION, "--yes") == 1

    output = capsys.readouterr().out
    assert "UPDATE_COMPLETE" in output
    assert "failed" in output
    assert "left: queue x: AccessDenied" in output
    assert f"make acceptance-clean STAGE=accept REGION={REGION}" in output
    assert account.account in output
