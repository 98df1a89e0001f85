"""Pages of vulnerabilities by their ids, and by the links of their source."""

from lib.urls.advisories import vulnerability_url
from tests.support.builders import a_finding
from tests.support.every import every


class TestVulnerabilityUrl:
    """A page for each vulnerability, where there is one."""

    def test_source_knows_best(self) -> None:
        """Its own link comes first."""
        finding = a_finding(links=("https://ubuntu.com/security/CVE-2024-0001",))

        assert vulnerability_url(finding) == "https://ubuntu.com/security/CVE-2024-0001"

    @every(
        "link",
        [
            "javascript:alert(1)",
            "ftp://example.com/x",
            "https://",
            "https://[x/",
            "https://exa mple.com",
            "https://example.com/<script>",
            "https://example.com/\u202e",
            "https://example.com/" + "x" * 400,
        ],
    )
    def test_other_links_are_passed_over(self, link: str) -> None:
        """What is no web address, or nobody could follow, is not made a link."""
        finding = a_finding("CVE-2024-0001", links=(link,))

        assert vulnerability_url(finding) == "https://nvd.nist.gov/vuln/detail/CVE-2024-0001"

    @every(
        ("name", "url"),
        [
            ("CVE-2021-44228", "https://nvd.nist.gov/vuln/detail/CVE-2021-44228"),
            ("GHSA-jfh8-c2jp-5v3q", "https://github.com/advisories/GHSA-jfh8-c2jp-5v3q"),
            ("RHSA-2024:1234", "https://access.redhat.com/errata/RHSA-2024:1234"),
            ("ALAS-2024-1234", "https://alas.aws.amazon.com/ALAS-2024-1234.html"),
            ("ALAS2-2024-2345", "https://alas.aws.amazon.com/AL2/ALAS2-2024-2345.html"),
            ("ALAS2023-2024-578", "https://alas.aws.amazon.com/AL2023/ALAS2023-2024-578.html"),
            ("DSA-5678-1", "https://security-tracker.debian.org/tracker/DSA-5678-1"),
            ("USN-1234-5", "https://ubuntu.com/security/notices/USN-1234-5"),
            ("ELSA-2024-1234", "https://linux.oracle.com/errata/ELSA-2024-1234.html"),
            ("RUSTSEC-2024-0001", "https://rustsec.org/advisories/RUSTSEC-2024-0001.html"),
            ("GO-2024-1234", "https://pkg.go.dev/vuln/GO-2024-1234"),
            ("PYSEC-2024-1", "https://osv.dev/vulnerability/PYSEC-2024-1"),
            ("SNYK-JS-LODASH-450202", "https://security.snyk.io/vuln/SNYK-JS-LODASH-450202"),
            ("IN1-JAVA-ORG-1234", None),
            ("CVE-2021-44228/../x", None),
            ("CVE-2021-٤٤٢٢٨", None),
            ("CVE-" + "1" * 400, None),
            ("", None),
        ],
    )
    def test_scheme_names_the_page(self, name: str, url: str | None) -> None:
        """Known schemes only, and only ids of exactly their form."""
        assert vulnerability_url(a_finding(name)) == url
