"""`pauses`: the destinations that can be paused and resumed, and the list of paused ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.__main__ import parser
from cli.commands import pauses
from lib.errors import DocumentError
from lib.models import Destination, Pause, PauseKind
from lib.models.views import RowState
from lib.store.publications import KEY
from tests.cli.stage import Stage
from tests.support.rows import a_row

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
ALERTS = """\
version: 1
destinations:
  bot: {type: slack, token: {secret: ecr-scan-alerts/bot}, channel: C0123ALERTS}
  mail: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:000474600478:mail"}
routes:
  - {name: one, match: {repository: "payments/*"}, notify: [bot], channel: C0PAYMENTS}
  - {name: everything, notify: [bot, mail]}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.chdir(tmp_path)
    stage.make_table()

    def command(name: str, *arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["pauses", name, *arguments, "--stage", "prod"])
        code = pauses.run(options, connect=stage.connect)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def held(stage: Stage, *names: str) -> list[str]:
    pauses = stage.held_back()
    return [name for name in names if pauses.paused(Destination(name), now=NOW) is not None]


@pytest.mark.parametrize("command", ["add", "remove"])
@pytest.mark.parametrize("known", ["deployed", "file", "ledger"])
def test_a_name_that_is_no_destination_is_refused(
    run: Run, stage: Stage, command: str, known: str
) -> None:
    """Wherever destinations are known from, with the one that was probably meant."""
    if known == "ledger":
        stage.rows().add(a_row(destination=Destination("mail"), created_at=NOW))
    elif known == "file":
        Path("alerts.yml").write_text(ALERTS)
    else:
        stage.deploy(ALERTS)

    with pytest.raises(DocumentError, match="no destination mial; did you mean mail") as refused:
        run(command, "mial")

    assert ("bot/C0PAYMENTS" in str(refused.value)) is (known != "ledger")
    assert held(stage, "mial") == []


def test_the_deployed_configuration_goes_before_a_file(run: Run, stage: Stage) -> None:
    """What alerts.yml names here may not be deployed."""
    stage.deploy(ALERTS)
    Path("alerts.yml").write_text(ALERTS.replace("mail", "post"))

    with pytest.raises(DocumentError, match="there are: bot, bot/C0PAYMENTS, mail"):
        run("add", "post")


@pytest.mark.parametrize("content", ["not JSON", "[]", '{"destinations": 1}'])
def test_a_configuration_of_another_version_is_not_read(
    run: Run, stage: Stage, content: str
) -> None:
    """It is said; the local file has to do."""
    stage.store(KEY, content)
    Path("alerts.yml").write_text(ALERTS)

    code, _, err = run("add", "mail")

    assert code == 0
    assert "of another version" in err


def test_a_file_that_is_not_valid_keeps_nobody_from_pausing(run: Run, stage: Stage) -> None:
    """Destinations with alerts are known from the ledger."""
    Path("alerts.yml").write_text("version: [")
    stage.rows().add(a_row(destination=Destination("mail"), created_at=NOW))

    code, out, err = run("add", "mail")

    assert code == 0
    assert "mail is paused until" in out
    assert "run check-config" in err


def test_a_destination_is_paused_with_its_channels(run: Run, stage: Stage) -> None:
    """And resumed with them; a channel can be paused alone."""
    stage.deploy(ALERTS)

    _, paused, err = run("add", "bot", "--for", "2h", "--reason", "maintenance")
    all_of_it = held(stage, "bot", "bot/C0PAYMENTS", "mail")
    _, resumed, _ = run("remove", "bot")
    run("add", "bot/C0PAYMENTS")

    assert [line.split(" until ")[0] for line in paused.splitlines()] == [
        "bot is paused",
        "bot/C0PAYMENTS is paused",
    ]
    assert all_of_it == ["bot", "bot/C0PAYMENTS"]
    assert "`ecr-scan-alerts pauses remove bot --stage prod` ends it" in err
    assert "bot/C0PAYMENTS is resumed; 0 alerts are due now" in resumed
    assert held(stage, "bot", "bot/C0PAYMENTS") == ["bot/C0PAYMENTS"]


def test_a_longer_pause_stays(run: Run, stage: Stage) -> None:
    """Where one of several is longer it is said; where all are, nothing was done."""
    stage.deploy(ALERTS)
    run("add", "bot/C0PAYMENTS", "--for", "4h")

    _, out, _ = run("add", "bot", "--for", "2h")
    with pytest.raises(DocumentError, match="remove that pause first"):
        run("add", "bot", "--for", "1h")

    assert "bot/C0PAYMENTS is paused for longer already" in out


def test_what_is_on_hold_is_listed(run: Run, stage: Stage) -> None:
    """Until when and why, whoever asked for it; not what is over."""
    pauses = stage.held_back()
    _, nothing, _ = run("list")
    pauses.pause(Destination("slack"), Pause(PauseKind.BROKEN, NOW + HOUR, "http-404: gone"))
    pauses.pause(Destination("mail"), Pause(PauseKind.MANUAL, NOW - HOUR, "over"))

    _, table, _ = run("list")
    _, document, _ = run("list", "--format", "json")

    assert nothing == "no destination is paused\n"
    assert [line.split()[0] for line in table.splitlines()] == ["DESTINATION", "slack"]
    assert "http-404: gone" in table
    assert [(each["destination"], each["kind"]) for each in json.loads(document)] == [
        ("slack", "broken")
    ]


def test_what_waited_is_due_after_resuming(run: Run, stage: Stage) -> None:
    """That of other destinations keeps its time, and what a worker has is left to it."""
    stage.deploy(ALERTS)
    rows = stage.rows()
    later = {"state": RowState.RETRY, "created_at": NOW, "due_at": NOW + HOUR}
    rows.add(a_row(1, destination=Destination("bot"), **later))
    rows.add(a_row(2, destination=Destination("mail"), **later))
    rows.add(a_row(3, destination=Destination("bot"), **later | {"state": RowState.CLAIMED}))

    _, out, _ = run("remove", "bot")

    due = [row.id for row in rows.unsent() if row.due_at and row.due_at < NOW + HOUR / 2]
    assert "bot was not paused; 1 alert is due now" in out
    assert due == [a_row(1).id]


def test_what_was_given_up_is_sent_after_resuming(run: Run, stage: Stage) -> None:
    """A resumed destination gets what there is to say now."""
    stage.deploy(ALERTS)
    for number, name in enumerate(("bot", "mail")):
        dead = a_row(number, destination=Destination(name), state=RowState.DEAD, created_at=NOW)
        stage.rows().add(dead)

    _, out, _ = run("remove", "bot")

    (body,) = stage.taken("DeliveriesQueueUrl")
    assert json.loads(body)["destination"] == "bot"
    assert "bot was not paused; 1 alert is due now" in out


@pytest.mark.parametrize("length", ["30h", "2days", "0m", "", "1d"])
def test_a_length_is_minutes_or_hours(run: Run, length: str) -> None:
    """Alerts are given up after a day."""
    with pytest.raises(DocumentError, match="at most 20h"):
        run("add", "mail", "--for", length)
