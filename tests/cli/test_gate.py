"""`--fail-on`, `--severity` and `--ignore-unfixed`: what fails a pipeline, and the reason shown."""

import argparse
import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from cli.__main__ import main, parser
from cli.commands import report as report_command
from cli.commands import scan
from cli.gate import Answer, Gate, exit_code, gate_verdict
from cli.selection import Selection, selected, threshold
from lib.core.suppressions import Suppression
from lib.errors import FindingsNotReadyError
from lib.models import AnyReport, Part, Report, ScanSource, Severity
from tests.cli.test_scan import FINDING, FakeAws
from tests.support.builders import a_finding, a_report, an_unusable_report

FINDINGS: Final = Path(__file__).parents[1] / "findings"
TODAY: Final = date(2026, 12, 1)
FIXED: Final = a_finding("CVE-2026-1", severity="HIGH", fixed_version="3.1")
UNFIXED: Final = a_finding("CVE-2026-2", severity="CRITICAL", fixed_version=None)
UNRATED: Final = a_finding("CVE-2026-3", severity="UNKNOWN", fixed_version="2")
LOW: Final = a_finding("CVE-2026-4", severity="LOW", fixed_version="2")


def verdict(report: AnyReport, fail_on: str, *entries: Suppression, fixable: bool = False) -> Any:
    """Return the answer of a gate, and its sentence."""
    made = gate_verdict(report, Gate(threshold(fail_on), fixable), entries, TODAY)
    return made.answer, made.sentence


class TestThreshold:
    @pytest.mark.parametrize(
        ("text", "admitted"),
        [
            ("HIGH", {"HIGH", "CRITICAL"}),
            ("critical, high", {"HIGH", "CRITICAL"}),
            ("CRITICAL,MEDIUM", {"MEDIUM", "HIGH", "CRITICAL"}),
            ("HIGH,UNKNOWN", {"HIGH", "CRITICAL", "UNKNOWN"}),
            ("UNKNOWN", {severity.name for severity in Severity}),
        ],
    )
    def test_the_least_severity_counts(self, text: str, admitted: set[str]) -> None:
        """So that no list leaves out what is worse."""
        limit = threshold(text)

        assert {severity.name for severity in Severity if limit.admits(severity)} == admitted
        assert threshold(limit.name) == limit

    def test_a_misspelt_severity_gets_a_suggestion(self) -> None:
        """Or the list, where nothing is like it."""
        with pytest.raises(argparse.ArgumentTypeError, match="did you mean HIGH"):
            threshold("HIHG")
        with pytest.raises(argparse.ArgumentTypeError, match="choose from CRITICAL, HIGH"):
            threshold("HIGH,")


class TestGate:
    def test_a_vulnerability_at_the_threshold_fails(self) -> None:
        """Once, however many rows it has; the sentence counts by severity."""
        twice = replace(FIXED, package=replace(FIXED.package, path="/other"))

        assert verdict(a_report(FIXED, twice, UNFIXED), "HIGH") == (
            Answer.FAILED,
            f"{a_report().image.name} fails --fail-on HIGH: 1 CRITICAL, 1 HIGH",
        )

    def test_one_below_passes(self) -> None:
        """And the sentence does not say that there is none."""
        answer, sentence = verdict(a_report(LOW), "HIGH")

        assert answer is Answer.PASSED
        assert "no vulnerability counts" in sentence

    def test_unfixed_ones_are_counted_beside(self) -> None:
        """They do not fail, and they are not kept quiet."""
        answer, sentence = verdict(a_report(UNFIXED, LOW), "HIGH", fixable=True)

        assert answer is Answer.PASSED
        assert sentence.endswith("Not counted: 1 without a known fix")

    def test_unrated_ones_count_if_asked_for(self) -> None:
        """Else they are mentioned."""
        answer, sentence = verdict(a_report(UNRATED), "HIGH")

        assert answer is Answer.PASSED
        assert sentence.endswith("Not counted: 1 without a severity")
        assert verdict(a_report(UNRATED), "HIGH,UNKNOWN")[0] is Answer.FAILED

    @pytest.mark.parametrize("id_", ["CVE-2026-1", "GHSA-1"])
    def test_a_suppressed_one_never_fails(self, id_: str) -> None:
        """Under whatever name it is suppressed, and only until the entry ends."""
        report = a_report(replace(FIXED, aliases=("GHSA-1",)))
        entry = Suppression(id_, TODAY, "not reachable")

        answer, sentence = verdict(report, "LOW", entry)

        assert answer is Answer.PASSED
        assert sentence.endswith("Not counted: 1 suppressed")
        ended = replace(entry, expires=date(2026, 11, 30))
        assert verdict(report, "LOW", ended)[0] is Answer.FAILED

    def test_a_suppression_of_one_name_holds_for_the_others(self) -> None:
        """As in alerts: a row under the alias of another row is the same vulnerability."""
        alias = a_finding("GHSA-1", package="other", aliases=("CVE-2026-1",), severity="HIGH")
        entry = Suppression("CVE-2026-1", TODAY, "not reachable")

        assert verdict(a_report(FIXED, alias), "LOW", entry)[0] is Answer.PASSED

    @pytest.mark.parametrize("status", ["CLOSED", "SUPPRESSED"])
    def test_what_the_scanner_closed_does_not_count(self, status: str) -> None:
        """It is listed, and not open."""
        report = a_report(replace(FIXED, source_status=status))

        assert verdict(report, "LOW")[0] is Answer.PASSED

    @pytest.mark.parametrize(
        ("report", "words"),
        [
            (an_unusable_report(), "its scan has no usable result"),
            (a_report(LOW, complete=False), "the list is not complete"),
            (
                replace(a_report(), parts=(Part("linux/arm64", "sha256:2", "FAILED"),)),
                "there is no result for linux/arm64",
            ),
        ],
        ids=["no-result", "incomplete", "platform"],
    )
    def test_what_is_not_known_does_not_pass(self, report: AnyReport, words: str) -> None:
        """Not even where nothing that counts is listed."""
        answer, sentence = verdict(report, "HIGH")

        assert answer is Answer.UNPROVEN
        assert "does not pass --fail-on HIGH" in sentence
        assert words in sentence

    def test_an_incomplete_list_can_fail(self) -> None:
        """What is missing would not make it better."""
        assert verdict(a_report(FIXED, complete=False), "HIGH")[0] is Answer.FAILED

    def test_a_scanner_that_knows_no_fixes_proves_nothing(self) -> None:
        """All its findings would be left out."""
        report = a_report(UNFIXED)
        basic = replace(report, scan=replace(report.scan, source=ScanSource.ECR_BASIC))

        answer, sentence = verdict(basic, "LOW", fixable=True)

        assert answer is Answer.UNPROVEN
        assert "never says which findings have a fix" in sentence
        known = replace(basic, findings=(UNFIXED, replace(LOW, severity=Severity.INFORMATIONAL)))
        assert verdict(known, "LOW", fixable=True)[0] is Answer.PASSED

    def test_the_worst_answer_is_the_exit_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Of several images: 3, then 1, then that of the command."""
        gate = Gate(threshold("HIGH"))
        passed, failed, unproven = (
            gate_verdict(report, gate, (), TODAY)
            for report in (a_report(LOW), a_report(FIXED), an_unusable_report())
        )

        assert exit_code([passed, unproven, failed]) == 3
        assert exit_code([unproven, passed]) == 1
        assert exit_code([passed], otherwise=1) == 1
        assert exit_code([passed]) == 0
        assert "note: " in capsys.readouterr().err


class TestSelection:
    @pytest.mark.parametrize(
        ("selection", "ids", "warning"),
        [
            (Selection(), ["CVE-2026-2", "CVE-2026-1", "CVE-2026-4", "CVE-2026-3"], None),
            (
                Selection(threshold("HIGH")),
                ["CVE-2026-2", "CVE-2026-1"],
                "left out: 1 below HIGH, 1 without a severity",
            ),
            (
                Selection(threshold("UNKNOWN"), fixable=True),
                ["CVE-2026-1", "CVE-2026-4", "CVE-2026-3"],
                "left out: 1 without a known fix",
            ),
        ],
        ids=["all", "severity", "fixable"],
    )
    def test_findings_that_are_left_out_are_counted(
        self, selection: Selection, ids: list[str], warning: str | None
    ) -> None:
        """The list is no complete one any more, so that no reader takes it for an all-clear."""
        report = a_report(UNFIXED, FIXED, LOW, UNRATED)

        shown = selected(report, selection)

        assert isinstance(shown, Report)
        assert [finding.vulnerability_id for finding in shown.findings] == ids
        assert shown.scan.complete is (warning is None)
        assert shown.scan.warnings == (() if warning is None else (warning,))

    def test_a_scan_without_a_result_stays_one(self) -> None:
        """There is nothing to leave out."""
        report = an_unusable_report()

        assert selected(report, Selection(threshold("HIGH"))) is report


# --- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a document with one finding, which has no fix; the folder has no alerts.yml."""
    monkeypatch.chdir(tmp_path)
    return FINDINGS / "ecr-enhanced" / "aws-docs-example.json"


ARGUMENTS: Final = ("--ignore-unfixed", "--fail-on", "LOW")


@pytest.mark.parametrize("command", ["normalize", "report"])
@pytest.mark.parametrize("wanted", ["json", "table", "csv", "ocsf", "sarif", "html"])
def test_no_format_turns_unfixed_into_nothing(
    document: Path, command: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document stays valid; it or stderr says how many are left out."""
    if wanted in ({"json", "table"} if command == "report" else {"html"}):
        pytest.skip("not a format of this command")

    code = main([command, str(document), "--format", wanted, *ARGUMENTS])

    out, err = capsys.readouterr()
    assert code == 0
    assert "passes --fail-on LOW: no vulnerability counts. Not counted: 1 without" in err
    assert "left out: 1 without a known fix" in (out if wanted == "table" else err)
    if wanted == "json":
        scan_ = json.loads(out)["scan"]
        assert (scan_["complete"], scan_["warnings"]) == (
            False,
            ["left out: 1 without a known fix"],
        )
    if wanted == "csv":
        (row,) = csv.DictReader(io.StringIO(out))
        assert (row["record"], row["scan_complete"]) == ("incomplete", "no")
        assert row["scan_reason"] == "left out: 1 without a known fix"
    if wanted == "sarif":
        (run,) = json.loads(out)["runs"]
        (note,) = run["invocations"][0]["toolExecutionNotifications"]
        assert note["message"]["text"] == "left out: 1 without a known fix"
    if wanted == "ocsf":
        assert out == ""
    if wanted == "html":
        assert "filtered out: 1 HIGH" in out
        assert "No vulnerabilities" not in out


@pytest.mark.parametrize("command", ["normalize", "report"])
def test_a_command_ends_with_3_when_one_counts(
    document: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is neither a mistake nor a missing result."""
    assert main([command, str(document), "--fail-on", "HIGH"]) == 3
    assert "fails --fail-on HIGH: 1 HIGH" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["normalize", "report"])
def test_suppressions_of_the_file_hold(document: Path, command: str) -> None:
    """Of the alerts.yml that is there."""
    topic = "arn:aws:sns:eu-central-1:123456789012:audit"
    Path("alerts.yml").write_text(
        "version: 1\n"
        f'destinations: {{audit: {{type: sns, topic_arn: "{topic}"}}}}\n'
        "routes: [{name: all, notify: [audit]}]\n"
        "suppressions: [{id: CVE-2022-49043, reason: not reachable, expires: 2099-01-31}]\n"
    )

    assert main([command, str(document), "--fail-on", "HIGH"]) == 0


class TestScan:
    """An image in a registry."""

    @pytest.fixture(autouse=True)
    def _empty_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    @staticmethod
    def run(aws: FakeAws, *arguments: str) -> int:
        """Run `scan` against a registry, in which waiting takes no time."""
        options = parser().parse_args(["scan", "payments/api:1.4.2", *arguments])
        return scan.run(options, connect=aws.connect, pause=lambda _: aws.statuses_pass())

    def test_json_has_the_verdict(self, capsys: pytest.CaptureFixture[str]) -> None:
        """For scripts that want more than an exit code."""
        aws = FakeAws()

        code = self.run(aws, "--fail-on", "HIGH", "--severity", "CRITICAL", "--format", "json")

        out, err = capsys.readouterr()
        made = json.loads(out)
        assert code == 3
        assert (made["gate"]["answer"], made["gate"]["counted"]) == ("failed", {"HIGH": 1})
        assert made["report"]["findings"] == []
        assert made["report"]["scan"]["complete"] is False
        assert "left out: 1 below CRITICAL" in err

    def test_a_failed_scan_does_not_pass(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit code 1, and the reason."""
        assert self.run(FakeAws(status="FAILED"), "--fail-on", "CRITICAL") == 1
        assert "does not pass --fail-on CRITICAL: its scan has no" in capsys.readouterr().err

    def test_a_scan_that_runs_is_waited_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        """As long as asked for; the log says why nothing happens."""
        aws = FakeAws(later=["IN_PROGRESS", "IN_PROGRESS", "COMPLETE"])
        aws.statuses_pass()

        assert self.run(aws, "--fail-on", "HIGH", "--wait", "10m") == 3
        assert capsys.readouterr().err.count(": waiting") == 1
        assert aws.later == []

    def test_an_empty_list_that_proves_nothing_is_waited_for(self) -> None:
        """Right after a push, enhanced scanning lists nothing and states no time."""
        aws = FakeAws(findings=[], completed=False, later=["COMPLETE"])

        def scanned(_: float) -> None:
            aws.findings, aws.completed = [FINDING], True

        options = parser().parse_args(
            ["scan", "payments/api:1.4.2", "--fail-on", "HIGH", "--wait", "10m"]
        )
        assert scan.run(options, connect=aws.connect, pause=scanned) == 3

    def test_without_patience_a_running_scan_is_an_error(self) -> None:
        """Exit code 2, at the boundary: it passes no gate."""
        with pytest.raises(FindingsNotReadyError):
            self.run(FakeAws(status="IN_PROGRESS"), "--fail-on", "HIGH")

    def test_a_length_that_is_none_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With the way to write it."""
        assert main(["scan", "payments/api:1.4.2", "--wait", "soon"]) == 2
        assert "write minutes or hours" in capsys.readouterr().err

    def test_report_waits_as_well(self) -> None:
        """The same option means the same."""
        options = parser().parse_args(
            ["report", "payments/api:1.4.2", "-o", "page.html", "--wait", "1m", "--fail-on", "HIGH"]
        )

        assert report_command.run(options, connect=FakeAws().connect) == 3
        assert Path("page.html").is_file()
