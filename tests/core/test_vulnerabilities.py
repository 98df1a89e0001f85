"""What is counted as one vulnerability, and how it is found again."""

import json
from collections import Counter
from itertools import permutations
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.vulnerabilities import ByName, find, vulnerabilities, vulnerabilities_of
from lib.models import Finding, Report, ScanSource, Score, Severity
from lib.models.streams import Evidence, PartState, Role, WatchedImage
from lib.normalizer.documents import normalize_document
from tests.support.builders import NOW, a_finding, an_image
from tests.support.strategies import FINDINGS
from tests.support.streams import a_watched

DOCUMENTS = Path(__file__).parents[1] / "findings"

IDS = st.sampled_from(["CVE-1", "CVE-2", "CVE-3", "GHSA-a", "GHSA-b", "SNYK-x", "USN-1"])
ROWS = st.builds(
    a_finding,
    IDS,
    package=st.sampled_from(["openssl", "zlib"]),
    version=st.sampled_from(["1", "2"]),
    severity=st.sampled_from([severity.name for severity in Severity]),
    aliases=st.lists(IDS, max_size=3).map(tuple),
    epss=st.sampled_from([None, 0.1, 0.9]),
)


def ids(*findings: Finding) -> list[str]:
    return [vulnerability.id for vulnerability in vulnerabilities(findings)]


def names(*findings: Finding) -> list[tuple[str, ...]]:
    return sorted(vulnerability.names for vulnerability in vulnerabilities(findings))


# --- what is one ------------------------------------------------------------------------------


def test_rows_of_one_id_are_one_vulnerability() -> None:
    """Packages, versions and paths are details."""
    rows = [a_finding(package="openssl"), a_finding(package="libssl3", path="usr/lib")]

    (vulnerability,) = vulnerabilities(rows)

    assert vulnerability.id == "CVE-2024-0001"
    assert sorted(row.package.name for row in vulnerability.findings) == ["libssl3", "openssl"]


def test_an_advisory_that_several_rows_of_one_id_name_is_exclusive() -> None:
    """Rows are not ids: the second package of a CVE is no second namer."""
    rows = (
        a_finding("CVE-1", aliases=("GHSA-a",)),
        a_finding("CVE-1", package="zlib", aliases=("GHSA-a",)),
    )

    assert names(*rows) == [("CVE-1", "GHSA-a")]


def test_ids_that_are_one_share_their_rows() -> None:
    """The advisory joins its CVE, whichever row comes first."""
    ghsa = a_finding("GHSA-a", package="libssl3", aliases=("CVE-2",))
    cve = a_finding("CVE-2", aliases=("GHSA-a",))

    (vulnerability,) = vulnerabilities([ghsa, cve])

    assert (vulnerability.id, vulnerability.names) == ("CVE-2", ("CVE-2", "GHSA-a"))
    assert len(vulnerability.findings) == 2


def test_case_is_no_difference_and_rows_have_the_last_word_on_spelling() -> None:
    """Sources write ids in different case."""
    rows = (
        a_finding("ghsa-1", aliases=("cve-1", "Snyk-x", "SNYK-X", "")),
        a_finding("CVE-1", aliases=("GHSA-1",)),
        a_finding("cve-1"),
    )

    assert names(*rows) == [("CVE-1", "ghsa-1", "SNYK-X")]


# --- order ------------------------------------------------------------------------------------


def test_worst_comes_first() -> None:
    """Order: severity, exploit, fix, EPSS, score, id; each by the worst row."""
    ordered = [
        a_finding("CVE-9", severity="CRITICAL"),
        a_finding("CVE-8", exploit_available="YES"),
        a_finding("CVE-7", fixed_version="2"),
        a_finding("CVE-6", epss=0.5),
        a_finding("CVE-5", score=Score(9.0)),
        a_finding("CVE-1"),
        a_finding("CVE-2"),
    ]
    mild = [a_finding(f"CVE-{number}", package="other", severity="LOW") for number in (9, 2)]

    assert ids(*mild, *reversed(ordered)) == [row.vulnerability_id for row in ordered]


def test_a_vulnerability_is_as_bad_as_its_worst_row() -> None:
    """Severity, exploit and fix can be those of different rows, which stand worst first."""
    rows = (
        a_finding(package="a", severity="LOW", exploit_available="YES"),
        a_finding(package="b", severity="HIGH", fixed_version="2"),
    )

    (vulnerability,) = vulnerabilities(rows)

    assert vulnerability.severity is Severity.HIGH
    assert vulnerability.exploitable
    assert vulnerability.fixable
    assert [row.package.name for row in vulnerability.findings] == ["b", "a"]


def test_rows_that_differ_in_a_detail_have_an_order_of_their_own() -> None:
    """The same identity and rank twice: what they differ in decides."""
    rows = [a_finding(title=title) for title in ("one", "two", "three")]

    orders = {
        tuple(row.title for row in vulnerabilities(order)[0].findings)
        for order in permutations(rows)
    }
    assert len(orders) == 1


@given(
    st.lists(ROWS, max_size=9).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows)))
)
def test_the_order_of_rows_does_not_matter(orders: tuple[list[Finding], list[Finding]]) -> None:
    """Whatever the aliases, the same rows are the same vulnerabilities in the same order."""
    assert vulnerabilities(orders[0]) == vulnerabilities(orders[1])


@given(st.lists(ROWS | FINDINGS, max_size=9))
def test_every_row_belongs_to_one_vulnerability(rows: list[Finding]) -> None:
    """No row is lost or counted twice, and no name leads to two vulnerabilities."""
    found = vulnerabilities(rows)

    kept = [row for vulnerability in found for row in vulnerability.findings]
    every_name = [name.upper() for vulnerability in found for name in vulnerability.names]
    assert sorted(map(repr, kept)) == sorted(map(repr, rows))
    assert len(every_name) == len(set(every_name))
    assert all(vulnerability.names[0] == vulnerability.id for vulnerability in found)


# --- the same one in another scan -------------------------------------------------------------


def test_a_vulnerability_is_found_by_any_of_its_names() -> None:
    """It was GHSA-a in the scan before, and has a CVE now."""
    (now,) = vulnerabilities([a_finding("CVE-2", aliases=("GHSA-a",))])

    assert find({"GHSA-a": 1, "CVE-3": 2}, now.names) == 1
    assert find({"GHSA-a": 1, "CVE-2": 2}, now.names) == 2
    assert find({"CVE-3": 2}, now.names) is None


def test_what_is_kept_by_names_is_found_by_any_of_them() -> None:
    """Its own id first; else a name that both have."""
    kept = ByName([("CVE-1", ("CVE-1", "GHSA-a"), 1), ("GHSA-b", ("GHSA-b", "SNYK-x"), 2)])

    assert kept.get("CVE-1") == 1
    assert kept.get("GHSA-a") == 1
    assert kept.get("CVE-9", ("CVE-9", "SNYK-x")) == 2
    assert kept.get("GHSA-b", ("CVE-1",)) == 2
    assert kept.get("SNYK-y", ("CVE-1",)) == 1
    assert kept.get("SNYK-y", ("SNYK-z",)) is None


def test_a_common_alias_makes_no_two_cve_ids_one() -> None:
    """An advisory can move from one to the other."""
    kept = ByName([("CVE-1", ("CVE-1", "GHSA-a"), 1)])

    assert kept.get("CVE-2", ("CVE-2", "GHSA-a")) is None
    assert kept.get("CVE-2", ("CVE-2", "CVE-1")) == 1


def test_an_id_leads_to_its_own_item_though_another_one_names_it() -> None:
    """The first to have a name keeps it for those that are kept under no id of theirs."""
    kept = ByName([("CVE-1", ("CVE-1", "GHSA-a"), 1), ("GHSA-a", ("GHSA-a", "GHSA-b"), 2)])

    assert (kept.get("GHSA-a"), kept.get("GHSA-b")) == (2, 2)
    assert kept.get("SNYK-x", ("GHSA-a",)) == 1


def test_a_stream_groups_the_rows_of_all_its_images() -> None:
    """An alias that is exclusive in one image need not be in the stream."""
    current, running = (
        WatchedImage(
            an_image(number), role, running=False,
            parts=(PartState("", "COMPLETE", evidence=(
                Evidence(an_image(number), "", ScanSource.ECR_BASIC, NOW, True, (row,)),
            )),),
        )
        for number, role, row in (
            (2, Role.CURRENT, a_finding("CVE-1", aliases=("GHSA-a",))),
            (1, Role.RUNNING, a_finding("CVE-2", aliases=("GHSA-a",), source_status="CLOSED")),
        )
    )  # fmt: skip

    found = vulnerabilities_of([current, running])

    assert [vulnerability.names for vulnerability in found] == [("CVE-1",), ("CVE-2",)]


# --- numbers ----------------------------------------------------------------------------------


def rows_of(document: Any) -> list[dict[str, Any]]:
    """Return the rows of Inspector about images in a document, wherever they stand."""
    if not isinstance(document, dict | list):
        return []
    if isinstance(document, dict) and "packageVulnerabilityDetails" in document:
        kinds = {resource["type"] for resource in document["resources"]}
        return [document] if "AWS_ECR_CONTAINER_IMAGE" in kinds else []
    inner = document.values() if isinstance(document, dict) else document
    return [row for node in inner for row in rows_of(node)]


@pytest.mark.parametrize(
    "path",
    [
        "derived/tensorflow-2.6-gpu.enhanced.json",
        "ecr-enhanced/aws-docs-example.json",
        "ecr-enhanced/moto-untriaged.json",
        "inspector2/many.json",
        "inspector2/one.json",
    ],
)
def test_enhanced_scanning_counts_what_the_console_of_ecr_counts(path: str) -> None:
    """A row of Inspector is one vulnerability, however many packages it names."""
    document = json.loads((DOCUMENTS / path).read_text("utf-8"))
    stated = Counter(str(row["severity"]) for row in rows_of(document))

    found = Counter(
        vulnerability.findings[0].source_severity or vulnerability.severity.name
        for report in normalize_document(document).reports
        if isinstance(report, Report)
        for vulnerability in vulnerabilities(report.findings)
    )

    assert found == stated


def test_ten_thousand_rows_take_no_time() -> None:
    """The effort is linear: ten times the rows, about ten times the time, and well below 100 ms."""
    rows = [
        a_finding(f"CVE-{number % 4000}", package=f"p{number}", aliases=(f"G-{number % 4000}",))
        for number in range(10_000)
    ]
    started = process_time()

    assert len(vulnerabilities(rows)) == 4_000

    assert process_time() - started < 1


def test_the_same_rows_are_grouped_once() -> None:
    """State, views, message and copy of a stream all ask; other lists are other questions."""
    images = [a_watched(a_finding())]

    assert vulnerabilities_of(images) is vulnerabilities_of(list(images))
    assert vulnerabilities_of([a_watched(a_finding())]) is not vulnerabilities_of(images)
