"""The pictures of README and docs."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from local.demo import screenshot
from local.standins.server import Receivers

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_place_becomes_a_file_name() -> None:
    """Names are safe in a file system and say which place they show."""
    assert screenshot.file_name("#/slack/payments") == "inbox-slack-payments"
    assert screenshot.file_name("#/sns/a%40b.example") == "inbox-sns-a-b-example"


def test_without_a_browser_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with a sentence, not with a traceback."""
    monkeypatch.setattr(screenshot, "find_browser", lambda: None)

    assert screenshot.main(["http://127.0.0.1:1/"]) == 1
    assert "install Chromium" in capsys.readouterr().err


@pytest.mark.browser
def test_it_writes_a_picture_of_each_place(browser: "Browser", tmp_path: Path) -> None:
    """Three pictures of the first place, one of every place."""
    with Receivers() as receivers:
        with requests.post(
            receivers.slack_url("payments"), json={"text": "hello"}, timeout=5
        ) as answer:
            assert answer.text == "ok"
        files = list(
            screenshot.take_all(browser, receivers.inbox_url, tmp_path / "images", places=True)
        )

    assert sorted(each.name for each in files) == [
        "inbox-dark.png",
        "inbox-log.png",
        "inbox-narrow.png",
        "inbox-slack-payments.png",
        "inbox.png",
    ]


def test_every_picture_of_the_docs_can_be_taken_again() -> None:
    """`python -m local.demo.screenshot ADDRESS --story` takes them all."""
    names = {shot.name for shot in screenshot.FIRST} | {part.name for part in screenshot.STORY}

    assert {path.stem for path in screenshot.FOLDER.glob("*.png")} == names
