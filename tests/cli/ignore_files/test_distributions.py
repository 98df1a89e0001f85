"""Releases of distributions in package URLs, as findings write them."""

import pytest

from cli.ignore_files.rules import NoEntryError, package_limit
from lib.normalizer.package_url import package_url
from lib.urls.packages import read_package_url
from tests.support.every import every


@every(
    ("purl", "os"),
    [
        ("pkg:apk/alpine/openssl@3?distro=3.22.1", "ALPINE_LINUX_3_22"),
        ("pkg:apk/alpine/openssl@3?distro=alpine-3.22.1", "ALPINE_3_22"),
        ("pkg:apk/chainguard/openssl@3?distro=chainguard-20230214", "CHAINGUARD_ROLLING"),
        ("pkg:apk/wolfi/openssl@3?distro=wolfi-20230201", "WOLFI"),
        ("pkg:apk/minimos/openssl@3?distro=minimos-20241031", "MINIMOS"),
        ("pkg:deb/debian/openssl@3?distro=bookworm", "DEBIAN_12"),
        ("pkg:deb/debian/openssl@3?distro=12.5", "DEBIAN_12"),
        ("pkg:deb/ubuntu/openssl@3?distro=noble", "UBUNTU_24_04"),
        ("pkg:deb/ubuntu/openssl@3?distro=ubuntu-24.04", "UBUNTU_24_04"),
        ("pkg:rpm/amzn/openssl@3?distro=amzn-2023.6.20250303", "AMAZON_LINUX_2023"),
        ("pkg:rpm/rhel/openssl@3?distro=rhel-9.4", "REDHAT_9"),
        ("pkg:rpm/opensuse/openssl@3?distro=opensuse-leap-15.6", "OPENSUSE_LEAP_15_6"),
        ("pkg:rpm/suse/openssl@3?distro=sles-15.6", "SUSE_LINUX_ENTERPRISE_SERVER_15_6"),
    ],
)
def test_a_release_matches_what_findings_say(purl: str, os: str) -> None:
    """Tools write it in many ways; as written, an entry would match nothing."""
    limit = read_package_url(package_limit(purl))
    installed = read_package_url(package_url("openssl", "3", "OS", os=os, arch=None) or "")

    assert limit is not None
    assert installed is not None
    assert limit.covers(installed)


def test_other_qualifiers_of_a_rolling_distribution_stay() -> None:
    """Its releases are all the same; its architectures are not."""
    purl = "pkg:apk/wolfi/openssl@3?arch=x86_64&distro=wolfi-20230201"

    assert package_limit(purl) == "pkg:apk/wolfi/openssl@3?arch=x86_64"


@pytest.mark.parametrize(
    ("purl", "reason"),
    [
        ("pkg:deb/debian/openssl@3?distro=sid", "no scan calls a release of debian sid"),
        ("pkg:rpm/amzn/openssl?distro=amzn-2023.6", "no scan says which amzn 2023.6"),
    ],
)
def test_a_release_that_no_scan_names_is_no_limit(purl: str, reason: str) -> None:
    """Without it the entry would be wider; with it, it would match nothing."""
    with pytest.raises(NoEntryError, match=reason):
        package_limit(purl)
