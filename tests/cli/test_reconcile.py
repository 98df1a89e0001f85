"""`reconcile`: what is found is shown, and every shortfall is named."""

import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cli.__main__ import parser
from cli.commands import reconcile
from cli.rehearsal import Rehearsal
from lib.errors import DocumentError
from lib.flows.passes import PassResult, Scope, ToFetch
from lib.models import Destination, StreamId
from tests.support.builders import an_image

Run = Callable[..., tuple[int, str, str]]


class Clients:
    """Counts the calls of each client as if it had made one."""

    def get(self, service: str) -> Any:
        def register(_: str, count: Callable[..., None]) -> None:
            count(model=SimpleNamespace(name=f"Call of {service}"))

        return SimpleNamespace(meta=SimpleNamespace(events=SimpleNamespace(register=register)))


class Stage:
    """A stage whose pass ends with this result."""

    def __init__(self) -> None:
        self.clients = Clients()
        self.result = PassResult(
            repositories=1,
            images=3,
            to_fetch=[ToFetch(an_image(), "its report is stale")],
            streams={StreamId("a/b/c"): None},
        )
        self.scopes: list[Scope] = []

    def image_pass(self) -> "Stage":
        return self

    def run(self, scope: Scope) -> PassResult:
        self.scopes.append(scope)
        return self.result


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def run(stage: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["reconcile", "--stage", "local", *arguments])
        scope = Scope(reconcile.age_of(options.since), options.repository)
        code = reconcile.reconcile(stage, scope, options)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_what_was_missed_is_shown_and_queued(stage: Stage, run: Run) -> None:
    """A row for each image with the reason, and the calls that it took."""
    code, out, err = run("--since", "3d", "--repository", "payments/*")

    assert code == 0
    assert stage.scopes == [Scope(reconcile.age_of("3d"), "payments/*")]
    assert "its report is stale" in out
    assert "queued 1 of 3 images, and 1 stream to be synced" in out
    assert "note: calls: 1 Call of dynamodb, 1 Call of ecr" in err


def test_scripts_get_a_document(run: Run) -> None:
    """The same as JSON."""
    _, out, _ = run("--format", "json")

    document = json.loads(out)
    assert document["missed_scans"] == [
        {
            "image": an_image().key,
            "tags": list(an_image().tags),
            "reason": "its report is stale",
        }
    ]
    assert document["streams"] == ["a/b/c"]
    assert "messages" not in document


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unread": {"payments/web": "denied"}}, "payments/web was not read: denied"),
        ({"without_coverage": "denied"}, "Inspector's coverage was not read: denied"),
        ({"stop_reason": "slower"}, "stopped before the end: slower. Run it again later"),
    ],
)
def test_a_shortfall_is_named(stage: Stage, run: Run, changes: dict[str, Any], words: str) -> None:
    """And the exit code is 1."""
    for name, value in changes.items():
        setattr(stage.result, name, value)

    code, _, err = run()

    assert (code, words in err) == (1, True)


@pytest.mark.parametrize("text", ["3", "3w", "400d", "x"])
def test_another_length_of_time_is_refused(text: str) -> None:
    """With examples."""
    with pytest.raises(DocumentError, match="such as 24h or 30d, at most 365d"):
        reconcile.age_of(text)


class TestRehearsals:
    """`--dry-run`, which fetches and syncs without any change."""

    def a_rehearsal(self, stage: Stage, *teams: str) -> Rehearsal:
        messages = Counter({Destination(team): 1_200 for team in teams})
        return Rehearsal(stage.result, messages, Counter({Destination("jira"): 3} if teams else {}))

    def shown(
        self, rehearsal: Rehearsal, capsys: pytest.CaptureFixture[str], *, as_json: bool = False
    ) -> tuple[str, str]:
        reconcile.show(rehearsal, Counter(), as_json=as_json, dry_run=True)
        captured = capsys.readouterr()
        return captured.out, captured.err

    def test_messages_are_shown_by_destination(
        self, stage: Stage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Updates without a message apart."""
        out, err = self.shown(self.a_rehearsal(stage, "team"), capsys)

        assert "would queue 1 of 3 images" in out
        assert [line.split() for line in out.splitlines()[-2:]] == [
            ["jira", "0", "3"],
            ["team", "1,200", "0"],
        ]
        assert "nothing was queued, stored or sent" in err

    def test_no_message_is_said(self, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        """In words."""
        out, _ = self.shown(self.a_rehearsal(stage), capsys)

        assert "no destination would get a message" in out

    def test_scripts_get_the_numbers(
        self, stage: Stage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By destination."""
        out, _ = self.shown(self.a_rehearsal(stage, "team"), capsys, as_json=True)

        document = json.loads(out)
        assert document["messages"] == {"team": 1_200}
        assert document["quiet_updates"] == {"jira": 3}
