"""What `scan --send` sends: what a stage is asked, and what opens nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from cli.sending import opens_nothing, queue_scan
from lib.config.model import DestinationConfig
from lib.errors import DocumentError
from lib.flows.passes import CheckedImage
from tests.support.builders import an_image
from tests.support.every import every


def a_stage(outcome: Any) -> Any:
    looking = SimpleNamespace(check=lambda _: outcome)
    return SimpleNamespace(image_pass=lambda: looking)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (
            CheckedImage(False, "stored: COMPLETE"),
            (
                "it already has this scan (stored: COMPLETE). What new rules ask for is sent "
                "within five minutes, or in the summary for a new destination; "
            ),
        ),
        (CheckedImage(False, "no result yet: PENDING"), "no result yet: PENDING; "),
    ],
)
def test_what_was_evaluated_is_not_queued_again(
    outcome: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why not is said, with the command that shows what was sent."""
    queued = queue_scan(a_stage(outcome), "prod", an_image())

    queued.print("payments/api:1.4.2")
    out = capsys.readouterr().out
    assert queued.to_json() == {"stage": "prod", "queued": False, "reason": outcome.reason}
    assert f"nothing to queue for stage prod: {reason}" in out
    assert "deliveries list --image payments/api:1.4.2 --stage prod` shows what was sent" in out


def test_an_image_that_is_gone_is_said() -> None:
    """It was deleted since it was looked up."""
    with pytest.raises(DocumentError, match="does not exist any more"):
        queue_scan(a_stage(None), "prod", an_image())


@every(
    ("kind", "options", "harmless"),
    [
        ("slack", {"webhook": {"secret": "a"}}, True),
        ("slack", {"token": {"secret": "a"}, "channel": "C1"}, False),
        ("sns", {}, True),
        ("sns", {"format": "text"}, True),
        ("sns", {"format": "amazon-q"}, True),
        ("sns", {"format": "json"}, False),
        ("sns", {"format": "ocsf"}, False),
        ("jira", {}, False),
        ("pagerduty", {}, False),
        ("webhook", {}, False),
    ],
)
def test_only_a_message_for_people_is_the_alert(
    kind: str, options: dict[str, Any], *, harmless: bool
) -> None:
    """Whatever opens an issue, a thread or an incident, or feeds a program, gets a test."""
    assert opens_nothing(DestinationConfig(kind, options)) is harmless
