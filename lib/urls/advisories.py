"""Pages about vulnerabilities: the scanner's link, or the page of the database. Pure."""

import re
from typing import Final

from lib.models import (
    Finding,
)
from lib.urls.addresses import AddressError, read_address

_MAX_ID: Final = 60
"""No known scheme has longer ids."""
_MAX_URL: Final = 300
"""Longer URLs take too much of a message."""


_URL: Final = re.compile(r"https?://[!-;=?-~]+")


_PAGES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.ASCII), page)
    for pattern, page in (
        (r"CVE-\d{4}-\d{4,19}", "https://nvd.nist.gov/vuln/detail/{id}"),
        (r"GHSA(?:-[0-9a-z]{4}){3}", "https://github.com/advisories/{id}"),
        (r"RH[SBE]A-\d{4}:\d+", "https://access.redhat.com/errata/{id}"),
        (r"ALAS-\d{4}-\d+", "https://alas.aws.amazon.com/{id}.html"),
        (r"ALAS2-\d{4}-\d+", "https://alas.aws.amazon.com/AL2/{id}.html"),
        (r"ALAS2023-\d{4}-\d+", "https://alas.aws.amazon.com/AL2023/{id}.html"),
        (r"(?:DSA|DLA)-\d+(?:-\d+)?", "https://security-tracker.debian.org/tracker/{id}"),
        (r"USN-\d+-\d+", "https://ubuntu.com/security/notices/{id}"),
        (r"ELSA-\d{4}-\d+", "https://linux.oracle.com/errata/{id}.html"),
        (r"RUSTSEC-\d{4}-\d{4}", "https://rustsec.org/advisories/{id}.html"),
        (r"GO-\d{4}-\d{4,}", "https://pkg.go.dev/vuln/{id}"),
        (r"(?:PYSEC|MAL)-\d{4}-\d+", "https://osv.dev/vulnerability/{id}"),
        (r"SNYK-[A-Z]+-[0-9A-Z]+-\d+", "https://security.snyk.io/vuln/{id}"),
    )
)


def vulnerability_url(finding: Finding) -> str | None:
    """Return a page about the vulnerability: the scanner's link, else by its id, else None."""
    for url in finding.links:
        if len(url) <= _MAX_URL and _URL.fullmatch(url) and _has_host(url):
            return url
    if len(finding.vulnerability_id) > _MAX_ID:
        return None
    for pattern, page in _PAGES:
        if pattern.fullmatch(finding.vulnerability_id):
            return page.format(id=finding.vulnerability_id)
    return None


def _has_host(url: str) -> bool:
    try:
        read_address(url)
    except AddressError:
        return False
    return True
