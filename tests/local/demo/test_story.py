"""The scenes and recordings of the demo's story; `tests/e2e/test_demo.py` plays it."""

from datetime import UTC, datetime

from cli.alerts_file import read
from lib.config.parsing import parse
from lib.models.views import RowState
from local.aws.ecr_scanning import Recording
from local.aws.process import ROOT
from local.demo.app import Row
from local.demo.story import RECORDINGS, STORY, notified_destinations, recording

ALERTS = ROOT / "local" / "alerts.yml"


def test_every_destination_has_a_part() -> None:
    """The scenes tell all destinations of the rules, channels of routes too, and no other."""
    destinations = set(parse(read(ALERTS).document).destinations)

    assert set().union(*(scene.notified for scene in STORY)) == destinations


def test_every_recording_is_played_and_says_where_it_comes_from() -> None:
    """Findings without origin and licence have no place here."""
    played = {name for scene in STORY for name in scene.recordings}
    documents = [recording(name) for name in played]

    assert {path.stem for path in RECORDINGS.glob("*.json")} == played
    assert all(document["origin"] for document in documents)
    assert all(
        document.get("licence") in ("Apache-2.0", "BSD-3-Clause", "MIT-0")
        for document in documents
        if Recording.of(document, {}).findings
    )


def a_row(number: int, destination: str, state: RowState) -> Row:
    stream = "000474600478/eu-central-1/payments/api"
    return Row(
        str(number),
        destination,
        stream,
        state,
        "",
        quiet=False,
        created_at=datetime.now(UTC),
        due_at=None,
    )


def test_only_what_was_sent_counts_as_notified() -> None:
    """Rows of earlier scenes, and rows that are not sent, do not count."""
    rows = [
        a_row(1, "payments-slack", RowState.SENT),
        a_row(2, "security-jira", RowState.DEAD),
        a_row(3, "audit-topic", RowState.SENT),
    ]

    assert notified_destinations(rows, {"3"}) == {"payments-slack"}
