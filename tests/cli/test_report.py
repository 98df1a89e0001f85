"""`report`: one image as a page in a file, or as what other tools read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.__main__ import parser
from cli.commands import report
from lib.errors import ConfigError, DocumentError
from tests.cli.test_scan import FakeAws, refusal

FINDINGS = Path(__file__).parents[1] / "findings"
ENHANCED = FINDINGS / "ecr-enhanced" / "aws-docs-example.json"
OTHER = FINDINGS / "inspector2" / "one.json"
CONFIG = """\
version: 1
destinations: {audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:audit"}}
routes: [{name: all, notify: [audit]}]
suppressions: [{id: CVE-2024-0001, reason: not reachable, expires: 2099-01-31}]
"""

Run = Callable[..., int]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> Run:
    """Run in a folder of its own, so that no other alerts.yml is at hand."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        options = parser().parse_args(["report", *arguments])
        return report.run(options, connect=aws.connect)

    return run


def test_a_document_becomes_a_page(run: Run, tmp_path: Path) -> None:
    """In the file that was named, whole, and nothing beside it."""
    assert run(str(ENHANCED), "-o", "out.html") == 0

    text = (tmp_path / "out.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_an_image_is_fetched(run: Run, tmp_path: Path) -> None:
    """By its tag, from ECR."""
    assert run("payments/api:1.4.2", "-o", "out.html") == 0

    text = (tmp_path / "out.html").read_text("utf-8")
    assert "payments/api:1.4.2" in text
    assert "CVE-2024-0001" in text


@pytest.mark.parametrize("named", [True, False])
def test_suppressions_of_the_configuration_hold(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, named: bool
) -> None:
    """Of the one that is named, or that is there; a file that nobody named is named."""
    (tmp_path / "alerts.yml").write_text(CONFIG)

    run("payments/api:1.4.2", "-o", "out.html", *(["--config", "alerts.yml"] if named else []))

    assert "CVE-2024-0001 until 2099-01-31: not reachable" in (tmp_path / "out.html").read_text(
        "utf-8"
    )
    note = "note: routes and suppressions are those of alerts.yml here; --config names another"
    assert (note in capsys.readouterr().err) is not named


def test_what_options_leave_out_is_not_said_to_be_the_work_of_a_file(
    run: Run, tmp_path: Path
) -> None:
    """There is none."""
    run(str(ENHANCED), "--severity", "CRITICAL", "--ignore-unfixed", "-o", "out.html")

    text = (tmp_path / "out.html").read_text("utf-8")
    assert "nothing open but what is filtered out" in text
    assert "alerts.yml filters" not in text


@pytest.mark.parametrize(
    ("name", "beginning"), [("out.sarif", "{"), ("out.csv", "record,"), ("out.jsonl", '{"activ')]
)
def test_the_name_of_the_file_says_the_format(
    run: Run, tmp_path: Path, name: str, beginning: str
) -> None:
    """As the same format does when it is asked for."""
    run(str(ENHANCED), "-o", name)

    assert (tmp_path / name).read_text("utf-8").startswith(beginning)


def test_a_format_can_be_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, for a pipe."""
    assert run(str(ENHANCED), "--format", "sarif") == 0

    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"


def test_a_scan_without_a_result_is_a_no(run: Run, aws: FakeAws, tmp_path: Path) -> None:
    """The page says so, and so does the exit code."""
    aws.status = "FAILED"

    assert run("payments/api:1.4.2", "-o", "out.html") == 1

    assert "not an all-clear" in (tmp_path / "out.html").read_text("utf-8")


def test_what_is_neither_file_nor_image_is_said(run: Run) -> None:
    """Before anything is asked of AWS."""
    with pytest.raises(DocumentError, match="neither a file nor an image"):
        run("No Such Thing")


def test_several_images_are_too_many(run: Run, tmp_path: Path) -> None:
    """With what to do instead."""
    documents = [json.loads(path.read_text()) for path in (ENHANCED, OTHER)]
    several = tmp_path / "several.json"
    several.write_text(json.dumps(documents))
    with pytest.raises(DocumentError, match="normalize --format csv"):
        run(str(several))


def test_a_configuration_that_is_not_there_is_said(run: Run) -> None:
    """Only the one by default may be missing."""
    with pytest.raises((ConfigError, FileNotFoundError)):
        run(str(ENHANCED), "--config", "other.yml")


def test_an_image_that_is_not_there_leaves_no_file(run: Run, aws: FakeAws, tmp_path: Path) -> None:
    """Nothing is written when there is nothing to write."""
    aws.unreachable = refusal("ImageNotFoundException")

    with pytest.raises(DocumentError):
        run("payments/api:9", "-o", "out.html")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    """With its name; no part of the report is left."""
    with pytest.raises(DocumentError, match="there is no folder nowhere"):
        run(str(ENHANCED), "-o", "nowhere/out.html")

    assert list(tmp_path.iterdir()) == []
