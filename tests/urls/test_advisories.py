"""The page that a vulnerability leads to: for people, and the best one."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.models import Finding, Package, Severity
from lib.normalizer.documents import normalize_document
from lib.normalizer.package_url import package_url
from lib.urls.addresses import read_address
from lib.urls.advisories import names_versions, vulnerability_url
from lib.urls.packages import KNOWN_DISTRIBUTIONS, read_package_url
from tests.support.documents import case
from tests.support.every import every

AMAZON = "https://alas.aws.amazon.com/AL2023/ALAS-2025-957.html"
UBUNTU = "https://ubuntu.com/security/CVE-2024-35195"
NVD = "https://nvd.nist.gov/vuln/detail/CVE-2024-35195"
AMAZON_PAGE = "https://explore.alas.aws.amazon.com/CVE-2024-35195.html"
GITHUB = "https://github.com/psf/requests/security/advisories/GHSA-9wx4-h78v-vm56"
OTHER = "https://example.com/a-page"


def a_finding(*links: str, os: str | None = "AMAZON_LINUX_2023", id_: str = "X-1") -> Finding:
    """Return a finding about a package of a distribution, or of none."""
    purl = package_url("requests", "1", "OS" if os else "PIP", os=os, arch=None)
    return Finding(id_, Package("requests", "1", purl=purl), Severity.HIGH, links=links)


@every(
    "link",
    [
        "https://alas.aws.amazon.com/cve/json/v1/CVE-2024-35195.json",
        "https://access.redhat.com/hydra/rest/securitydata/cve/CVE-2024-35195.json",
        "https://access.redhat.com/hydra/rest/securitydata/cve/CVE-2024-35195",
        "https://services.nvd.nist.gov/rest/json/cves/2.0?cveId=CVE-2024-35195",
        "https://cveawg.mitre.org/api/cve/CVE-2024-35195",
        "https://api.osv.dev/v1/vulns/GHSA-9wx4-h78v-vm56",
        "https://api.msrc.microsoft.com/cvrf/v2.0/document/2024-May",
        "https://security-metadata.canonical.com/oval/com.ubuntu.jammy.cve.oval.xml.bz2",
        "https://ftp.suse.com/pub/projects/security/csaf/suse-su-2024_1.json",
        "https://raw.githubusercontent.com/rubysec/ruby-advisory-db/master/gems/a/CVE-1.yml",
        "https://github.com/psf/requests/commit/c0813a2d910ea6b4f8438b91d315b8d181302356.patch",
        "https://ubuntu.com/security/cves/CVE-2024-35195.json?x=1",
        "https://security-tracker.debian.org/tracker/data/json",
        "https://alas.aws.amazon.com/alas2.rss",
        "https://example.org/security/atom?page=1",
        "https://example.org/advisories.tar.xz",
        "https://example.org/advisory.toml",
        "https://bugzilla.redhat.com/show_bug.cgi?ctype=xml&id=1",
        "https://example.org/advisory?id=1&format=json",
    ],
)
def test_no_page_answers_programs(link: str) -> None:
    """A reader who follows a link meets text."""
    assert vulnerability_url(a_finding(link)) is None
    assert vulnerability_url(a_finding(link, os=None, id_="CVE-2024-35195")) == NVD
    assert vulnerability_url(a_finding(link, id_="CVE-2024-35195")) == AMAZON_PAGE
    assert vulnerability_url(a_finding(link, AMAZON, id_="CVE-2024-35195")) == AMAZON


@pytest.mark.parametrize(
    "links", list(itertools.permutations((AMAZON, GITHUB, OTHER))), ids=range(6)
)
def test_the_distribution_of_the_package_comes_first(links: tuple[str, ...]) -> None:
    """Wherever the scanner lists it."""
    assert vulnerability_url(a_finding(*links, id_="CVE-2024-35195")) == AMAZON


@pytest.mark.parametrize(
    ("links", "os", "page"),
    [
        # What the scanner names as its source, also of another distribution.
        ((UBUNTU, GITHUB), None, UBUNTU),
        ((NVD, GITHUB), None, NVD),
        ((NVD, GITHUB), "AMAZON_LINUX_2023", AMAZON_PAGE),
        ((NVD, GITHUB), "ROCKY_LINUX_9", NVD),
        # A distribution that the package is not of is a reference among others.
        ((OTHER, UBUNTU, GITHUB), None, GITHUB),
        ((OTHER, UBUNTU), None, NVD),
        ((OTHER,), None, NVD),
        # A project at GitHub is no advisory.
        (("https://github.com/psf/requests/pull/6655",), None, NVD),
    ],
)
def test_then_source_database_and_id(links: tuple[str, ...], os: str | None, page: str) -> None:
    """In this order."""
    assert vulnerability_url(a_finding(*links, os=os, id_="CVE-2024-35195")) == page


@pytest.mark.parametrize(
    ("os", "page"),
    [
        ("ALPINE_LINUX_3_19", "https://security.alpinelinux.org/vuln/CVE-2024-35195"),
        ("DEBIAN_12", "https://security-tracker.debian.org/tracker/CVE-2024-35195"),
        ("REDHAT_9", "https://access.redhat.com/security/cve/CVE-2024-35195"),
        ("UBUNTU_24_04", UBUNTU),
    ],
)
def test_the_page_of_a_distribution_names_its_versions(os: str, page: str) -> None:
    """NVD has those of the maker alone; other ids than CVEs have no such page."""
    assert vulnerability_url(a_finding(NVD, os=os, id_="CVE-2024-35195")) == page
    assert vulnerability_url(a_finding(OTHER, os=os)) == OTHER


def test_a_distribution_can_be_known_without_a_package_url() -> None:
    """Basic scanning has none."""
    finding = Finding("CVE-2024-35195", Package("curl"), Severity.HIGH, links=(NVD,))

    assert vulnerability_url(finding) == NVD
    assert vulnerability_url(finding, "ubuntu") == UBUNTU
    linked = replace(finding, links=("http://people.ubuntu.com/~ubuntu-security/cve/X",))
    assert vulnerability_url(linked) == UBUNTU
    assert names_versions(linked)
    assert not names_versions(finding)
    assert not names_versions(replace(linked, vulnerability_id="X-1"))


def test_any_other_page_is_better_than_none() -> None:
    """Where no database is known by the id."""
    assert vulnerability_url(a_finding(OTHER)) == OTHER


def test_amazons_json_is_not_linked() -> None:
    """A finding as Inspector sends it, whose source is a JSON file."""
    (report,) = normalize_document(case("exported/advisory-link-is-json.json")).reports

    (finding,) = report.findings  # type: ignore[union-attr]  # it is usable
    assert vulnerability_url(finding) == AMAZON


@every(
    ("os", "purl"),
    [
        ("AMAZON_LINUX_2023", "pkg:rpm/amazon/requests?distro=amazon-2023"),
        ("ALMALINUX_9", "pkg:rpm/alma/requests?distro=alma-9"),
        ("ROCKY_LINUX_9", "pkg:rpm/rockylinux/requests"),
        ("SLES_15", "pkg:rpm/suse/requests"),
        ("OPENSUSE_LEAP_15_6", "pkg:rpm/opensuse.leap/requests"),
        ("PHOTON_5", "pkg:rpm/photon/requests@1"),
        ("WOLFI", "pkg:apk/wolfi/requests"),
        ("CHAINGUARD_ROLLING", "pkg:apk/chainguard/requests"),
        ("MINIMOS", "pkg:apk/minimos/requests"),
        ("BOTTLEROCKET", "pkg:rpm/bottlerocket/requests"),
        ("AZURE_LINUX_3_0", "pkg:rpm/azurelinux/requests"),
    ],
)
def test_the_names_of_other_tools_are_those_of_findings(os: str, purl: str) -> None:
    """What Trivy or Syft writes covers what Inspector lists."""
    actual = read_package_url(package_url("requests", "1", "OS", os=os, arch=None) or "")
    limit = read_package_url(purl)

    assert actual is not None
    assert limit is not None
    assert limit.covers(actual)
    assert actual.namespace in KNOWN_DISTRIBUTIONS


@given(st.from_regex(r"https?://[!-;=?-~]{1,40}", fullmatch=True))
@example("https://host\\path")
@example("https://user@host/path")
@example("https://host:99999/path")
def test_a_page_is_an_address_that_can_be_read(url: str) -> None:
    """Its path is not parsed: thousands of findings have pages on the same few hosts."""
    shown = vulnerability_url(a_finding(url))

    if shown is not None:
        assert read_address(shown).host
