"""The operator's command, as a person or a script runs it."""

import argparse
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cli import stage_file
from cli.__main__ import main
from cli.commands import check_config
from cli.failures import guarded
from cli.inputs import MOST_BYTES
from lib.errors import ConfigError, DocumentError
from tests.support.shapes import inspector_row

ROOT = Path(__file__).parents[2]
FINDINGS = ROOT / "tests" / "findings"
CASES = ROOT / "tests" / "cases"
EVENTS = ROOT / "tests" / "events"
ENHANCED = FINDINGS / "derived" / "tensorflow-2.6-gpu.enhanced.json"
CONFIG = """\
version: 1
destinations:
  team-slack: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:123456789012:alerts", format: json}
routes:
  - name: training
    match: {repository: "*-training"}
    severity: CRITICAL
    notify: [team-slack]
    continue: true
  - name: everything
    severity: HIGH
    notify: [audit]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "alerts.yml"
    path.write_text(CONFIG)
    return str(path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestNormalize:
    def test_one_report_is_an_object(self, run: Any) -> None:
        """A document about one image prints one report, worst first."""
        code, out, _ = run("normalize", str(ENHANCED))

        report = json.loads(out)
        assert code == 0
        assert report["schema"] == "report-1.0.0"
        assert report["counts"]["total"] == len(report["findings"]) == 141
        assert report["findings"][0]["severity"] == "CRITICAL"

    def test_several_reports_are_an_array(self, run: Any) -> None:
        """Many files, or many images in one, print an array."""
        code, out, _ = run(
            "normalize", str(ENHANCED), str(FINDINGS / "ecr-basic/aws-cli-example.json")
        )

        assert code == 0
        assert [each["scan"]["source"] for each in json.loads(out)] == ["ecr-enhanced", "ecr-basic"]

    @pytest.mark.parametrize(
        ("name", "beginning"),
        [("sarif", "{"), ("csv", "record,account"), ("ocsf", '{"activity_id')],
    )
    def test_other_formats_are_printed_as_they_are(
        self, run: Any, name: str, beginning: str
    ) -> None:
        """For other tools: nothing else stands on stdout."""
        code, out, err = run("normalize", str(ENHANCED), "--format", name)

        assert (code, err) == (0, "")
        assert out.startswith(beginning)
        assert out.endswith("\n")

    def test_a_scan_event_has_counts_and_no_findings(self, run: Any) -> None:
        """What an event does not carry is not printed as an empty list."""
        code, out, _ = run("normalize", str(EVENTS / "ecr-image-scan/lambda-go.json"))

        report = json.loads(out)
        assert code == 0
        assert "findings" not in report
        assert report["scan"]["usable"] is False
        assert report["counts"]["CRITICAL"] == 10

    def test_what_was_left_out_is_said(self, run: Any) -> None:
        """The EC2 finding of a mixed document is named on stderr."""
        code, _, err = run("normalize", str(FINDINGS / "inspector2/many.json"))

        assert code == 0
        assert "AWS_EC2_INSTANCE" in err

    @pytest.mark.parametrize("path", ["wrapped/lines.ndjson", "exported/inspector.csv"])
    def test_files_of_other_tools_are_read(self, run: Any, path: str) -> None:
        """Lines of JSON, and Inspector's export as CSV."""
        code, out, err = run("normalize", str(CASES / path))

        assert (code, err) == (0, "")
        assert json.loads(out)["image"]["repository"] == "shop/api"

    @pytest.mark.parametrize("by", ["option", "environment"])
    def test_what_the_file_lacks_is_filled_in(
        self, run: Any, monkeypatch: pytest.MonkeyPatch, by: str
    ) -> None:
        """The region of an answer of ECR, and the account of an inner object."""
        path = str(FINDINGS / "ecr-basic/inner-object.json")
        options = ["--account", "123456789012"]
        if by == "option":
            options += ["--region", "cn-north-1"]
        else:
            monkeypatch.setenv("AWS_REGION", "cn-north-1")

        code, out, _ = run("normalize", path, *options)

        image = json.loads(out)["image"]
        assert code == 0
        assert (image["account"], image["region"]) == ("123456789012", "cn-north-1")
        assert image["partition"] == "aws-cn"

    def test_heads_count_what_is_open(self, run: Any, tmp_path: Path) -> None:
        """What the source closed or suppressed is shown, and counted apart."""
        statuses = ("ACTIVE", "CLOSED", "SUPPRESSED", "CLOSED")
        rows = [
            inspector_row(f"CVE-2024-{number}", status=status)
            for number, status in enumerate(statuses)
        ]
        path = tmp_path / "findings.json"
        path.write_text(json.dumps({"findings": rows}))

        code, out, _ = run("normalize", str(path), "--format", "table")

        assert code == 0
        assert "1 vulnerability (1 HIGH), 2 closed, 1 suppressed" in out
        assert "CVE-2024-1 (closed)" in out
        assert "CVE-2024-2 (suppressed)" in out
        assert "CVE-2024-0 " in out

    def test_details_complete_the_findings_of_another_file(self, run: Any) -> None:
        """In any order; alone they are refused by name."""
        files = ("exported/finding-details.json", "wrapped/lines.ndjson")
        details, lines = (str(CASES / path) for path in files)

        code, out, err = run("normalize", details, lines)

        assert (code, err) == (0, "")
        exploited = [
            one for one in json.loads(out)["findings"] if one["exploit_available"] == "YES"
        ]
        assert exploited
        code, _, err = run("normalize", details)
        assert code == 2
        assert "name the answer of ListFindings beside it" in err

    def test_details_of_other_findings_are_refused(self, run: Any) -> None:
        """Nothing is left out without a word."""
        code, _, err = run("normalize", str(ENHANCED), str(CASES / "exported/finding-details.json"))

        assert code == 2
        assert "BatchGetFindingDetails" in err

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ('{"findings": []}', "ECR image"),
            ("{", "the JSON is cut"),
            ("{'a': 1}", "a value as Python prints it"),
            ('"text"', ""),
            ('{"hello": "world"}', ""),
            ("[" * 100_000, "nested too deeply"),
            ('{"data":' * 900 + "1" + "}" * 900, "nested too deeply"),
        ],
    )
    def test_a_document_without_findings_is_refused(
        self, run: Any, tmp_path: Path, document: str, reason: str
    ) -> None:
        """Nothing usable ends with exit code 2 and a reason, never with an empty report."""
        path = tmp_path / "document.json"
        path.write_text(document)

        code, out, err = run("normalize", str(path))

        assert (code, out) == (2, "")
        assert reason in err
        assert "document.json" in err
        assert "Traceback" not in err

    def test_what_is_no_text_is_refused(self, run: Any, tmp_path: Path) -> None:
        """An archive or an image of the wrong name is one sentence, too."""
        path = tmp_path / "document.json"
        path.write_bytes(b'{"\xff\xfe": 1}')

        code, out, err = run("normalize", str(path))

        assert (code, out) == (2, "")
        assert err == f"ecr-scan-alerts: {path}: this is not text in UTF-8: see line 1\n"

    def test_a_document_may_be_in_utf_16(self, run: Any, tmp_path: Path) -> None:
        """PowerShell's > writes that."""
        path = tmp_path / "document.json"
        path.write_text(ENHANCED.read_text(), encoding="utf-16")

        code, out, _ = run("normalize", str(path))

        assert code == 0
        assert json.loads(out)["counts"]["total"] == 141

    def test_a_huge_file_is_refused_before_it_is_read(self, run: Any, tmp_path: Path) -> None:
        """It would take all memory first."""
        path = tmp_path / "document.json"
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)

        code, _, err = run("normalize", str(path))

        assert code == 2
        assert "too large: at most 256 MiB" in err

    def test_an_endless_input_is_refused(self, run: Any) -> None:
        """A device says that its size is 0."""
        code, _, err = run("normalize", "/dev/zero")

        assert code == 2
        assert "/dev/zero: it is too large" in err

    def test_findings_cannot_be_fetched_without_a_region(
        self, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What botocore misses is said with what to do."""
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

        code, _, err = run("normalize", "--fetch", str(EVENTS / "ecr-image-scan/lambda-go.json"))

        assert code == 2
        assert "No AWS region is set: add --region" in err

    def test_stdin_is_a_document(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A dash reads standard input."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ENHANCED.read_bytes())))

        code, out, _ = run("normalize", "-")

        assert code == 0
        assert json.loads(out)["image"]["account"] == "000474600478"

    def test_a_missing_file_is_named(self, run: Any) -> None:
        """A typo in a path is one sentence and exit code 2."""
        code, _, err = run("normalize", "nothing.json")

        assert code == 2
        assert err == "ecr-scan-alerts: nothing.json: No such file or directory\n"

    def test_a_table_is_for_people(self, run: Any) -> None:
        """Severity, vulnerability, package and versions, one finding a line, worst first."""
        code, out, _ = run("normalize", "--format", "table", str(ENHANCED))

        lines = out.splitlines()
        assert code == 0
        assert lines[0] == "huggingface-tensorflow-training:2.6-gpu"
        assert "141 vulnerabilities (9 CRITICAL, 132 HIGH)" in out
        assert lines[4].startswith("CRITICAL")

    def test_several_tables_have_a_blank_line_between(self, run: Any) -> None:
        """Each begins with the name of its image."""
        _, out, _ = run(
            "normalize",
            "--format=table",
            str(EVENTS / "ecr-image-scan/failed.json"),
            str(EVENTS / "ecr-image-scan/lambda-go.json"),
        )

        assert out.count("\n\n") == 1

    def test_a_table_says_that_a_scan_failed(self, run: Any) -> None:
        """A failed scan is not an empty table."""
        _, out, _ = run(
            "normalize", "--format", "table", str(EVENTS / "ecr-image-scan/failed.json")
        )

        assert "FAILED: no usable result" in out


class TestRoute:
    def test_routes_and_reasons_are_shown(self, run: Any, config: str) -> None:
        """Each route says whether it matched, how much it selects, and why."""
        code, out, _ = run("route", str(ENHANCED), "--config", config)

        assert code == 0
        assert "training" in out
        assert "team-slack" in out

    def test_a_met_expectation_is_exit_code_0(self, run: Any, config: str) -> None:
        """The reached destinations are the expected ones."""
        code, _, _ = run(
            "route", str(ENHANCED), "--config", config, "--expect", "audit, team-slack"
        )

        assert code == 0

    def test_a_missed_expectation_is_exit_code_1(self, run: Any, config: str) -> None:
        """Both sides are said, so that a CI log is enough."""
        code, _, err = run("route", str(ENHANCED), "--config", config, "--expect", "audit")

        assert code == 1
        assert "expected audit, reached audit, team-slack" in err

    def test_scripts_get_json(self, run: Any, config: str) -> None:
        """Routes and destinations with their reasons, as data."""
        _, out, _ = run("route", str(ENHANCED), "--config", config, "--format", "json")

        document = json.loads(out)[0]
        assert document["stream"] == "huggingface-tensorflow-training"
        assert [(row["destination"], row["notified"]) for row in document["destinations"]] == [
            ("team-slack", True),
            ("audit", True),
        ]
        assert len(document["destinations"][0]["kinds"]["baseline"]) == 9
        assert document["routes"][0]["selected"] == 9

    def test_a_route_that_notifies_nobody_is_shown(self, run: Any, config: str) -> None:
        """Without a table of destinations; nobody is what is expected."""
        route = '  - {name: nobody, match: {repository: "*"}, notify: []}\nroutes:\n'
        Path(config).write_text(CONFIG.replace("routes:\n", f"routes:\n{route[:-8]}"))

        code, out, _ = run("route", str(ENHANCED), "--config", config, "--expect", "")

        assert code == 0
        assert "nobody" in out
        assert "NOTIFIED" not in out

    def test_what_changed_is_judged(self, run: Any, config: str) -> None:
        """Compared with itself nothing did."""
        options = ("--config", config, "--previous", str(ENHANCED))

        code, out, _ = run("route", str(ENHANCED), *options, "--expect", "")

        assert code == 0
        assert "nothing differs for it" in out

    def test_a_kind_is_judged(self, run: Any, config: str) -> None:
        """In upper or lower case; a route with kinds has nothing to say about others."""
        path = Path(config)
        path.write_text(CONFIG.replace("severity: CRITICAL", "kinds: [NEW]"))
        options = ("route", str(ENHANCED), "--config", config)

        assert run(*options, "--kind", "new", "--expect", "team-slack,audit")[0] == 0
        assert run(*options, "--kind", "RESOLVED", "--expect", "audit")[0] == 0
        with pytest.raises(SystemExit):
            run(*options, "--kind", "UNCHANGED")

    @pytest.mark.parametrize(
        ("count", "message"),
        [
            (0, "has no image of huggingface-tensorflow-training that could be before it"),
            (1, ""),
            (2, "has 2 images of huggingface-tensorflow-training that could be before it"),
        ],
    )
    def test_the_image_before_is_of_the_same_repository(
        self, run: Any, config: str, tmp_path: Path, count: int, message: str
    ) -> None:
        """Which one of several was the one before, nobody knows."""
        digests = re.findall(r"sha256:[0-9a-f]{64}", ENHANCED.read_text())
        others = [json.loads((FINDINGS / "ecr-basic/aws-cli-example.json").read_text())]
        for number in range(count):
            text = ENHANCED.read_text().replace(digests[0], f"sha256:{number:064x}")
            others.append(json.loads(text))
        path = tmp_path / "previous.json"
        path.write_text(json.dumps(others))

        code, _, err = run("route", str(ENHANCED), "--config", config, "--previous", str(path))

        assert code == (2 if message else 0)
        assert message in err

    def test_an_event_without_findings_is_not_routed(self, run: Any, config: str) -> None:
        """Counts are no findings; the way to get them is said."""
        event = EVENTS / "ecr-image-scan/lambda-go.json"

        code, _, err = run("route", str(event), "--config", config)

        assert code == 2
        assert "--fetch" in err

    @pytest.mark.parametrize("command", ["route", "normalize"])
    @pytest.mark.parametrize("status", ["ACTIVE", "COMPLETE"])
    def test_a_list_of_nothing_is_no_result(
        self, run: Any, config: str, tmp_path: Path, command: str, status: str
    ) -> None:
        """Without counts and without a time of completion the scan may still be running."""
        document = json.loads(ENHANCED.read_text())
        findings = document["imageScanFindings"]
        findings.update(enhancedFindings=[], findingSeverityCounts={})
        findings.pop("imageScanCompletedAt", None)
        document["imageScanStatus"] = {"status": status}
        path = tmp_path / "empty.json"
        path.write_text(json.dumps(document))

        options = ["--config", config] if command == "route" else []
        code, out, _ = run(command, str(path), *options)

        assert code == 0
        assert ("1 NOT_SCANNED" if command == "route" else "nothing is listed or counted") in out

    def test_a_list_of_nothing_with_counts_is_clean(
        self, run: Any, config: str, tmp_path: Path
    ) -> None:
        """Both commands judge it in the same way."""
        document = json.loads(ENHANCED.read_text())
        findings = document["imageScanFindings"]
        findings.update(enhancedFindings=[], findingSeverityCounts={"HIGH": 0})
        findings.pop("imageScanCompletedAt", None)
        path = tmp_path / "clean.json"
        path.write_text(json.dumps(document))

        routed, out, _ = run("route", str(path), "--config", config)
        _, normalized, _ = run("normalize", str(path))

        assert routed == 0
        assert "NOT_SCANNED" not in out
        assert json.loads(normalized)["scan"]["usable"] is True

    def test_a_failed_scan_is_routed(self, run: Any, config: str) -> None:
        """FAILED passes every threshold."""
        event = EVENTS / "ecr-image-scan/failed.json"

        code, _, _ = run("route", str(event), "--config", config, "--expect", "audit")

        assert code == 0

    def test_an_invalid_configuration_is_located(self, run: Any, tmp_path: Path) -> None:
        """File, line, path and what is allowed, before anything is routed."""
        path = tmp_path / "alerts.yml"
        path.write_text(CONFIG.replace("severity: HIGH", "severity: HUGE"))

        code, _, err = run("route", str(ENHANCED), "--config", str(path))

        assert code == 2
        assert "routes[1].severity" in err
        assert "not 'HUGE'" in err

    def test_each_mistake_has_a_line(self, run: Any, tmp_path: Path) -> None:
        """Several errors are several lines."""
        path = tmp_path / "alerts.yml"
        path.write_text(CONFIG.replace("HIGH", "HUGE").replace("CRITICAL", "WORST"))

        _, _, err = run("route", str(ENHANCED), "--config", str(path))

        lines = err.splitlines()
        assert [line.split(": ")[3] for line in lines] == [
            "routes[0].severity (route training)",
            "routes[1].severity (route everything)",
        ]


class TestPreview:
    def test_the_exact_payload_is_printed(self, run: Any, config: str) -> None:
        """The payload is JSON on stdout; its sizes against the limits are on stderr."""
        code, out, err = run("preview", str(ENHANCED), "--to", "team-slack", "--config", config)

        assert code == 0
        assert json.loads(out)["text"].startswith("huggingface-tensorflow-training:2.6-gpu")
        assert "of 10,000" in err
        assert "of 50" in err

    def test_a_bot_in_the_channel_of_a_route_is_a_destination(
        self, run: Any, tmp_path: Path
    ) -> None:
        """It is reached, expected and previewed by its own name."""
        path = tmp_path / "alerts.yml"
        bot = "{type: slack, token: {secret: ecr-scan-alerts/bot}, channel: C0123ALERTS}"
        path.write_text(
            CONFIG.replace("destinations:", f"destinations:\n  bot: {bot}").replace(
                "notify: [team-slack]", "notify: [bot, team-slack]\n    channel: C0TRAINING"
            )
        )
        told = "audit,bot/C0TRAINING,team-slack"
        options = ("--config", str(path))

        checked = run("check-config", str(path))
        routed = run("route", str(ENHANCED), "--expect", told, *options)
        code, out, _ = run("preview", str(ENHANCED), "--to", "bot/C0TRAINING", *options)

        assert (checked[0], routed[0], code) == (0, 0, 0)
        assert json.loads(out)["post"]["channel"] == "C0TRAINING"
        assert "thread_ts" not in json.loads(out)["post"]

    def test_what_follows_in_a_thread_is_previewed(self, run: Any, tmp_path: Path) -> None:
        """As `deliveries show` names the thread: the reply, and the root that is edited."""
        path = tmp_path / "alerts.yml"
        bot = "{type: slack, token: {secret: ecr-scan-alerts/bot}, channel: C0123ALERTS}"
        path.write_text(
            CONFIG.replace("destinations:", f"destinations:\n  bot: {bot}").replace(
                "notify: [team-slack]", "notify: [bot, team-slack]"
            )
        )
        options = ("preview", str(ENHANCED), "--to", "bot", "--config", str(path))

        thread = "https://slack.com|C0123ALERTS|1795424400.000100"
        code, out, err = run(*options, "--kind", "resolved", "--thread", thread)

        assert code == 0, err
        payload = json.loads(out)
        assert payload["reply"]["thread_ts"] == "1795424400.000100"
        assert payload["update"]["ts"] == "1795424400.000100"

    def test_a_change_is_previewed(self, run: Any, config: str) -> None:
        """As it would read once everything is resolved, and what is there without a difference."""
        options = ("preview", str(ENHANCED), "--to", "team-slack", "--config", config)

        _, resolved, _ = run(*options, "--kind", "resolved")
        _, same, err = run(*options, "--previous", str(ENHANCED))

        assert "9 CRITICAL fixed. Nothing is open." in json.loads(resolved)["text"]
        assert json.loads(same)
        assert "team-slack is not notified" in err
        assert "nothing differs for it; shown is what it would look like" in err

    def test_each_stream_of_an_image_is_previewed(self, run: Any, config: str) -> None:
        """An image with tags of two streams is two messages."""
        path = Path(config).with_name("tagged.json")
        event = json.loads((EVENTS / "ecr-image-scan/failed.json").read_text())
        event["detail"]["image-tags"] = ["main-1", "prod-1"]
        path.write_text(json.dumps(event))
        streams = 'streams: ["main-*", "prod-*"]\nroutes:'
        Path(config).write_text(CONFIG.replace("routes:", streams))

        code, out, err = run("preview", str(path), "--to", "audit", "--config", config)

        assert (code, len(json.loads(out))) == (0, 2)
        assert "main-1: " in err
        assert "prod-1: " in err

    def test_an_unknown_destination_is_answered_with_the_known_ones(
        self, run: Any, config: str
    ) -> None:
        """A typo in the name shows what there is."""
        code, _, err = run("preview", str(ENHANCED), "--to", "slack", "--config", config)

        assert code == 2
        assert "there are: audit, team-slack" in err

    def test_a_destination_that_is_not_reached_is_previewed_all_the_same(
        self, run: Any, config: str
    ) -> None:
        """What it would look like, and that no route sends it."""
        document = FINDINGS / "ecr-basic/aws-cli-example.json"

        code, out, err = run("preview", str(document), "--to", "team-slack", "--config", config)

        assert code == 0
        assert json.loads(out)
        assert "no route sends" in err

    def test_several_images_are_an_array(self, run: Any, config: str, tmp_path: Path) -> None:
        """As in normalize; the sizes say which image they are about."""
        documents = [ENHANCED, FINDINGS / "ecr-basic/aws-cli-example.json"]
        path = tmp_path / "both.json"
        path.write_text(json.dumps([json.loads(each.read_text()) for each in documents]))

        code, out, err = run("preview", str(path), "--to", "audit", "--config", config)

        assert code == 0
        assert len(json.loads(out)) == 2
        assert "note: huggingface-tensorflow-training:2.6-gpu: " in err

    def test_a_destination_without_a_route_has_no_payload(self, run: Any, tmp_path: Path) -> None:
        """Without a filter there is nothing to show."""
        path = tmp_path / "alerts.yml"
        path.write_text(CONFIG.replace("notify: [team-slack]", "notify: [audit]"))

        code, _, err = run("preview", str(ENHANCED), "--to", "team-slack", "--config", str(path))

        assert code == 2
        assert "no route notifies 'team-slack'" in err


def test_a_missing_configuration_says_how_to_name_one(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder without alerts.yml."""
    monkeypatch.chdir(tmp_path)

    code, _, err = run("route", str(ENHANCED))

    assert code == 2
    assert "no such file here; name yours by --config FILE" in err


def a_file_with_jira(folder: Path) -> Path:
    """Return a configuration with a Jira at a host that is not the vendor's."""
    jira = (
        "{type: jira, site: 'https://jira.example.com', project: SEC, "
        "credentials: {secret: ecr-scan-alerts/jira}}"
    )
    path = folder / "alerts.yml"
    path.write_text(
        CONFIG.replace("  audit:", f"  jira: {jira}\n  audit:").replace("[audit]", "[jira, audit]")
    )
    return path


class TestCheckConfig:
    def test_a_good_file_is_fine(self, run: Any, config: str) -> None:
        """Exit code 0; the streams that result, and one line."""
        code, out, _ = run("check-config", config)

        assert code == 0
        assert out.splitlines() == [
            "stream 1: all tags of a repository",
            "stream 2: images that never had a tag",
            f"{config}: fine",
        ]

    def test_the_file_of_this_repository_is_fine(self, run: Any) -> None:
        """What users start from can be deployed."""
        code, _, _ = run("check-config", str(ROOT / "alerts.yml"))

        assert code == 0

    def test_each_error_has_its_line(self, run: Any, tmp_path: Path) -> None:
        """Exit code 1; file, line, path and what is allowed."""
        path = tmp_path / "alerts.yml"
        path.write_text(CONFIG.replace("notify: [audit]", "notify: [adit]"))

        code, out, _ = run("check-config", str(path))

        assert code == 1
        assert f"{path}:13:" in out
        assert "routes[1].notify[0]" in out

    def test_scripts_get_json(self, run: Any, tmp_path: Path) -> None:
        """Line, path, level and message of each problem, and whether it can be deployed."""
        path = tmp_path / "alerts.yml"
        path.write_text(CONFIG.replace("notify: [audit]", "notify: [adit]"))

        code, out, _ = run("check-config", "--format", "json", str(path))

        document = json.loads(out)
        assert code == 1
        assert document["valid"] is False
        assert document["problems"] == [
            {
                "line": 13,
                "path": "routes[1].notify[0]",
                "level": "error",
                "message": "'adit' is not a destination; did you mean audit?",
            }
        ]
        assert (document["streams"], document["left_open"]) == ([], [])

    def test_receivers_are_those_of_the_deployment(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RECEIVER_HOSTS means the same here as when deploying."""
        path = a_file_with_jira(tmp_path)

        _, warned, _ = run("check-config", str(path))
        monkeypatch.setenv("RECEIVER_HOSTS", "jira.example.com")
        _, fine, _ = run("check-config", str(path))

        assert "warning: destinations.jira.site" in warned
        assert "warning" not in fine
        assert fine.endswith(f"{path}: fine\n")

    def test_a_stage_names_the_file_and_the_hosts(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What will be deployed is checked as it will be deployed."""
        path = a_file_with_jira(tmp_path)
        (tmp_path / "prod.yml").write_text(
            f"region: eu-west-1\nconfig: {path}\nreceiverHosts: [jira.example.com]\n"
        )
        find = partial(stage_file.find_stage, folder=tmp_path)
        monkeypatch.setattr(stage_file, "find_stage", find)
        monkeypatch.setattr(check_config, "find_stage", find)

        code, fine, _ = run("check-config", "--stage", "prod")

        assert (code, fine.splitlines()[-1]) == (0, f"{path}: fine")

    def test_a_host_that_every_stage_with_the_file_allows_is_no_mistake(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stage that allows it does not make up for one that does not; others do not count."""
        path = a_file_with_jira(tmp_path)
        folder = tmp_path / "stages"
        folder.mkdir()
        allowing = f"region: eu-west-1\nconfig: {path}\nreceiverHosts: [jira.example.com]\n"
        find = partial(stage_file.stages_of, folder=folder)
        monkeypatch.setattr(check_config, "stages_of", find)

        warnings = []
        for name, text in (
            ("other", allowing.replace("alerts.yml", "others.yml")),
            ("broken", "region: ["),
            ("prod", allowing),
            ("dev", f"region: eu-west-1\nconfig: {path}\n"),
        ):
            (folder / f"{name}.yml").write_text(text)
            _, output, _ = run("check-config", str(path))
            warnings.append("destinations.jira.site" in output)

        assert warnings == [True, True, False, True]

    @pytest.mark.parametrize(
        ("stages", "others"),
        [((), "`make deploy` writes it"), (("prod", "dev"), "there are: dev, prod")],
    )
    @pytest.mark.parametrize("named", [False, True])
    def test_a_stage_without_a_file_is_refused(
        self,
        run: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        config: str,
        named: bool,  # noqa: FBT001  # a case
        stages: tuple[str, ...],
        others: str,
    ) -> None:
        """A misspelt name would be checked without the hosts that it allows, and be fine."""
        folder = tmp_path / "stages"
        folder.mkdir()
        for name in stages:
            (folder / f"{name}.yml").touch()
        names = partial(stage_file.stage_names, folder=folder)
        monkeypatch.setattr(check_config, "stage_names", names)

        code, _, error = run("check-config", *((config,) if named else ()), "--stage", "nobody")

        assert code == 2
        assert f"deploy/stages/nobody.yml does not exist; {others}\n" in error

    def test_a_stage_of_the_environment_may_have_no_file(
        self, run: Any, config: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was meant for other commands, and may be deployed from a release; so is the demo."""
        assert run("check-config", config, "--stage", "local")[0] == 0
        monkeypatch.setenv("ECR_SCAN_ALERTS_STAGE", "nobody")

        assert run("check-config", config)[0] == 0
        assert run("check-config")[0] == 2


def cli(arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a shell, for what happens to its streams."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$PYTHON" -m cli {arguments}'],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, "PYTHONUNBUFFERED": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
class TestStreams:
    """Streams that are closed, full or not read any more."""

    @pytest.mark.parametrize(
        ("stream", "arguments", "said"),
        [
            ("stdout", ("normalize", str(ENHANCED)), "stdout is closed"),
            ("stdin", ("normalize", "-"), "stdin: it is closed"),
        ],
    )
    def test_python_has_no_closed_streams(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        stream: str,
        arguments: tuple[str, ...],
        said: str,
    ) -> None:
        """What was closed before the start is None."""
        with monkeypatch.context() as patch:
            patch.setattr(sys, stream, None)
            code = main(arguments)

        assert code == 2
        assert said in capsys.readouterr().err

    def test_a_closed_stdout_is_said(self) -> None:
        """Exit code 0 with nothing written would be a lie."""
        answer = cli(f"normalize {ENHANCED} >&-")

        assert answer.returncode == 2
        assert answer.stderr == (
            "ecr-scan-alerts: stdout is closed: there is nowhere to write to\n"
        )

    def test_a_full_disk_is_said(self) -> None:
        """The last bytes are written before the command is done."""
        answer = cli("check-config >/dev/full")

        assert answer.returncode == 2
        assert answer.stderr == "ecr-scan-alerts: cannot read or write: No space left on device\n"

    def test_a_reader_that_left_is_no_error(self) -> None:
        """`| head` ends quietly."""
        answer = cli(f"normalize {ENHANCED} | head -n 1")

        assert (answer.stdout, answer.stderr) == ("{\n", "")

    def test_a_closed_stdin_is_said(self) -> None:
        """A dash without an input."""
        answer = cli("normalize - <&-")

        assert answer.returncode == 2
        assert answer.stderr == "ecr-scan-alerts: stdin: it is closed; name a file\n"

    def test_characters_that_stdout_has_not_are_escaped(self, config: str) -> None:
        """A terminal without UTF-8 shows JSON escapes."""
        arguments = f"preview {ENHANCED} --to team-slack --config {config}"

        answer = cli(arguments, PYTHONIOENCODING="ascii")

        assert answer.returncode == 0
        assert json.loads(answer.stdout)["text"]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (MemoryError(), 2, "not enough memory"),
        (DocumentError("one\nline \x1b[31m"), 2, "ecr-scan-alerts: one line [31m\n"),
        (ConfigError("two\nlines \x1b[31m"), 2, "two\necr-scan-alerts: lines [31m\n"),
    ],
)
def test_whatever_stops_a_command_has_its_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trace, and no control characters."""

    def stop(_: argparse.Namespace) -> int:
        raise error

    answer = guarded(stop, argparse.Namespace())

    assert answer == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["route"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    """Argparse says what is missing."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)

    assert stop.value.code == 2
