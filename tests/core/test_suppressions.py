"""Entries of alerts.yml and the findings that they leave out."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.suppressions import Suppression, covered, matcher
from lib.models import Package, Suppressed
from tests.support.builders import a_digest, a_finding, an_image
from tests.support.every import every

TODAY = date(2026, 11, 23)


def an_entry(**fields: Any) -> Suppression:
    """Return an entry that matches the default finding."""
    defaults = {"id": "CVE-2024-0001", "expires": date(2027, 1, 31), "reason": "not reachable"}
    return Suppression(**{**defaults, **fields})


def left_out(*entries: Suppression, **finding: Any) -> Suppressed | None:
    """Return what the entries say about a finding."""
    return matcher(entries, an_image(), TODAY)(a_finding(**finding))


class TestMatcher:
    """Which findings an entry leaves out."""

    def test_an_entry_leaves_out_its_vulnerability(self) -> None:
        """The finding is left out by a named, dated entry with its reason."""
        suppressed = left_out(an_entry())

        assert suppressed == Suppressed(a_finding(), "CVE-2024-0001", "not reachable", "2027-01-31")

    def test_without_entries_nothing_is_left_out(self) -> None:
        """No entry, no suppression."""
        assert left_out() is None

    def test_another_vulnerability_stays(self) -> None:
        """An entry says nothing about other ids."""
        assert left_out(an_entry(), vulnerability_id="CVE-2024-0002") is None

    @pytest.mark.parametrize(
        ("written", "found"),
        [("ghsa-jfh8-c2jp-5v3q", "GHSA-jfh8-c2jp-5v3q"), ("CVE-2024-0001", "cve-2024-0001")],
    )
    def test_the_case_of_an_id_does_not_matter(self, written: str, found: str) -> None:
        """People and scanners write ids in either case."""
        assert left_out(an_entry(id=written), vulnerability_id=found) is not None

    def test_an_alias_is_enough(self) -> None:
        """An advisory that covers the CVE of an entry is left out, too."""
        suppressed = left_out(
            an_entry(), vulnerability_id="RHSA-2024:1", aliases=("CVE-9", "CVE-2024-0001")
        )

        assert suppressed is not None

    @pytest.mark.parametrize(
        ("expires", "holds"), [("2026-11-22", False), ("2026-11-23", True), ("2026-11-24", True)]
    )
    def test_the_last_day_is_included(self, expires: str, *, holds: bool) -> None:
        """An entry holds through its last day."""
        suppressed = left_out(an_entry(expires=date.fromisoformat(expires)))

        assert (suppressed is not None) is holds

    @every(
        ("limit", "holds"),
        [
            ({"package": "openssl"}, True),
            ({"package": "glibc"}, False),
            ({"path": "opt/*"}, True),
            ({"path": "usr/*"}, False),
            ({"repository": "payments/*"}, True),
            ({"repository": "legacy/*"}, False),
            ({"repository": "Payments/*"}, False),
            ({"package": "openssl", "path": "usr/*"}, False),
        ],
    )
    def test_every_limit_must_hold(self, limit: dict[str, str], *, holds: bool) -> None:
        """Package, path and repository limit an entry; all that are given must match."""
        suppressed = left_out(an_entry(**limit), path="opt/app/lib.jar")

        assert (suppressed is not None) is holds

    @every(
        ("limit", "holds"),
        [
            ({"version": "3.0.11-1"}, True),
            ({"version": "3.0.11"}, False),
            ({"purl": "pkg:deb/debian/openssl"}, True),
            ({"purl": "pkg:deb/openssl@3.0.11-1?arch=amd64"}, True),
            ({"purl": "pkg:deb/debian/openssl@3.0.12-1"}, False),
            ({"purl": "pkg:npm/openssl"}, False),
            ({"purl": "not one"}, False),
            ({"purl": "pkg:deb/openssl", "package": "glibc"}, False),
            ({"digest": a_digest(1)}, True),
            ({"digest": a_digest(2)}, False),
        ],
    )
    def test_a_package_and_an_image_can_be_named_exactly(
        self, limit: dict[str, str], *, holds: bool
    ) -> None:
        """By version, package URL and digest."""
        purl = "pkg:deb/debian/openssl@3.0.11-1?arch=amd64"
        package = Package("openssl", "3.0.11-1", "OS", purl=purl)
        finding = replace(a_finding(), package=package)

        found = matcher([an_entry(**limit)], an_image(), TODAY)(finding)

        assert (found is not None) is holds

    def test_a_package_url_does_not_match_where_the_scan_has_none(self) -> None:
        """Basic scanning does not say of which type a package is."""
        assert left_out(an_entry(purl="pkg:deb/debian/openssl")) is None

    def test_a_path_does_not_match_a_package_without_one(self) -> None:
        """Operating system packages have no path."""
        assert left_out(an_entry(path="opt/*")) is None

    def test_the_first_entry_that_matches_is_named(self) -> None:
        """Of several entries for one id, the one that applies counts."""
        suppressed = left_out(an_entry(package="glibc"), an_entry(package="openssl"))

        assert suppressed is not None
        assert suppressed.entry == "CVE-2024-0001 in openssl"


class TestSuppression:
    """What an entry is called, and which other it makes useless."""

    def test_the_name_says_what_it_is_limited_to(self) -> None:
        """Messages name an entry by its id and limits."""
        entry = an_entry(package="glibc", path="opt/*", repository="legacy/*")

        assert entry.name == "CVE-2024-0001 in glibc at opt/* for legacy/*"

    def test_the_name_says_which_version_and_image(self) -> None:
        """A digest as short as people know it."""
        entry = an_entry(version="2.36", purl="pkg:deb/glibc", digest=a_digest(1))

        assert entry.name == "CVE-2024-0001 version 2.36 in pkg:deb/glibc in sha256:000000000000"

    def test_the_scope_is_the_id_and_its_limits(self) -> None:
        """Neither the reason nor the end belongs to it."""
        entry = an_entry(package="glibc")

        assert entry.scope == an_entry(id="cve-2024-0001", package="glibc", reason="x").scope
        assert entry.scope != an_entry(package="glibc", digest=a_digest(1)).scope

    @every(
        ("wide", "narrow", "covers"),
        [
            ({}, {}, True),
            ({}, {"package": "a"}, True),
            ({"package": "a"}, {}, False),
            ({"path": "a"}, {"path": "b"}, False),
            ({"repository": "a"}, {"repository": "a", "path": "x"}, True),
            ({"repository": "a"}, {"repository": "b"}, False),
            ({}, {"version": "1", "purl": "pkg:npm/a", "digest": "x"}, True),
            ({"version": "1"}, {}, False),
            ({"purl": "pkg:npm/a"}, {}, False),
            ({"digest": "x"}, {}, False),
            ({"id": "CVE-1"}, {}, False),
            ({"expires": date(2026, 12, 1)}, {}, False),
            ({"expires": date(2028, 12, 1)}, {}, True),
        ],
    )
    def test_an_entry_covers_a_narrower_one(
        self, wide: dict[str, Any], narrow: dict[str, Any], *, covers: bool
    ) -> None:
        """An entry covers another that is not wider and does not last longer."""
        assert an_entry(**wide).covers(an_entry(**narrow)) is covers


LIMIT = st.sampled_from([None, "a", "b"])
ENTRIES = st.lists(
    st.builds(
        an_entry,
        id=st.sampled_from(["CVE-2024-1", "cve-2024-1", "CVE-2024-2"]),
        expires=st.sampled_from([TODAY, date(2027, 1, 31)]),
        package=LIMIT,
        version=LIMIT,
        purl=LIMIT,
        path=LIMIT,
        repository=LIMIT,
        digest=LIMIT,
    ),
    max_size=12,
)


class TestCovered:
    """Which entries have no effect beside another one."""

    @given(ENTRIES)
    def test_an_entry_has_no_effect_if_another_one_covers_it(
        self, entries: list[Suppression]
    ) -> None:
        """As comparing all pairs says; of two that cover each other, the first stays."""
        expected = {
            index
            for index, entry in enumerate(entries)
            for place, other in enumerate(entries)
            if place != index and other.covers(entry) and (place < index or not entry.covers(other))
        }

        found = dict(covered(entries))

        assert set(found) == expected
        assert all(entries[by].covers(entries[index]) for index, by in found.items())

    def test_the_effort_is_linear(self) -> None:
        """5,000 entries of one id, as many as a file may have, in far less than all pairs take."""
        entries = [
            an_entry(package=f"p{n}", version=f"{n}", path=f"/{n}", repository=f"r{n}")
            for n in range(5_000)
        ]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Suppression, "covers", None)
            assert list(covered(entries)) == []
