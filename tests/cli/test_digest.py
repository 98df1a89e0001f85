"""`digest`: for whom it is made, how it is shown, and what is sent only when asked."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.__main__ import parser
from cli.commands import digest
from lib.errors import DocumentError
from lib.messages.digest import STEPS
from lib.models import Digest
from tests.cli.stage import Stage
from tests.support.digests import a_digest_of

ALERTS = """\
version: 1
destinations:
  slack: {type: slack, webhook: {secret: ecr-scan-alerts/a}}
  mail: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:000474600478:mail"}
routes:
  - {name: everything, notify: [slack, mail]}
"""


class Digests:
    """Makes the same digest for everybody."""

    def __init__(self) -> None:
        self.sent: list[Digest] = []

    def create(self, _schedule: Any, destinations: Any, **_: Any) -> tuple[Digest, ...]:
        return tuple(a_digest_of(destination=name) for name in destinations)

    def send(self, digests: tuple[Digest, ...]) -> None:
        self.sent += digests


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> Digests:
    made = Digests()
    monkeypatch.setattr(
        digest, "deployment", lambda *_: SimpleNamespace(digests=lambda _config: made)
    )
    return made


def run(folder: Path, *arguments: str, action: str = "show", alerts: str = ALERTS) -> int:
    (folder / "alerts.yml").write_text(alerts, "utf-8")
    config = str(folder / "alerts.yml")
    options = parser().parse_args(
        ["digest", action, "--config", config, "--stage", "prod", *arguments]
    )
    return digest.run(options)


def test_it_is_shown_and_not_sent(
    tmp_path: Path, digests: Digests, capsys: pytest.CaptureFixture[str]
) -> None:
    """For all that routes lead to; for those of `digest:` where there is one."""
    assert run(tmp_path) == 0
    title = "Weekly digest: 7 new, 13 gone; 43 open in 9 of 14 images (3 CRITICAL, 40"
    assert capsys.readouterr().out.count(title) == 2

    run(tmp_path, "--format", "json", alerts=f"{ALERTS}digest: {{notify: [mail]}}\n")
    assert [one["destination"] for one in json.loads(capsys.readouterr().out)] == ["mail"]
    assert not digests.sent


@pytest.mark.usefixtures("digests")
def test_a_person_reads_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in a mail: headings stand alone, and columns keep their places."""
    run(tmp_path, "--to", "slack")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10
    assert max(map(len, lines)) <= 76
    assert STEPS.upper() in lines
    assert any(line.startswith("  ") for line in lines)


def test_it_is_sent_when_asked(
    tmp_path: Path, digests: Digests, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--to", "slack", action="send") == 0

    assert [one.destination for one in digests.sent] == ["slack"]
    assert "queued: slack" in capsys.readouterr().err


def test_an_unknown_destination_is_a_mistake(tmp_path: Path, digests: Digests) -> None:
    with pytest.raises(DocumentError, match="no destination nobody; there are: mail, slack"):
        run(tmp_path, "--to", "nobody")
    assert not digests.sent


def test_a_stage_has_what_it_needs(stage: Stage, tmp_path: Path) -> None:
    """Table, bucket and queue come from the stack's outputs."""
    stage.make_table()
    stage.deploy(ALERTS)
    (tmp_path / "alerts.yml").write_text(ALERTS, "utf-8")
    arguments = ["digest", "show", "--config", str(tmp_path / "alerts.yml"), "--stage", "prod"]

    assert digest.run(parser().parse_args(arguments), connect=stage.connect) == 0
