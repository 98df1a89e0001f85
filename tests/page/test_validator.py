"""The page, checked by html-validate."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from lib.page import render
from tests.support.builders import NOW
from tests.support.documents import ROOT
from tests.support.pages import changed, course, failed, hostile, index

TOOL: Final = ROOT / ".build/validators/node_modules/html-validate/bin/html-validate.mjs"
pytestmark = pytest.mark.slow

CONFIG: Final = Path(__file__).with_name("validator.json")
"""
Two rules are off. Titles name images, whose names may be long. Filters act while somebody types, so
their form has nothing to submit.
"""


def objections(folder: Path) -> list[tuple[str, str, str]]:
    """Return file, rule and message of what the validator finds in the pages of a folder."""
    node = shutil.which("node")
    if node is None or not TOOL.exists():
        pytest.skip("the validator is not installed: make setup")
    files = sorted(folder.glob("*.html"))
    command = [node, TOOL, "--config", CONFIG, "--formatter", "json", *files]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    return [
        (Path(result["filePath"]).name, message["ruleId"], message["message"])
        for result in json.loads(done.stdout)
        for message in result["messages"]
    ]


def test_the_validator_has_no_objection(tmp_path: Path) -> None:
    """Nor to pages of hostile texts, of checks, and of scans without a result."""
    notices = {"changed": changed(12), "hostile": hostile(), "index": index(), "failed": failed()}
    for name, notice in notices.items():
        (tmp_path / f"{name}.html").write_text(render(notice, course(), now=NOW), "utf-8")

    assert objections(tmp_path) == []


def test_the_validator_sees_mistakes(tmp_path: Path) -> None:
    """The check above can fail."""
    (tmp_path / "broken.html").write_text("<!DOCTYPE html><html><p><p></html>", "utf-8")

    assert objections(tmp_path)
