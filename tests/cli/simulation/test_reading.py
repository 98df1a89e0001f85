"""Stories in files: what is wrong is said with its line, and with what to write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.simulation.reading import read_story
from cli.simulation.story import Push, duration
from lib.errors import ConfigError

STORY = """\
version: 1
title: one push
start: "2026-11-02T09:00:00Z"
account: "111122223333"
region: eu-central-1
findings:
  ssl: {id: CVE-2026-1001, severity: CRITICAL, package: openssl, version: 3.0.11}
rules: |
  version: 1
steps:
  - after: 90s
    push: {repository: shop/api, image: A, tags: ["1.0"]}
    scan: {scanner: basic, findings: [ssl]}
    notified: []
"""


def test_a_story_is_read(tmp_path: Path) -> None:
    """Times are in UTC, findings are looked up by their short names."""
    path = tmp_path / "story.yml"
    path.write_text(STORY)

    story = read_story(path)

    assert story.start == datetime(2026, 11, 2, 9, tzinfo=UTC)
    (step,) = story.steps
    assert step.after == timedelta(seconds=90)
    assert isinstance(step.action, Push)
    assert step.action.scan is not None
    (form,) = step.action.scan.parts[""].findings
    assert (form.id, form.packages[0].package) == ("CVE-2026-1001", "openssl")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("findings: [ssl]", "findings: [sll]", ":11: no finding is called 'sll'; there are: ssl"),
        ("after: 90s", "after: soon", ":11: steps[0].after: must be a time such as 90s"),
        ('account: "111122223333"', "account: 111122223333", ":4: account: must be twelve digits"),
        ("push:", "pull:", "steps[0]"),
        ("version: 1\ntitle", "version: 2\ntitle", ":1: version: 1 was expected"),
        ("CRITICAL", "BAD", ":7: findings.ssl.severity: 'BAD' is not one of"),
        (
            'start: "2026-11-02T09:00:00Z"',
            "start: today",
            ":3: start: must be a time with its zone",
        ),
        ("    notified: []\n", "    tag: {image: A, tags: [x]}\n", "exactly one of push, tag"),
        ("title: one push\n", "", "'title' is a required property"),
    ],
)
def test_a_mistake_is_said_with_its_place(
    before: str, after: str, message: str, tmp_path: Path
) -> None:
    """The line, the field, and what it has to be."""
    path = tmp_path / "story.yml"
    assert before in STORY
    path.write_text(STORY.replace(before, after))

    with pytest.raises(ConfigError) as caught:
        read_story(path)

    assert message in str(caught.value)


def test_a_time_without_a_unit_is_none() -> None:
    """The error shows how times are written."""
    with pytest.raises(ValueError, match="90s, 5m, 3h or 2d"):
        duration("90")
