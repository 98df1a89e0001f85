"""
Whatever AWS answers, every command ends in one sentence and exit code 2.

Here every command meets one refusal of each kind, in turn; `make thorough` tries all with all.
"""

import argparse
import inspect
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main, parser
from cli.failures import guarded
from cli.session import OperatorClients
from tests.cli.refusing_aws import OUTPUTS, SECRET, RefusingAws, serving
from tests.support.thorough import pairs

ROOT = Path(__file__).parents[2]
EVENT = ROOT / "tests" / "events" / "ecr-image-scan" / "lambda-go.json"
ALERTS = """\
version: 1
destinations:
  team-slack: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
routes:
  - {name: everything, notify: [team-slack]}
"""
VALUES = {
    "destination": "team-slack",
    "file": str(EVENT),
    "files": str(EVENT),
    "id": "CVE-2024-0001",
    "ids": "f" * 32,
    "image": "payments/api:1.4.2",
    "name": "payments/api",
    "number": "1",
    "reason": "a test",
    "shell": "bash",
    "stream": "payments/api",
    "subject": "payments/api:1.4.2",
    "to": "team-slack",
    "topic": "scan",
}
"""Something for everything that a command requires. A new one is added here."""
EXAMINATION = "doctor"
"""The command that says of each thing that it could not be read."""
OFFLINE = (
    "check-config",
    "completion",
    "help",
    "init",
    "simulate",
    "suppressions",
    "repository template",
)
"""Commands that never call AWS."""


@dataclass(frozen=True)
class Leaf:
    """One command or one action of it, with all that it requires."""

    name: str
    parser: argparse.ArgumentParser

    @property
    def arguments(self) -> list[str]:
        words = self.name.split()
        for action in self.parser._actions:  # noqa: SLF001  # argparse has no other way
            if not action.option_strings:
                words += [] if action.nargs == "*" else [VALUES[action.dest]]
            elif action.required:
                words += [action.option_strings[0], VALUES[action.dest]]
        for option in ("--fetch", "--yes", "--all", "--send"):
            if option in self.parser._option_string_actions:  # noqa: SLF001  # same
                words.append(option)
        return words

    @property
    def calls_aws(self) -> bool:
        return not self.name.startswith(OFFLINE)

    @property
    def has_stage(self) -> bool:
        return "--stage" in self.parser._option_string_actions  # noqa: SLF001  # same


def leaves(of: argparse.ArgumentParser, path: Sequence[str] = ()) -> Iterator[Leaf]:
    """Yield every command, and every action where a command has some."""
    for action in of._actions:  # noqa: SLF001  # argparse has no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # same
            for name, child in action.choices.items():
                yield from leaves(child, (*path, name))
            return
    yield Leaf(" ".join(path), of)


LEAVES = tuple(leaves(parser()))
CALLING = [pytest.param(leaf, id=leaf.name) for leaf in LEAVES if leaf.calls_aws]
STAGED = [pytest.param(leaf, id=leaf.name) for leaf in LEAVES if leaf.has_stage and leaf.calls_aws]
Run = Callable[[Leaf], tuple[int, str, str]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingAws]:
    with serving(RefusingAws()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


@pytest.fixture
def read_timeout() -> float:
    """Return the seconds for an answer, which a busy machine may need."""
    return 30.0


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    read_timeout: float,
) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alerts.yml").write_text(ALERTS)
    environment = {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "eu-north-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "ECR_SCAN_ALERTS_STAGE": "prod",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    quick = partial(OperatorClients, attempts=0, read_timeout=read_timeout)

    def command(leaf: Leaf) -> tuple[int, str, str]:
        options = parser().parse_args(leaf.arguments)
        given: dict[str, Any] = {"connect": quick, "pause": lambda _: None}
        takes = inspect.signature(options.run).parameters
        bound = partial(options.run, **{name: given[name] for name in given if name in takes})
        code = guarded(bound, options)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def is_one_sentence(code: int, out: str, err: str) -> bool:
    """Exit code 2, one line on stderr (beside notes), no trace, no secret."""
    complaints = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert code == 2, (code, err)
    assert len(complaints) == 1, err
    assert complaints[0].startswith("ecr-scan-alerts: ")
    assert len(complaints[0]) < 700
    for text in ("Traceback", "this is a bug", SECRET, "AKID"):
        assert text not in out + err
    return True


@pytest.mark.parametrize(
    ("leaf", "code", "status", "advice"),
    pairs(
        CALLING,
        [
            ("ExpiredTokenException", 400, "aws sso login"),
            ("AccessDeniedException", 400, "allow it in their IAM policy"),
            ("ThrottlingException", 400, "wait a minute"),
            ("InternalFailure", 500, "run the command again"),
        ],
    ),
)
def test_a_refusal_of_every_call_is_one_sentence(
    aws: RefusingAws, run: Run, leaf: Leaf, code: str, status: int, advice: str
) -> None:
    """It says what to do, whichever command made whichever call."""
    aws.code, aws.status = code, status

    ended = run(leaf)

    assert is_one_sentence(*ended)
    assert advice in ended[2]
    assert aws.calls


@pytest.mark.parametrize(
    ("leaf", "code", "advice"),
    pairs(
        [leaf for leaf in STAGED if leaf.id != EXAMINATION],
        [
            ("ExpiredTokenException", "aws sso login"),
            ("AccessDeniedException", "allow it in their IAM policy"),
            ("ResourceNotFoundException", "deploy the stage again"),
        ],
    ),
)
def test_a_refusal_behind_the_stack_is_one_sentence(
    aws: RefusingAws, run: Run, leaf: Leaf, code: str, advice: str
) -> None:
    """The stack can be read; the table, the queues, the bucket and ECR cannot."""
    aws.stack, aws.code = "UPDATE_COMPLETE", code

    ended = run(leaf)

    assert is_one_sentence(*ended)
    assert advice in ended[2] or code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "not known: needs cloudformation:ListStackResources"),
        ("ResourceNotFoundException", "FAILED"),
    ],
)
def test_an_examination_goes_on_behind_a_refusal(
    aws: RefusingAws, run: Run, code: str, words: str
) -> None:
    """`doctor` says of each thing what is wrong with it; only the credentials end it."""
    (leaf,) = (each for each in LEAVES if each.name == EXAMINATION)
    aws.stack, aws.code = "UPDATE_COMPLETE", code

    ended, out, err = run(leaf)

    assert (ended, err) == (1, "")
    assert words in out
    assert "Traceback" not in out
    for part in ("queues", "functions", "alarms", "scanning"):
        assert part in out.splitlines()

    aws.code = "ExpiredTokenException"
    assert is_one_sentence(*run(leaf))


@pytest.mark.parametrize(("leaf", "status"), pairs(CALLING, [(200,), (403,), (502,)]))
def test_a_page_of_something_else_is_one_sentence(
    aws: RefusingAws, run: Run, leaf: Leaf, status: int
) -> None:
    """A proxy answers in HTML; nothing of its page is quoted."""
    aws.html, aws.status = True, status

    assert is_one_sentence(*run(leaf))


@pytest.mark.parametrize("read_timeout", [0.05], ids=[""])
@pytest.mark.parametrize("leaf", CALLING)
def test_no_answer_is_one_sentence(aws: RefusingAws, run: Run, leaf: Leaf) -> None:
    """A server that takes the call and says nothing is named with what to check."""
    aws.hangs = True

    ended = run(leaf)

    assert is_one_sentence(*ended)
    assert "does not answer" in ended[2]


@pytest.mark.parametrize("leaf", CALLING)
def test_a_closed_port_is_one_sentence(
    run: Run, leaf: Leaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is named, without the password in it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@127.0.0.1:{port}")

        ended = run(leaf)

    assert is_one_sentence(*ended)
    assert "does not answer" in ended[2]


@pytest.mark.parametrize(
    ("leaf", "stack", "outputs", "advice"),
    pairs(
        STAGED,
        [
            ("ROLLBACK_COMPLETE", {}, "make remove STAGE=prod"),
            ("CREATE_IN_PROGRESS", {}, "wait"),
            ("DELETE_IN_PROGRESS", OUTPUTS, "being removed"),
            ("UPDATE_ROLLBACK_COMPLETE", {}, "make deploy STAGE=prod"),
            ("CREATE_COMPLETE", {"ServerlessDeploymentBucketName": "x"}, "make deploy STAGE=prod"),
        ],
    ),
)
def test_a_stack_that_cannot_be_used_is_one_sentence(
    aws: RefusingAws, run: Run, leaf: Leaf, stack: str, outputs: dict[str, str], advice: str
) -> None:
    """Its state is named with the command that helps."""
    aws.stack, aws.outputs = stack, outputs

    ended = run(leaf)

    assert is_one_sentence(*ended)
    assert advice in ended[2]


@pytest.mark.parametrize(
    ("leaf", "fault", "environment", "advice"),
    pairs(
        CALLING,
        [
            (
                "no credentials",
                {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
                "aws sso login",
            ),
            ("no region", {"AWS_REGION": ""}, "add --region"),
            ("empty region", {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "add --region"),
            ("wrong region", {"AWS_REGION": "eu central 1"}, "--region"),
            ("wrong endpoint", {"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL"),
            ("no profile", {"AWS_PROFILE": "nobody"}, "nobody"),
        ],
    ),
)
def test_a_wrong_environment_is_one_sentence(
    run: Run,
    leaf: Leaf,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    environment: dict[str, str],
    advice: str,
) -> None:
    """What is missing is named before anything is called."""
    assert fault
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ended = run(leaf)

    assert is_one_sentence(*ended)
    assert advice in ended[2]


@pytest.mark.parametrize("leaf", [pytest.param(leaf, id=leaf.name) for leaf in LEAVES])
def test_every_command_shows_its_help(leaf: Leaf, capsys: pytest.CaptureFixture[str]) -> None:
    """With `help` before it or --help after it, and only its own options."""
    with pytest.raises(SystemExit) as ended:
        main(["help", *leaf.name.split()])
    by_word = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*leaf.name.split(), "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == by_word
    assert f"usage: ecr-scan-alerts {leaf.name}" in by_word
