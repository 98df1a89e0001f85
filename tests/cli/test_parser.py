"""The command line: where options may stand, where their defaults come from, what was meant."""

import argparse
import ast
import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cli import stage_file
from cli.__main__ import main, parser
from cli.deployment import required_stage
from cli.failures import guarded
from cli.parser import CommandLine, Parser, checkout
from cli.session import OperatorClients, connected
from lib.bootstrap.clients import Clients
from lib.errors import DocumentError
from lib.models.program import VERSION
from tests.cli.refusing_aws import SECRET, RefusingAws, serving

ROOT = Path(__file__).parents[2]
STAGE_FILE = "region: eu-west-3\nconfig: deployed.yml\n"


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the file of stage prod; nothing else names a stage or a region."""
    for name in ("ECR_SCAN_ALERTS_STAGE", "ECR_SCAN_ALERTS_CONFIG", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "prod.yml").write_text(STAGE_FILE)
    monkeypatch.setattr("cli.stage_file.stage_path", lambda name, **_: tmp_path / f"{name}.yml")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        "--stage prod --region eu-west-1 --profile p -v digest show --config a.yml",
        "digest show --stage prod --region eu-west-1 --profile p --verbose --config a.yml",
        "-v --profile p --config b --region eu-west-1 digest show --stage prod --config a.yml",
    ],
)
def test_options_stand_before_or_after_the_command(arguments: str) -> None:
    """The one after it wins."""
    options = parser().parse_args(arguments.split())

    assert (options.stage, options.region, options.profile) == ("prod", "eu-west-1", "p")
    assert (options.verbose, options.config) == (True, "a.yml")


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ("digest show", {}, (None, "alerts.yml", False)),
        ("digest show", {"ECR_SCAN_ALERTS_STAGE": "dev"}, ("dev", "alerts.yml", False)),
        ("digest show --stage x", {"ECR_SCAN_ALERTS_STAGE": "dev"}, ("x", "alerts.yml", False)),
        ("digest show", {"ECR_SCAN_ALERTS_CONFIG": "mine.yml"}, (None, "mine.yml", True)),
        ("digest show --config b.yml", {"ECR_SCAN_ALERTS_CONFIG": "a.yml"}, (None, "b.yml", True)),
        ("digest show --stage a/b", {}, ("a/b", "alerts.yml", False)),
        ("digest show", {"ECR_SCAN_ALERTS_STAGE": ""}, (None, "alerts.yml", False)),
    ],
)
@pytest.mark.usefixtures("stages")
def test_defaults_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    environment: dict[str, str],
    expected: tuple[str | None, str, bool],
) -> None:
    """What stands on the command line goes before them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    options = parser().parse_args(arguments.split())

    assert (options.stage, options.config, options.config_is_named) == expected


def region_of(arguments: str, **given: Any) -> str | None:
    """Return the region that a command's clients are made for."""
    regions: list[str | None] = []

    def connect(*, region: str | None, **_: Any) -> Clients:
        regions.append(region)
        return Clients()

    connected(parser().parse_args(arguments.split()), connect, **given)
    return regions[0]


def test_a_stage_file_has_region_and_configuration(
    stages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is deployed is known there; a region that is named goes before it."""
    options = parser().parse_args(["digest", "show", "--stage", "prod"])
    monkeypatch.setenv("ECR_SCAN_ALERTS_CONFIG", "mine.yml")
    named = parser().parse_args(["digest", "show", "--stage", "prod"])

    assert Path(options.config).name == "deployed.yml"
    assert named.config == "mine.yml"
    assert region_of("digest show --stage prod") == "eu-west-3"
    assert region_of("digest show --stage prod --region eu-west-1") == "eu-west-1"
    assert region_of("digest show --stage prod", region="us-east-1") == "us-east-1"
    assert region_of("digest show --stage other") is None
    (stages / "prod.yml").write_text("region: [")
    assert parser().parse_args(["deliveries", "list", "--stage", "prod", "--config", "a"])


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
def test_the_region_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], region: str
) -> None:
    """AWS_REGION too, which boto3 does not read."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    clients = OperatorClients(environment=environment)

    assert clients.session.region_name == region


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("deliveries list --sate DEAD", "did you mean --state?"),
        ("deliveries list --zzz", "unrecognized arguments: --zzz"),
        ("deliveries list --state DAED", "did you mean DEAD?"),
        ("deliveries list --rate 1", "ecr-scan-alerts deliveries list: error:"),
        ("--stage prod audit", "this command takes no --stage"),
        ("--region eu-west-1 route x", "the following arguments are required"),
        ("", "required: COMMAND"),
    ],
)
def test_wrong_usage_says_what_was_meant(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage of the command, and exit code 2."""
    if arguments.startswith("--region"):
        arguments = "--region eu-west-1 route"
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (
            "chek-config x",
            (
                "ecr-scan-alerts: error: there is no command 'chek-config'; did you mean "
                "check-config? `./ecr-scan-alerts --help` lists the commands"
            ),
        ),
        (
            "zzz",
            (
                "ecr-scan-alerts: error: there is no command 'zzz'; `./ecr-scan-alerts --help` "
                "lists the commands"
            ),
        ),
        (
            "deliveries lst",
            (
                "ecr-scan-alerts deliveries: error: there is no action 'lst'; did you mean list? "
                "`./ecr-scan-alerts deliveries --help` lists the actions"
            ),
        ),
    ],
)
def test_an_unknown_command_is_answered_in_one_line(
    arguments: str,
    answer: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The usage and the names of all commands would hide it."""
    monkeypatch.setenv("ECR_SCAN_ALERTS_CALLED_AS", "./ecr-scan-alerts")

    with pytest.raises(SystemExit) as ended:
        main(arguments.split())

    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{answer}\n"


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    """With what a report of a bug needs."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"ecr-scan-alerts {VERSION} (")


def test_a_clone_names_its_commit_and_an_installation_none(tmp_path: Path) -> None:
    """Between two releases the version alone says too little."""
    git = ["git", "-C", str(tmp_path)]
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    assert list(checkout(tmp_path)) == []

    subprocess.run([*git, "init", "--quiet"], check=True)
    assert list(checkout(tmp_path)) == []
    commit = ["commit", "--quiet", "--allow-empty", "-m", "first"]
    subprocess.run([*git, *identity, *commit], check=True)

    (text,) = checkout(tmp_path)
    assert re.fullmatch("checkout [0-9a-f]{7,}", text)


@pytest.mark.parametrize("stage", [None, "a b", "-x", "1st", "a/b"])
@pytest.mark.usefixtures("stages")
def test_a_stage_is_asked_for_by_name(stage: str | None) -> None:
    """What cannot be part of a stack's name is not sent to AWS."""
    from cli.deployment import deployment

    options = parser().parse_args(["deliveries", "list"])
    options.stage = stage

    with pytest.raises(DocumentError, match=r"Which stage|is not a stage"):
        deployment(options)


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((), "--stage NAME, or set ECR_SCAN_ALERTS_STAGE"),
        (("qd",), "--stage qd, or set ECR_SCAN_ALERTS_STAGE"),
        (
            ("dev", "prod"),
            "--stage NAME, or set ECR_SCAN_ALERTS_STAGE; deploy/stages has dev, prod",
        ),
    ],
)
def test_the_stages_of_the_clone_are_named(
    stages: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], advice: str
) -> None:
    """Where nobody says which is meant."""
    (stages / "prod.yml").unlink()
    for name in names:
        (stages / f"{name}.yml").write_text(STAGE_FILE)
    named = partial(stage_file.stage_names, folder=stages)
    monkeypatch.setattr(stage_file, "stage_names", named)

    with pytest.raises(DocumentError) as refused:
        required_stage(parser().parse_args(["deliveries", "list"]))

    assert str(refused.value) == f"Which stage? Add {advice}"


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Run `deliveries list` with made-up keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def run(address: str) -> int:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        words = ["deliveries", "list", "--stage", "prod", "--region", "eu-west-1", "-v"]
        return main(words)

    return run


def test_verbose_shows_calls_and_the_trace(
    listing: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """And the sentence, last; no key and no content of a call."""
    with serving(RefusingAws()) as aws:
        code = listing(aws.address)

    err = capsys.readouterr().err
    assert code == 2
    assert "aws: cloudformation:DescribeStacks 400 AccessDeniedException" in err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("ecr-scan-alerts: Your credentials may not call")
    assert "AKID" not in err
    assert SECRET not in err


@pytest.mark.parametrize("verbose", [False, True])
def test_a_bug_is_one_sentence(verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001  # a case
    """Which error, where, and how to report it; its text may hold anything. -v has the trace."""

    def crash(_: argparse.Namespace) -> int:
        raise KeyError(SECRET)

    code = guarded(crash, argparse.Namespace(verbose=verbose))

    err = capsys.readouterr().err
    last = err.splitlines()[-1]
    assert code == 2
    assert "unexpected KeyError at tests/cli/test_parser.py:" in last
    assert "this is a bug" in last
    assert SECRET not in last
    assert ("Traceback" in err) is verbose


@pytest.mark.parametrize("failing", ["flush", "write"])
def test_a_help_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    """Argparse would print nothing and be content."""

    class Full:
        encoding = "utf-8"

        def write(self, text: str) -> int:
            if failing == "write":
                raise OSError(28, "No space left on device")
            return len(text)

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            raise OSError(9, "none")

    monkeypatch.setattr("sys.stdout", Full())
    code = main(["--help"])

    assert code == 2
    assert "No space left on device" in capsys.readouterr().err


def test_a_closed_stderr_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody can read is not printed among the results."""
    monkeypatch.setattr("sys.stderr", None)

    code = main(["normalize", "missing.json"])

    assert code == 2
    assert capsys.readouterr().out == ""


def test_every_parser_is_one_of_ours() -> None:
    """Else its actions would know neither --profile nor what was meant."""
    pending: list[argparse.ArgumentParser] = [parser()]
    while pending:
        one = pending.pop()
        assert isinstance(one, (Parser, CommandLine))
        for action in one._actions:  # noqa: SLF001  # argparse has no other way
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
                pending += action.choices.values()


def test_printed_commands_name_the_program_as_it_was_called() -> None:
    """`called_as` does: the plain name is not found in a clone, where ./ecr-scan-alerts is run."""
    plain = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "cli").rglob("*.py")
        for text in _texts(ast.parse(path.read_text("utf-8")))
        if re.search("ecr-scan-alerts [a-z]", text)
    }

    # The help and the scripts of an installed program; comments in alerts.yml, and CloudShell.
    assert plain == {"cli/__main__.py", "cli/commands/completion.py", "cli/starting.py"}


def _texts(module: ast.Module) -> list[str]:
    """Return the texts of a module that are not documentation."""
    bodies = (getattr(node, "body", None) for node in ast.walk(module))
    documentation = {
        id(body[0].value)
        for body in bodies
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]
