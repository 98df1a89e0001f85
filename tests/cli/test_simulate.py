"""`simulate`: a story on the terminal, as lines of JSON, and compared with what it expects."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "tests" / "stories"
LOWERED = STORIES / "06-lowered-not-fixed.yml"


def test_messages_are_printed_with_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """When, to whom, about what and why; then what each destination shows."""
    code = main(["simulate", str(LOWERED)])

    out = capsys.readouterr().out.splitlines()
    assert code == 0
    assert "2026-11-02 09:00:30 on-call: shop/api, shop/api:1.0" in out
    assert "- BASELINE CVE-2026-1001 CRITICAL: the first usable report of this stream" in out
    assert any(line.endswith("(quiet: brought up to date without a message)") for line in out)
    assert "3 messages" in out
    assert out[-1].split() == ["on-call", "shop/api", "CVE-2026-1001"]


def test_a_condition_names_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Of an index the platform, else the image itself."""
    main(["simulate", str(STORIES / "08-a-platform-that-is-never-scanned.yml")])
    main(["simulate", str(STORIES / "29-never-scannable.yml")])

    out = capsys.readouterr().out
    assert "- NOT_SCANNED windows/amd64: UNSUPPORTED_IMAGE" in out
    assert "- SCAN_FAILED the image: FAILED: UnsupportedImageError" in out


def test_a_story_without_any_image_shows_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No messages, and no table without rows."""
    text = LOWERED.read_text()
    path = tmp_path / "story.yml"
    path.write_text(text[: text.index("steps:")] + "steps:\n  - pass: {}\n")

    code = main(["simulate", str(path), "--check"])

    out = capsys.readouterr().out
    assert code == 0
    assert "0 messages" in out
    assert "SHOWS" not in out
    assert out.endswith(f"{path}: comes out as expected\n")


def test_json_is_one_line_a_message_and_the_views(capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts: nothing else stands on stdout."""
    code = main(["simulate", str(LOWERED), "--format", "json", "--check"])

    captured = capsys.readouterr()
    documents = [json.loads(line) for line in captured.out.splitlines()]
    assert (code, captured.err) == (0, "")
    assert [document["time"] for document in documents[:-1]] == [
        "2026-11-02T09:00:30Z",
        "2026-11-05T09:01:30Z",
        "2026-11-07T09:01:30Z",
    ]
    assert documents[-1] == {"views": {"on-call": {"shop/api": ["CVE-2026-1001"]}}}


@pytest.mark.parametrize("form", ["json", "text"])
def test_something_else_than_expected_is_exit_code_1(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each difference is a line on stderr; without --check nothing is compared."""
    path = tmp_path / "story.yml"
    path.write_text(LOWERED.read_text().replace("incident: open", "incident: resolved"))

    codes = [main(["simulate", str(path), "--format", form, *more]) for more in ([], ["--check"])]

    captured = capsys.readouterr()
    assert codes == [0, 1]
    assert "expected the incident resolved, it is open" in captured.err
    assert "as expected" not in captured.out


def test_a_wrong_story_is_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its mistakes have their lines."""
    path = tmp_path / "story.yml"
    path.write_text(LOWERED.read_text().replace("version: 1\ntitle", "version: 2\ntitle"))

    code = main(["simulate", str(path)])

    assert code == 2
    assert "story.yml:1: version" in capsys.readouterr().err
