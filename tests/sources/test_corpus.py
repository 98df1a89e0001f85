"""Every real document: valid reports, and exactly the findings that stand in it, worst first."""

from pathlib import Path
from typing import Any

from lib.models import Severity
from lib.normalizer.documents import normalize_document
from tests.support.documents import EVENTS, FINDINGS, checked, document
from tests.support.every import every

SHAPES = ("ecr-basic", "ecr-enhanced", "derived", "inspector2")
DOCUMENTS = [
    *(
        str(path.relative_to(FINDINGS))
        for each in SHAPES
        for path in (FINDINGS / each).glob("*.json")
    ),
    *(
        f"inspector2-finding/{path.name}"
        for path in (EVENTS / "inspector2-finding").glob("ecr-*.json")
    ),
]
EMPTY = "inspector2/zero.json"
Identity = tuple[str, str, str]


def expected(raw: Any) -> set[Identity]:
    """Count the distinct (vulnerability, package, path) of a raw document, the simple way."""
    if isinstance(raw, list):
        return {identity for each in raw for identity in expected(each)}
    if "detail" in raw:
        return of_packages(raw["detail"])
    inner = raw.get("imageScanFindings", raw)
    found = set()
    for row in [*inner.get("findings", []), *inner.get("enhancedFindings", [])]:
        found |= of_packages(row) if "resources" in row else {of_attributes(row)}
    return found


def of_attributes(row: Any) -> Identity:
    values = {each["key"]: each["value"] for each in row["attributes"]}
    return (row["name"], values["package_name"], "")


def of_packages(row: Any) -> set[Identity]:
    if not any(each["type"] == "AWS_ECR_CONTAINER_IMAGE" for each in row["resources"]):
        return set()
    details = row["packageVulnerabilityDetails"]
    return {
        (details["vulnerabilityId"], each["name"], each.get("filePath") or "")
        for each in details["vulnerablePackages"]
    }


@every("path", sorted(set(DOCUMENTS) - {EMPTY}))
def test_every_real_document_is_normalized_in_full(path: str) -> None:
    """Reports are valid, hold each finding once, and are sorted."""
    raw = document(path)

    reports = [checked(report) for report in normalize_document(raw).reports]

    findings = [finding for report in reports for finding in report["findings"]]
    identities = [
        (each["vulnerability_id"], each["package"]["name"], each["package"]["path"] or "")
        for each in findings
    ]
    assert len(identities) == len(set(identities))
    assert set(identities) == expected(raw)
    for report in reports:
        levels = [Severity[each["severity"]] for each in report["findings"]]
        assert levels == sorted(levels, reverse=True)


def test_the_corpus_is_there() -> None:
    """The parametrized test above does not pass for want of documents."""
    assert len(DOCUMENTS) == 13
    assert sum(len(expected(document(path))) for path in DOCUMENTS) > 250


def test_every_document_says_where_it_comes_from() -> None:
    """Each folder names origin and licence of each of its files."""
    for root in (FINDINGS, EVENTS):
        for folder in filter(Path.is_dir, root.iterdir()):
            origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
            for path in folder.glob("*.json"):
                assert f"| `{path.name}` |" in origin, path


def test_first_page_of_debian_in_full() -> None:
    """A first page on its own: four findings of 715, and the report says so."""
    (report,) = normalize_document(document("ecr-basic/first-page.json")).reports

    result = checked(report)
    assert result["image"] == {
        "partition": "aws",
        "account": "123456789876",
        "region": "",
        "repository": "shop/frontend",
        "digest": "sha256:9282579f5330ae90d22f21b1a9be944f893895f06e3bc1985f14d1cfc084c60c",
        "tags": [],
        "platform": None,
        "os": None,
        "pushed_at": None,
        "in_use_count": None,
        "last_in_use_at": None,
    }
    assert result["scan"] == {
        "source": "ecr-basic",
        "status": "COMPLETE",
        "usable": True,
        "reason": None,
        "completed_at": "2023-10-27T03:14:38Z",
        "complete": False,
        "warnings": [
            "715 findings are counted, 4 are listed",
            "further pages were not read",
            "the document does not name the image's region",
        ],
    }
    assert result["findings"][0] == {
        "vulnerability_id": "CVE-2021-3177",
        "aliases": [],
        "title": None,
        "description": result["findings"][0]["description"],
        "severity": "CRITICAL",
        "score": {
            "value": 9.8,
            "version": "3.1",
            "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "source": None,
        },
        "package": {
            "name": "python2.7",
            "version": "2.7.16-2+deb10u1",
            "manager": None,
            "path": None,
            "layer": None,
            "purl": None,
        },
        "fixed_version": None,
        "fix_available": None,
        "exploit_available": None,
        "epss": None,
        "links": ["https://security-tracker.debian.org/tracker/CVE-2021-3177"],
        "first_observed_at": None,
        "last_observed_at": None,
        "source_status": None,
        "extra": {"CVSS2_VECTOR": "AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS2_SCORE": "7.5"},
    }


def test_finding_event_of_2021_in_full() -> None:
    """Dates in Java's locale format, "N/A" for partition and region, three CVSS versions."""
    (report,) = normalize_document(document("inspector2-finding/ecr-2021-format.json")).reports

    result = checked(report)
    assert (result["image"]["partition"], result["image"]["region"]) == ("aws", "us-east-2")
    assert result["image"]["pushed_at"] == "2021-12-03T18:02:13Z"
    (found,) = result["findings"]
    del found["description"]
    assert found == {
        "vulnerability_id": "CVE-2019-17498",
        "aliases": [],
        "title": "CVE-2019-17498 - libssh2",
        "severity": "MEDIUM",
        "score": {
            "value": 6.5,
            "version": "3.0",
            "vector": "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:N/A:N",
            "source": "REDHAT_CVE",
        },
        "package": {
            "name": "libssh2",
            "version": "1.4.3-12.amzn2.2",
            "manager": "OS",
            "path": None,
            "layer": "sha256:72d97abdfae3b3c933ff41e39779cc72853d7bd9dc1e4800c5294dEXAMPLE",
            "purl": "pkg:rpm/amzn/libssh2@1.4.3-12.amzn2.2?arch=x86_64&distro=amzn-2",
        },
        "fixed_version": None,
        "fix_available": None,
        "exploit_available": None,
        "epss": None,
        "links": [
            "https://access.redhat.com/security/cve/CVE-2019-17498",
            "https://access.redhat.com/errata/RHSA-2020:3915",
        ],
        "first_observed_at": "2021-12-03T18:02:30Z",
        "last_observed_at": "2021-12-03T18:02:30Z",
        "source_status": "ACTIVE",
        "remediation": (
            "Update all packages in the vulnerable packages section to their latest versions."
        ),
        "extra": {
            "finding_arn": "arn:aws:inspector2:us-east-2:123456789012:finding/"
            "be674aaddd0f75ac632055EXAMPLE",
            "source": "REDHAT_CVE",
            "vendor_severity": "Moderate",
            "other_scores": "NVD 2.0 5.8 AV:N/AC:M/Au:N/C:P/I:N/A:P; "
            "NVD 3.1 8.1 CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:N/A:H",
            "arch": "X86_64",
        },
    }
