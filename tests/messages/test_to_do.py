"""What to do about a repository: commands are shown whole or not at all."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.checks.findings import COMMAND
from lib.messages.text import text_of
from lib.models import Notice, Report
from tests.notifiers.test_contract import FORMATS
from tests.support.notices import noticed, notices
from tests.support.receivers import notifier, tools
from tests.support.scenes import Scene, scenes

SETTINGS = notices()["repository-settings"]


def with_command(command: str, number: int = 1) -> Notice:
    """Return a notice about settings whose fix is this command."""
    report = scenes()["repository-settings"].report
    assert isinstance(report, Report)
    first = report.findings[0]
    findings = tuple(
        replace(
            first,
            vulnerability_id=f"{first.vulnerability_id}{place or ''}",
            extra={**first.extra, COMMAND: command},
        )
        for place in range(number)
    )
    return noticed(Scene(replace(report, findings=findings)))


def test_each_setting_has_its_commands() -> None:
    steps, hidden = text_of(SETTINGS).to_do.steps(command=2000, limit=10_000, templates=True)

    assert len(steps) == 3
    assert hidden == ""
    assert all(step.commands and step.risk and step.template for step in steps)


def test_what_does_not_fit_is_counted() -> None:
    steps, hidden = text_of(SETTINGS).to_do.steps(command=2000, limit=500)

    assert len(steps) == 1
    assert hidden == "and 2 more; ecr-scan-alerts audit shows them"


def test_a_long_or_strange_command_is_not_cut() -> None:
    for command in ("aws " * 1000, "aws ecr `reboot`"):
        (step,), _ = text_of(with_command(command)).to_do.steps(command=2000, limit=10_000)

        assert step.commands == ()
        assert "ecr-scan-alerts audit shows it" in step.remark


def test_a_vulnerability_has_no_such_step() -> None:
    assert text_of(notices()["baseline"]).to_do.steps(command=2000, limit=10_000) == ([], "")


def test_what_an_alert_is_about_has_a_name() -> None:
    told = notices()

    names = {name: text_of(told[name]).subject for name in ("baseline", "tag-moved")}

    assert names == {"baseline": "image", "tag-moved": "tag"}
    assert text_of(SETTINGS).subject == "repository"
    assert text_of(told["baseline"]).columns == ("Vulnerability", "Package")
    assert text_of(SETTINGS).columns == ("Check", "Setting")


DOCUMENTS = {"webhook", "json", "ocsf"}
"""What is for programs has the findings themselves."""
for_people = pytest.mark.parametrize(
    ("mode", "options"),
    [
        (mode, options)
        for mode, options in FORMATS
        if not {mode.partition("-")[0], options.get("format")} & DOCUMENTS
    ],
)


def shown(mode: str, options: Any, alert: Notice) -> str:
    made = notifier(mode, tools(), **options)
    payload = made.render(alert)
    assert all(usage.used <= usage.limit for usage in made.usage(payload))
    # An e-mail is wrapped.
    return " ".join(json.dumps(payload).replace("\\n", " ").split())


@for_people
def test_every_receiver_shows_whole_commands(mode: str, options: Any) -> None:
    text = shown(mode, options, SETTINGS)

    assert "put-image-tag-mutability --region eu-central-1 --registry-id 000474600478" in text
    assert "exclusion-filters filterType=WILDCARD,filter=latest" in text
    assert "No fixed version is named" not in text


@for_people
def test_every_receiver_says_where_a_long_command_is(mode: str, options: Any) -> None:
    text = shown(mode, options, with_command("aws " * 5000))

    assert "ecr-scan-alerts audit shows it" in text
    assert "aws aws" not in text


@for_people
def test_every_receiver_counts_what_it_has_no_room_for(mode: str, options: Any) -> None:
    text = shown(mode, options, with_command("aws ecr put-image-scanning-configuration " * 5, 60))

    assert "more; ecr-scan-alerts audit shows them" in text
