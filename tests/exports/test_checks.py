"""The results of `audit` in formats that other tools read: grouped, and never a false all-clear."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from lib.checks import findings as checks
from lib.exports.checks import (
    CHECK_EXPORTS,
    COLUMNS,
    CheckGroup,
    RepositoryCheck,
    checks_csv,
    checks_sarif,
    groups,
)
from lib.models import Finding, Image, Package, Severity, Suppressed
from tests.exports.test_spreadsheet import SEPARATORS, TEXTS, formulas
from tests.support.builders import a_finding
from tests.support.documents import ROOT

SCHEMA = Draft4Validator(
    json.loads((ROOT / "tests/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
)


def repository(name: str) -> Image:
    return Image("aws", "000474600478", "eu-central-1", name, "")


def deviation(id_: str, severity: str = "MEDIUM", title: str = "it deviates") -> Finding:
    return Finding(
        id_,
        Package("setting", "off", "ECR"),
        Severity[severity],
        title=title,
        description="Why it matters.",
        links=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/a.html",),
        extra={"command": "aws ecr put-it", "cloudformation": "Type\nOn: true", "remark": "Read."},
    )


MISSING = deviation(checks.LIFECYCLE_MISSING)
MUTABLE = deviation(checks.TAG_MUTABILITY, "HIGH", "tags can be overwritten")
CHECKED = [
    RepositoryCheck(repository("a"), [MISSING, MUTABLE]),
    RepositoryCheck(repository("b"), [MISSING]),
    RepositoryCheck(repository("c")),
    RepositoryCheck(repository("d"), unread="AWS denies ecr:GetLifecyclePolicy for d"),
    RepositoryCheck(repository("e"), suppressed=[Suppressed(MUTABLE, "one", "why", "2099-12-31")]),
]


def run_of(checked: list[RepositoryCheck]) -> Any:
    log = json.loads(checks_sarif(checked))
    SCHEMA.validate(log)
    (run,) = log["runs"]
    return run


def rows(checked: list[RepositoryCheck]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(checks_csv(checked), newline="")))


def summary(group: CheckGroup) -> tuple[str, str, list[str]]:
    return group.severity.name, group.heading, [image.repository for image, _ in group.findings]


def test_findings_are_grouped_by_check() -> None:
    """The worst first, then what concerns the most repositories."""
    low = deviation("ECR-OTHER", title="another")

    found = groups([*CHECKED, RepositoryCheck(repository("f"), [low])])

    assert list(map(summary, found)) == [
        ("HIGH", "tags can be overwritten", ["a"]),
        ("MEDIUM", "it deviates", ["a", "b"]),
        ("MEDIUM", "another", ["f"]),
    ]


def test_titles_that_differ_have_a_common_heading() -> None:
    """The check's own, or that of the first where the check has none."""
    titles = ["the newest image was scanned 40 days ago", "the newest image has no scan"]

    (own,) = groups(
        [RepositoryCheck(repository(t), [deviation(checks.NOT_SCANNED, title=t)]) for t in titles]
    )
    (first,) = groups(
        [RepositoryCheck(repository(t), [deviation("ECR-X", title=t)]) for t in titles]
    )

    assert own.heading == "the newest image has no recent scan"
    assert first.heading == titles[0]


def test_csv_has_a_row_for_each_result_and_each_repository() -> None:
    """Findings, suppressed ones, no findings, and what could not be read are different records."""
    found = rows(CHECKED)

    assert [(row["repository"], row["record"]) for row in found] == [
        ("a", "finding"),
        ("a", "finding"),
        ("b", "finding"),
        ("c", "no findings"),
        ("d", "not read"),
        ("e", "no findings"),
        ("e", "suppressed"),
    ]
    assert found[0].keys() == set(COLUMNS)
    assert found[0] | {"record": "", "repository": ""} == dict.fromkeys(COLUMNS, "") | {
        "account": "000474600478",
        "region": "eu-central-1",
        "check": checks.LIFECYCLE_MISSING,
        "severity": "MEDIUM",
        "setting": "setting",
        "value": "off",
        "title": "it deviates",
        "reason": "Why it matters.",
        "remark": "Read.",
        "command": "aws ecr put-it",
        "cloudformation": "Type\nOn: true",
        "link": "https://docs.aws.amazon.com/AmazonECR/latest/userguide/a.html",
    }
    assert found[4]["reason"] == "AWS denies ecr:GetLifecyclePolicy for d"
    assert (found[6]["suppression_reason"], found[6]["suppressed_until"]) == ("why", "2099-12-31")


def test_sarif_is_one_run_with_a_rule_for_each_check() -> None:
    """GitHub takes 20 runs in a file, and people have more repositories."""
    run = run_of(CHECKED)

    driver = run["tool"]["driver"]
    assert [rule["name"] for rule in driver["rules"]] == ["EcrTagMutability", "EcrLifecycleMissing"]
    assert [
        (result["ruleId"], driver["rules"][result["ruleIndex"]]["id"], place(result))
        for result in run["results"]
    ] == [
        (checks.TAG_MUTABILITY, checks.TAG_MUTABILITY, "a"),
        (checks.TAG_MUTABILITY, checks.TAG_MUTABILITY, "e"),
        (checks.LIFECYCLE_MISSING, checks.LIFECYCLE_MISSING, "a"),
        (checks.LIFECYCLE_MISSING, checks.LIFECYCLE_MISSING, "b"),
    ]
    assert [
        result.get("suppressions", [{}])[0].get("justification") for result in run["results"]
    ] == [*(None, "why", None, None)]


def place(result: Any) -> str:
    uri: str = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return uri


def test_sarif_says_what_could_not_be_read() -> None:
    """A run that did not succeed is no all-clear."""
    (invocation,) = run_of(CHECKED)["invocations"]
    (sound,) = run_of([CHECKED[2]])["invocations"]

    (note,) = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False
    assert note["level"] == "error"
    assert note["message"]["text"].startswith("000474600478/eu-central-1/d: AWS denies")
    assert sound == {"executionSuccessful": True}


def test_a_fingerprint_is_that_of_a_check_of_a_repository() -> None:
    """Whatever its value, severity and title are today."""
    changed = replace(MISSING, title="now", severity=Severity.HIGH, package=Package("a", "b", "c"))

    before, after = (
        run_of([RepositoryCheck(repository("a"), [finding])])["results"][0]["partialFingerprints"]
        for finding in (MISSING, changed)
    )
    other = run_of([RepositoryCheck(repository("b"), [MISSING])])["results"][0]

    assert before == after
    assert before != other["partialFingerprints"]


@settings(deadline=None)
@given(TEXTS, st.sampled_from(SEPARATORS))
def test_no_cell_is_a_formula(text: str, separator: str) -> None:
    """In no column of the CSV, and whatever a name or a policy holds."""
    finding = replace(
        a_finding(text or "x", package=text or "x", version=text, title=text, description=text),
        links=(text,),
        extra=dict.fromkeys(COLUMNS, text),
    )
    image = Image("aws", text, text, text, "")
    check = RepositoryCheck(image, [finding], [Suppressed(finding, text, text, text)], unread=text)

    assert formulas(checks_csv([check]), separator) == []
    assert len(run_of([check])["results"]) == 2


def test_nothing_is_no_result() -> None:
    """A registry without repositories."""
    assert run_of([])["results"] == []
    assert rows([]) == []
    assert set(CHECK_EXPORTS) == {"csv", "sarif"}
