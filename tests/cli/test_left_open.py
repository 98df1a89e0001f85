"""Issues and incidents of destinations that leave alerts.yml."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli.__main__ import parser
from cli.commands import check_config
from lib.errors import DocumentError
from lib.models import Destination, StreamId
from lib.ports.streams import StreamRow, ViewWrite
from lib.store.streams import DynamoStreamStore
from tests.cli.stage import Stage
from tests.support.streams import STREAM, a_reported, a_view

DEPLOYED = """\
version: 1
destinations:
  chat: {type: slack, webhook: {secret: ecr-scan-alerts/chat}}
  issues: {type: jira, site: "https://example.atlassian.net", project: SEC,
           credentials: {secret: ecr-scan-alerts/jira}}
  pager: {type: pagerduty, routing_key: {secret: ecr-scan-alerts/pager}}
routes:
  - {name: everything, notify: [chat, issues, pager]}
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    stage.make_table()

    def command(*arguments: str, notify: str = "[chat]") -> tuple[int, str]:
        lines = DEPLOYED.replace("[chat, issues, pager]", notify).splitlines(keepends=True)
        kept = lines if "pager" in notify else [*lines[:3], *lines[6:]]
        path = tmp_path / "alerts.yml"
        path.write_text("".join(kept))
        words = ["check-config", str(path), "--against", *arguments]
        code = check_config.run(parser().parse_args(words), connect=stage.connect)
        return code, capsys.readouterr().out

    return command


def notified(stage: Stage, stream: StreamId = STREAM) -> None:
    """Let each destination show something of a stream."""
    store = DynamoStreamStore(stage.boto("dynamodb"), stage.table)
    views = [
        replace(a_view(*items, thread=thread), destination=Destination(name), stream=stream)
        for name, thread, items in (
            ("chat", None, [a_reported()]),
            ("issues", "https://example.atlassian.net|SEC|SEC-7", [a_reported()]),
            ("pager", None, [a_reported(), a_reported("CVE-2024-0002")]),
        )
    ]
    empty = replace(a_view(), destination=Destination("issues"), stream=StreamId(f"{stream}|x"))
    first = StreamRow(stream)
    writes = [ViewWrite(view, None) for view in views]
    store.write(first, replace(first, state_version=1), writes)
    row = StreamRow(empty.stream)
    store.write(row, replace(row, state_version=1), [ViewWrite(empty, None)])


def test_what_stays_open_is_named(run: Run, stage: Stage) -> None:
    """Issues and incidents by their streams; a chat keeps nothing open."""
    stage.deploy(DEPLOYED)
    notified(stage)

    code, out = run("prod")

    assert code == 0
    assert [line for line in out.splitlines() if "is not in the file" in line] == [
        "issues is not in the file: its issue SEC-7 about payments/api stays open (1 item)",
        "pager is not in the file: its incident about payments/api stays open (2 items)",
    ]


def test_scripts_get_what_stays_open(run: Run, stage: Stage) -> None:
    """With the ids that it shows."""
    stage.deploy(DEPLOYED)
    notified(stage)

    _, out = run("prod", "--format", "json")

    issue, incident = json.loads(out)["left_open"]
    assert issue["open"] == ["CVE-2024-0001"]
    assert (incident["destination"], incident["what"]) == ("pager", "incident")


def test_nothing_is_read_where_all_destinations_stay(run: Run, stage: Stage) -> None:
    """A file that keeps them leaves nothing open."""
    stage.deploy(DEPLOYED)
    stage.table = "none"

    _, out = run("prod", notify="[chat, issues, pager]")

    assert "is not in the file" not in out


def test_a_stage_has_to_say_what_is_deployed(run: Run, stage: Stage) -> None:
    """Else nobody knows what left."""
    stage.store("other", "text")

    with pytest.raises(DocumentError, match="configuration of stage prod could not be read"):
        run("prod")
    with pytest.raises(DocumentError, match=r"'alerts\.old' is not a stage"):
        run("alerts.old")
