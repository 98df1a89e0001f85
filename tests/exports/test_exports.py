"""What other tools read: valid by its schema, with every finding, never a false all-clear."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from lib.core.vulnerabilities import vulnerabilities
from lib.errors import DocumentError
from lib.exports import EXPORTS
from lib.exports.ocsf import CHANGED, GONE, NEW, event
from lib.exports.rows import COLUMNS
from lib.exports.sarif import sarif as write_sarif
from lib.models import AnyReport, Provenance, Report, Score, Severity
from lib.normalizer.documents import normalize_document
from tests.support.builders import NOW, a_finding, a_report, an_image, an_unusable_report
from tests.support.every import every
from tests.support.ocsf_schema import problems
from tests.support.strategies import REPORTS

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted((ROOT / "findings").glob("*/*.json"))
SARIF = Draft4Validator(json.loads((ROOT / "schemas" / "sarif-2.1.0.json").read_text("utf-8")))


def sarif(*reports: AnyReport) -> Any:
    log = json.loads(EXPORTS["sarif"](reports))
    SARIF.validate(log)
    return log


def ocsf(*reports: AnyReport) -> list[Any]:
    events = [json.loads(line) for line in EXPORTS["ocsf"](reports).splitlines()]
    assert [found for each in events for found in problems(each)] == []
    return events


def rows(*reports: AnyReport) -> list[dict[str, str]]:
    text = EXPORTS["csv"](reports)
    assert text.split("\r\n", 1)[0] == ",".join(COLUMNS)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def reports_of(path: Path) -> Sequence[AnyReport]:
    try:
        return normalize_document(json.loads(path.read_text("utf-8"))).reports
    except DocumentError:
        return ()


@every("path", DOCUMENTS, ids=lambda path: path.stem[:60])
def test_real_documents_come_out_whole(path: Path) -> None:
    """Every finding stands in each format once; every scan without a result is said to be one."""
    reports = reports_of(path)
    findings = sum(len(each.findings) for each in reports if isinstance(each, Report))
    unusable = sum(not isinstance(each, Report) for each in reports)

    runs = sarif(*reports)["runs"]
    events = ocsf(*reports)
    records = [each["record"] for each in rows(*reports)]

    assert sum(len(each["results"]) for each in runs) == findings
    failed = [each for each in runs if not each["invocations"][0]["executionSuccessful"]]
    assert len(failed) == unusable
    assert len(runs) == len(reports)
    named = sum(len(vulnerabilities(each.findings)) for each in reports if isinstance(each, Report))
    assert len(events) == named + unusable
    assert records.count("finding") == findings
    assert records.count("not usable") == unusable


@settings(deadline=None)
@given(reports=st.lists(REPORTS, max_size=3))
def test_any_report_is_valid(reports: list[AnyReport]) -> None:
    """Whatever a source lists, of any length and in any letters."""
    findings = sum(len(each.findings) for each in reports if isinstance(each, Report))

    assert len(sarif(*reports)["runs"]) == len(reports)
    named = sum(len(vulnerabilities(each.findings)) for each in reports if isinstance(each, Report))
    assert len([each for each in ocsf(*reports) if each["vulnerabilities"]]) == named
    assert len([each for each in rows(*reports) if each["record"] == "finding"]) == findings


class TestNeverAFalseAllClear:
    def test_a_scan_without_a_result_is_no_empty_result(self) -> None:
        """Each format says that it failed, and why."""
        report = an_unusable_report()

        (run,) = sarif(report)["runs"]
        (found,) = ocsf(report)
        (row,) = rows(report)

        (note,) = run["invocations"][0]["toolExecutionNotifications"]
        assert run["invocations"][0]["executionSuccessful"] is False
        assert (note["level"], "status FAILED" in note["message"]["text"]) == ("error", True)
        assert (found["status_code"], found["status_detail"]) == ("FAILED", "status FAILED")
        assert "not an all-clear" in found["message"]
        assert (row["record"], row["scan_status"], row["scan_complete"]) == (
            "not usable",
            "FAILED",
            "no",
        )

    def test_an_image_without_findings_is_told_apart(self) -> None:
        """It has a row of its own, and a run that succeeded."""
        (row,) = rows(a_report())

        assert row["record"] == "no findings"
        assert sarif(a_report())["runs"][0]["invocations"][0]["executionSuccessful"] is True
        assert ocsf(a_report()) == []

    def test_an_incomplete_list_is_said_to_be_one(self) -> None:
        """By a note of its own where the scan has none."""
        (run,) = sarif(a_report(a_finding(), complete=False))["runs"]

        (note,) = run["invocations"][0]["toolExecutionNotifications"]
        assert (note["level"], note["message"]["text"]) == (
            "warning",
            "Fewer findings were listed than counted",
        )


class TestSarif:
    @every("severity", Severity)
    @every("value", [0.0, 3.0, 5.0, 8.0, 9.8])
    def test_the_severity_of_the_source_stands(self, severity: Severity, value: float) -> None:
        """GitHub reads it from a score, so a score that says another one gives way."""
        finding = a_finding(severity=severity.name, score=Score(value))

        (rule,) = sarif(a_report(finding))["runs"][0]["tool"]["driver"]["rules"]

        score = float(rule["properties"]["security-severity"])
        word = next(
            word
            for word, least in (("CRITICAL", 9.1), ("HIGH", 7.0), ("MEDIUM", 4.0), ("LOW", 0.0))
            if score >= least
        )
        expected = {"INFORMATIONAL": "LOW", "UNKNOWN": "MEDIUM"}.get(severity.name, severity.name)
        assert word == expected

    def test_a_vulnerability_in_several_packages_is_one_rule(self) -> None:
        """With the worst severity of its findings."""
        low = a_finding("CVE-1", package="a", severity="LOW")
        high = a_finding("CVE-1", package="b", severity="HIGH")

        (run,) = sarif(a_report(low, high))["runs"]

        (rule,) = run["tool"]["driver"]["rules"]
        assert rule["properties"]["tags"][-1] == "HIGH"
        assert [each["ruleIndex"] for each in run["results"]] == [0, 0]
        prints = {each["partialFingerprints"]["finding/v1"] for each in run["results"]}
        assert len(prints) == 2

    def test_a_fingerprint_outlives_a_new_image(self) -> None:
        """Code scanning follows a finding from one push to the next."""
        before, after = (
            sarif(a_report(a_finding(version=version), image=an_image(number)))["runs"][0][
                "results"
            ]
            for number, version in ((1, "1.0"), (2, "1.1"))
        )

        assert before[0]["partialFingerprints"] == after[0]["partialFingerprints"]
        # The only one that GitHub reads: without it a moved file is another alert.
        assert "primaryLocationLineHash" in before[0]["partialFingerprints"]

    def test_a_finding_is_a_vulnerability_in_a_package(self) -> None:
        """Places are no part of what it is: a path with a version in it changes nothing."""
        fingerprints = set()
        for number, version in enumerate(("1.0", "1.1"), 1):
            rows = [
                a_finding(package="log4j", version=version, path=f"{app}-{version}/lib.jar")
                for app in ("api", "worker")
            ]
            report = a_report(*rows, image=an_image(number, platform=f"linux/{number}"))

            (result,) = sarif(report)["runs"][0]["results"]

            assert len(result["locations"]) == 2
            fingerprints.add(result["partialFingerprints"]["finding/v1"])
        assert len(fingerprints) == 1

    def test_the_fix_of_a_kernel_is_on_the_hosts(self) -> None:
        """A newer package in the image changes no kernel that runs."""
        finding = a_finding(package="linux", fixed_version="4.19.304-1")

        (result,) = sarif(a_report(finding))["runs"][0]["results"]

        assert result["message"]["text"].endswith(
            ": check the kernel of the hosts (in the image: upgrade to 4.19.304-1)"
        )

    def test_two_ids_of_one_vulnerability_are_one_rule(self) -> None:
        """It is shown by its CVE."""
        rows = (a_finding("GHSA-aaaa-bbbb-cccc", aliases=("CVE-2024-1",)), a_finding("CVE-2024-1"))

        (run,) = sarif(a_report(*rows))["runs"]

        assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["CVE-2024-1"]
        assert [result["ruleId"] for result in run["results"]] == ["CVE-2024-1"]

    def test_what_github_does_not_take_is_counted(self) -> None:
        """The worst stay; the rest is said to be left out."""
        findings = [a_finding(f"CVE-{number}") for number in range(5)]

        (run,) = json.loads(write_sarif([a_report(*findings)], most=2))["runs"]

        assert [each["ruleId"] for each in run["results"]] == ["CVE-0", "CVE-1"]
        (note,) = run["invocations"][0]["toolExecutionNotifications"]
        assert note["message"]["text"].startswith("3 results are left out")

    def test_each_run_has_a_category_of_its_own(self) -> None:
        """GitHub takes what precedes the last slash for it, and refuses a log that repeats one."""
        images = [
            an_image(1, platform="linux/amd64"),
            an_image(1, platform="linux/arm64"),
            an_image(2, platform="linux/arm64"),
            replace(an_image(3), tags=()),
            replace(an_image(3), repository=""),
            *[replace(an_image(3), tags=())] * 2,
        ]

        runs = sarif(*(a_report(image=image) for image in images))["runs"]

        ids = [run["automationDetails"]["id"] for run in runs]
        assert ids[:2] == [
            "ecr-scan-alerts/payments/api/linux/amd64/",
            "ecr-scan-alerts/payments/api/linux/arm64/",
        ]
        assert len({id_.rpartition("/")[0] for id_ in ids}) == len(images)

    def test_a_category_is_the_same_in_the_next_release(self) -> None:
        """Code scanning compares a run with the one before it in its category."""
        before, after = (
            sarif(a_report(image=an_image(number, platform="linux/amd64")))["runs"][0]
            for number in (1, 2)
        )

        assert before["automationDetails"] == after["automationDetails"]


class TestCsv:
    def test_rows_of_one_vulnerability_have_its_id(self) -> None:
        """Whatever id the row itself has: whoever counts ids counts as messages do."""
        made = rows(
            a_report(
                a_finding("CVE-2024-1", package="a"),
                a_finding("GHSA-aaaa-bbbb-cccc", package="b", aliases=("CVE-2024-1",)),
            )
        )

        assert {row["vulnerability"] for row in made} == {"CVE-2024-1"}
        assert {row["vulnerability_id"] for row in made} == {"CVE-2024-1", "GHSA-aaaa-bbbb-cccc"}

    def test_what_is_no_formula_is_left_as_it_is(self) -> None:
        """Numbers, paths, versions with a sign inside."""
        (row,) = rows(a_report(a_finding(package="libstdc++", version="1:2.31-13+deb11u3")))

        assert (row["package"], row["version"]) == ("libstdc++", "1:2.31-13+deb11u3")

    def test_line_breaks_and_quotes_stay_in_their_cell(self) -> None:
        """As the standard quotes them."""
        (row,) = rows(a_report(a_finding(title='a "b",\nc; d')))

        assert row["title"] == 'a "b",\nc; d'


class TestOcsf:
    def test_an_id_that_is_no_cve_is_an_advisory(self) -> None:
        """Just one of them is allowed."""
        cve, advisory = ocsf(a_report(a_finding("CVE-2024-1"), a_finding("GHSA-aaaa-bbbb-cccc")))

        assert cve["vulnerabilities"][0]["cve"]["uid"] == "CVE-2024-1"
        assert advisory["vulnerabilities"][0]["advisory"]["uid"] == "GHSA-aaaa-bbbb-cccc"

    def test_each_step_of_a_finding_is_valid(self) -> None:
        """Opened, changed, gone: the same finding under the same id."""
        finding, report = a_finding(), a_report()
        events = [
            event(report.image, report.scan, finding.vulnerability_id, (finding,), step)
            for step in (NEW, CHANGED, GONE)
        ]

        assert [found for each in events for found in problems(each)] == []
        assert [(each["activity_id"], each["status_id"]) for each in events] == [
            (1, 1),
            (2, 2),
            (3, 4),
        ]
        assert len({each["finding_info"]["uid"] for each in events}) == 1

    def test_a_vulnerability_is_one_event_with_its_packages(self) -> None:
        """What two packages, or two ids, have in common; its id is that of the repository."""
        rows = (
            a_finding("CVE-2024-1", package="a", fixed_version="2"),
            a_finding("CVE-2024-1", package="b", severity="CRITICAL", fix_available="NO"),
            a_finding("GHSA-aaaa-bbbb-cccc", package="a", aliases=("CVE-2024-1",)),
        )

        (found,) = ocsf(a_report(*rows))
        (again,) = ocsf(a_report(rows[2], image=an_image(2)))

        (vulnerability,) = found["vulnerabilities"]
        assert found["severity"] == vulnerability["severity"] == "Critical"
        assert [row["name"] for row in vulnerability["affected_packages"]] == ["b", "a"]
        assert vulnerability["fix_coverage"] == "None"
        assert "and 1 more package" in found["message"]
        assert found["finding_info"]["uid"] == again["finding_info"]["uid"]

    def test_times_are_milliseconds(self) -> None:
        """As the standard wants them."""
        (found,) = ocsf(a_report(a_finding(first_observed_at=NOW - timedelta(days=1))))

        assert found["finding_info"]["first_seen_time"] == (NOW.timestamp() - 86400) * 1000


def test_each_format_says_where_an_image_was_made_from() -> None:
    """In its own place for it, where it has one."""
    repository = "https://github.com/example/payments"
    found = Provenance("1a2b3c4", repository, created_at=NOW)
    report = replace(a_report(a_finding()), provenance=found)

    (row,) = rows(report)
    (run,) = sarif(report)["runs"]
    (made,) = ocsf(report)

    assert (row["commit"], row["source_repository"]) == ("1a2b3c4", repository)
    assert row["built_at"] == "2026-11-23T09:00:00Z"
    assert run["versionControlProvenance"] == [
        {"repositoryUri": repository, "revisionId": "1a2b3c4"}
    ]
    assert made["resources"][0]["data"]["commit_url"] == f"{repository}/commit/1a2b3c4"
    # SARIF asks for a repository.
    assert (
        "versionControlProvenance" not in sarif(replace(report, provenance=Provenance()))["runs"][0]
    )
