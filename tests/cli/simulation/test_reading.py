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
  destinations:
    team: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
  routes:
    - {name: all, severity: HIGH, notify: [team]}
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


@pytest.mark.parametrize("text", ["", "- push\n", "push"])
def test_what_is_no_mapping_is_no_story(text: str, tmp_path: Path) -> None:
    """The message names the file, not a place in it."""
    path = tmp_path / "story.yml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r":1: the file: must be a mapping"):
        read_story(path)


@pytest.mark.parametrize("status", ["ACTIVE", "COMPLETE"])
def test_the_status_of_a_scan_with_findings_is_no_failure(status: str, tmp_path: Path) -> None:
    """A step such as `pass` may be left empty, too."""
    path = tmp_path / "story.yml"
    path.write_text(STORY.replace("[ssl]}", f"[ssl], status: {status}}}") + "  - pass:\n")

    push, _ = read_story(path).steps

    assert isinstance(push.action, Push)
    assert push.action.scan is not None
    assert push.action.scan.parts[""].status is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("findings: [ssl]", "findings: [sll]", ":15: no finding is called 'sll'; there are: ssl"),
        ("after: 90s", "after: soon", ":15: steps[0].after: must be a time such as 90s"),
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
        ("title: one push\n", "", ":1: the file: 'title' is a required property"),
        (
            "2026-11-02T09",
            "2026-13-02T09",
            ":3: start: 2026-13-02T09:00:00Z is no time: month must",
        ),
        ("after: 90s", "after: 99999999999d", ":15: after: '99999999999d' is more than ten years"),
        ("[ssl]}", "[ssl], delay: 99999d}", ":15: delay: '99999d' is more than ten years"),
        ("[ssl]}", "ssl}", ":17: steps[0].scan.findings: must be a list"),
        (
            "scan: {scanner: basic, findings: [ssl]}",
            "scan:",
            ":17: steps[0].scan: must be a mapping",
        ),
        (", package: openssl", "", ":7: findings.ssl: must have package and version, or packages"),
        ("[ssl]}", "[ssl], announced: {CRITCAL: 5}}", "scan.announced: 'CRITCAL' is not one of"),
        (
            "[ssl]}",
            "[ssl], parts: {linux/amd64: {}}}",
            ":15: findings stand in the parts of an index, not beside them",
        ),
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


INDEX = """\
  - push: {repository: shop/web, image: I, tags: ["1.0"]}
    scan: {scanner: basic, parts: {linux/amd64: {findings: [ssl]}}}
"""
COPY = """\
  - push: {repository: shop/copy, image: A, tags: ["1.0"]}
"""


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("  - tag: {image: B, tags: [x]}\n", ":19: no image 'B' was pushed before; there are: A"),
        (
            "  - in_use: {image: A, repository: shop/web, count: 1}\n",
            "no image 'A' was pushed before in shop/web; there are: A",
        ),
        (
            "  - archive: {image: B}\n",
            ":19: no image 'B' was pushed before; there are: A",
        ),
        (
            "  - delete: {tags: [x], repository: shop/api}\n",
            ":19: steps[1].delete: 'image' is a dependency of 'tags'",
        ),
        (
            "  - delete: {repository: shop/web}\n",
            ":19: no image was pushed to shop/web before; there are repositories: shop/api",
        ),
        (
            "  - delete: {repository: shop/api}\n  - tag: {image: A, tags: [x]}\n",
            ":20: no image 'A' was pushed before; there are: none",
        ),
        (
            COPY + "  - delete: {image: A}\n",
            ":20: image 'A' is in several repositories: name one of shop/api, shop/copy",
        ),
        (
            INDEX + INDEX.replace("amd64", "arm64"),
            ":21: image 'I' is an index without linux/arm64; its parts are: linux/amd64",
        ),
        (
            "  - delete: {image: A, account: '000011112222'}\n",
            ":19: no image 'A' was pushed before; there are: A",
        ),
        (
            "  - delete: {image: A}\n  - rescan: {image: A, findings: []}\n",
            ":20: no image 'A' was pushed before; there are: none",
        ),
        (
            "  - answer: {image: A, parts: {linux/amd64: {findings: []}}}\n",
            "image 'A' is no index: it has no parts",
        ),
        (
            INDEX + "  - answer: {image: I, parts: {linux/arm64: {findings: []}}}\n",
            ":21: image 'I' is an index without linux/arm64; its parts are: linux/amd64",
        ),
        (
            INDEX + "  - rescan: {image: I, findings: []}\n",
            "is an index without a list for the whole index; its parts are: linux/amd64",
        ),
        (
            "  - receiver: {name: teem, is: down}\n",
            ":19: no destination is called 'teem'; there are: team",
        ),
        (
            "  - pass: {}\n    notified: [{to: teem, new: [CVE-2026-1001]}]\n",
            ":19: no destination is called 'teem'",
        ),
        ("messages: [{to: teem, new: [CVE-2026-1001]}]\n", ":19: no destination is called 'teem'"),
        ("open:\n  teem: {shop/api: []}\n", ":20: no destination is called 'teem'"),
        ("  - rules: |\n      version: 1\n      routes: []\n", ":20: error: "),
    ],
)
def test_a_story_names_what_is_there(steps: str, message: str, tmp_path: Path) -> None:
    """Else nothing would come of a step, and nobody would see it."""
    path = tmp_path / "story.yml"
    path.write_text(STORY + steps)

    with pytest.raises(ConfigError) as caught:
        read_story(path)

    assert message in str(caught.value)


def test_what_was_pushed_can_be_named(tmp_path: Path) -> None:
    """Images, their copies, parts, and what later rules add."""
    path = tmp_path / "story.yml"
    rules = STORY[STORY.index("  version: 1\n  dest") : STORY.index("steps:")]
    later = rules.replace("team", "ops").replace("\n", "\n    ")
    path.write_text(
        f"{STORY}{INDEX}{COPY}"
        "  - in_use: {image: I/linux/amd64, count: 1}\n"
        "  - rescan: {image: I, parts: {linux/amd64: {findings: []}}}\n"
        "  - delete: {image: A, repository: shop/copy}\n"
        "  - tag: {image: A, tags: [again]}\n"
        "  - delete: {image: A, tags: [again]}\n"
        "  - archive: {image: A}\n"
        "  - restore: {image: A}\n"
        "  - delete: {repository: shop/web}\n"
        f"  - rules: |\n    {later.rstrip()}\n"
        "  - receiver: {name: ops, is: down}\n"
    )

    assert len(read_story(path).steps) == 13


def test_a_time_without_a_unit_is_none() -> None:
    """The error shows how times are written."""
    with pytest.raises(ValueError, match="90s, 5m, 3h or 2d"):
        duration("90")
