"""The neutral report: numbers that add up, a true sentence, what to do, and working links."""

from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.suppressions import Suppression
from lib.core.upgrades import upgrades, version_key
from lib.messages.alert import alert
from lib.messages.verdict import before
from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Evaluation,
    Finding,
    Image,
    Omission,
    Package,
    Part,
    Score,
    Severity,
)
from lib.urls.advisories import vulnerability_url
from lib.urls.console import console_url
from tests.support.alerts import STREAM, evaluated, told
from tests.support.builders import (
    NOW,
    a_delivery,
    a_filter,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)

FIXED = {"fixed_version": "3.0.14", "fix_available": "YES"}


def found(number: int, severity: str = "HIGH", *, start: int = 1, **fields: str) -> list[Finding]:
    return [a_finding(f"CVE-2026-{start + n}", severity=severity, **fields) for n in range(number)]


class TestNumbers:
    """Every finding of the scan is accounted for."""

    @settings(deadline=None)
    @given(st.data())
    def test_they_add_up_for_any_filters(self, data: st.DataObject) -> None:
        """Listed + unchanged + left out = total, whatever is filtered and suppressed."""
        findings = st.builds(
            a_finding,
            st.integers(1, 30).map("CVE-2026-{}".format),
            severity=st.sampled_from([each.name for each in Severity]),
            fixed_version=st.sampled_from([None, "1", "2"]),
            fix_available=st.sampled_from([None, "YES", "NO"]),
            exploit_available=st.sampled_from([None, "YES"]),
            source_status=st.sampled_from([None, "CLOSED", "SUPPRESSED"]),
        )
        reports = st.lists(findings, max_size=15, unique_by=lambda each: each.id)
        filters = st.builds(
            a_filter,
            severity=st.sampled_from(Severity),
            only=st.sampled_from([(), ("fixable",), ("exploitable",), ("in-use",)]),
            kinds=st.sampled_from([(), (ChangeKind.NEW,), (ChangeKind.UNCHANGED,)]),
            unknown_severity=st.booleans(),
        )
        earlier = a_report(*data.draw(reports), image=an_image(1))
        later = a_report(*data.draw(reports), image=an_image(2))
        entry = Suppression("CVE-2026-1", date(2027, 1, 1), "accepted")
        judged = evaluated(
            later, before=earlier if data.draw(st.booleans()) else None, suppressions=(entry,)
        )

        result = told(judged, *data.draw(st.lists(filters, min_size=1, max_size=3)))

        listed = [each for each in result.changes if each.kind is not ChangeKind.RESOLVED]
        left_out = sum(each.count for each in result.left_out)
        assert len(listed) + result.unchanged + left_out == result.total == len(later.findings)
        assert sum(result.counts.values()) == result.total
        fixed = sum(sum(each.fixes.values()) for each in result.upgrades)
        assert fixed == len(result.standing)
        hidden = sum(each.count for each in result.left_out if not each.standing)
        assert len(result.standing) + hidden == result.total
        assert {each.finding.id for each in listed} <= {each.finding.id for each in result.standing}
        worst_first = [each.finding.severity for each in result.standing]
        assert worst_first == sorted(worst_first, reverse=True)
        assert result.worst == max((each.finding.severity for each in listed), default=None)

    def test_largest_group_of_left_out_comes_first(self) -> None:
        """The reason that hides most is the one to read."""
        report = a_report(*found(1, "UNKNOWN"), *found(3, "LOW", start=10))

        result = told(evaluated(report))

        assert result.left_out == (Omission("below HIGH", 3), Omission("severity unknown", 1))

    def test_failed_scan_has_none(self) -> None:
        """No number may be read as zero findings."""
        result = told(evaluated(an_unusable_report()))

        assert (dict(result.counts), result.changes, result.upgrades) == ({}, (), ())
        assert result.problem is not None
        assert result.worst is None


class TestOrder:
    """Worst first, resolved last."""

    def test_severity_then_exploits_then_likelihood_then_score(self) -> None:
        """What is likelier to hurt stands above what is merely as severe."""
        ordered = [
            a_finding("CVE-2026-5", severity="CRITICAL"),
            a_finding("CVE-2026-4", exploit_available="YES"),
            a_finding("CVE-2026-3", epss=0.9),
            a_finding("CVE-2026-2", score=Score(9.1)),
            a_finding("CVE-2026-1"),
        ]

        result = told(evaluated(a_report(*reversed(ordered))))

        assert [each.finding for each in result.changes] == ordered

    def test_resolved_stand_last(self) -> None:
        """However severe they were."""
        gone = a_report(*found(1, "CRITICAL"), image=an_image(1))

        result = told(evaluated(a_report(*found(1, start=7), image=an_image(2)), before=gone))

        assert [each.kind for each in result.changes] == [ChangeKind.NEW, ChangeKind.RESOLVED]


class TestVerdict:
    """One sentence: what happened, and what to do. True also when it is all that people read."""

    def test_platforms_without_a_result_are_said(self) -> None:
        """No findings on one platform is no all-clear for the other."""
        parts = (Part("linux/amd64", "", "COMPLETE", {}), Part("linux/arm64", "", "FAILED"))
        report = replace(a_report(complete=False), parts=parts)

        told_of = told(evaluated(report))

        assert told_of.verdict == "First scan: no findings; 1 of 2 platforms not scanned"
        assert told_of.parts == parts

    @pytest.mark.parametrize(
        ("findings", "sentence"),
        [
            ([], "First scan: no findings"),
            (found(1, "LOW"), "First scan: nothing at HIGH or above"),
            (found(1), "First scan: 1 HIGH"),
            (
                found(4, "CRITICAL", **FIXED) + found(2, start=50, fix_available="NO"),
                "First scan: 4 CRITICAL and 2 HIGH, 4 of them fixed by openssl 3.0.14",
            ),
            (
                found(2, **FIXED) + found(1, start=50, package="bash", **FIXED),
                "First scan: 3 HIGH, all fixable",
            ),
            (
                found(2, **FIXED)
                + found(2, start=50, package="bash", **FIXED)
                + found(1, start=70),
                "First scan: 5 HIGH, 4 of them fixable",
            ),
            (found(2, fix_available="YES"), "First scan: 2 HIGH, both fixable"),
            (found(2, fix_available="NO"), "First scan: 2 HIGH, no fix known"),
            (found(1, fix_available="NO"), "First scan: 1 HIGH, without a known fix"),
            (found(1, **FIXED), "First scan: 1 HIGH, fixed by openssl 3.0.14"),
        ],
    )
    def test_first_scan(self, findings: list[Finding], sentence: str) -> None:
        """What there is, and how much of it can be fixed; no word of fixes where none is said."""
        assert told(evaluated(a_report(*findings))).verdict == sentence

    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            (
                [],
                found(2, "CRITICAL", **FIXED),
                "2 new CRITICAL since 1.4.1, both fixed by openssl 3.0.14",
            ),
            (
                found(3, start=50),
                found(3, "LOW", **FIXED) + found(3, "CRITICAL", start=9, fix_available="YES"),
                "3 new CRITICAL since 1.4.1, all fixable; 3 HIGH resolved",
            ),
            (found(3), [], "No findings; 3 HIGH resolved since 1.4.1"),
            (
                found(3),
                found(1, "LOW", start=9),
                "Nothing new at HIGH or above; 3 HIGH resolved since 1.4.1",
            ),
            (found(3), found(1), "Nothing new; 2 HIGH resolved since 1.4.1"),
            (found(1), found(1), "Nothing new since 1.4.1"),
            (
                found(1, "CRITICAL") + found(2, start=5),
                [],
                "No findings; 1 CRITICAL and 2 HIGH resolved since 1.4.1",
            ),
            (
                found(1, "HIGH"),
                found(1, "CRITICAL") + found(1, "CRITICAL", start=5) + found(1, start=8),
                "1 new CRITICAL, 1 new HIGH and 1 raised to CRITICAL since 1.4.1",
            ),
        ],
    )
    def test_next_image(self, old: list[Finding], new: list[Finding], sentence: str) -> None:
        """What is new since which tag, what an upgrade does about it, what is gone."""
        earlier = a_report(*old, image=an_image(1))

        result = told(evaluated(a_report(*new, image=an_image(2)), before=earlier))

        assert result.verdict == sentence

    def test_nothing_new_says_for_whom(self) -> None:
        """With a filter like "fixable", an unqualified "nothing new" would be an all-clear."""
        earlier = a_report(*found(1, start=50, **FIXED), image=an_image(1))
        later = a_report(*found(1, "CRITICAL"), image=an_image(2))

        result = told(evaluated(later, before=earlier), a_filter(only=("fixable",)))

        assert result.verdict == (
            "Nothing new of what is asked for here; 1 HIGH resolved since 1.4.1"
        )

    def test_many_kinds_of_change_are_added_up(self) -> None:
        """A sentence lists four; nothing gets lost in the fifth."""
        everything = a_filter(severity=Severity.UNKNOWN)
        earlier = a_report(image=an_image(1))
        findings = [
            *found(1, "CRITICAL"),
            *found(2, "HIGH", start=10),
            *found(3, "MEDIUM", start=20),
            *found(4, "LOW", start=30),
            *found(5, "INFORMATIONAL", start=40),
            *found(6, "UNKNOWN", start=50),
        ]
        later = a_report(*findings, image=an_image(2))

        result = told(evaluated(later, before=earlier), everything)
        fewer = told(
            evaluated(replace(later, findings=tuple(findings[:11])), before=earlier), everything
        )

        assert result.verdict == (
            "1 new CRITICAL, 2 new HIGH, 3 new MEDIUM, 4 new LOW and 11 more changes since 1.4.1"
        )
        assert "and 1 more change since" in fewer.verdict

    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            ({}, {"exploit_available": "YES"}, "1 HIGH with an exploit known now"),
            ({}, {"fixed_version": "2"}, "1 HIGH fixable now"),
        ],
    )
    def test_rescan(self, old: dict[str, str], new: dict[str, str], sentence: str) -> None:
        """The same image is dated instead of named."""
        earlier = a_report(*found(1, **old))

        judged = evaluated(a_report(*found(1, **new)), before=earlier, kind=BasisKind.RESCAN)

        assert told(judged).verdict.startswith(f"{sentence} since the last scan (2026-11-23)")

    def test_unchanged_is_said_where_asked_for(self) -> None:
        """A route may ask to be told again."""
        report = a_report(*found(2))
        judged = evaluated(report, before=report, kind=BasisKind.RESCAN)

        result = told(judged, a_filter(kinds=(ChangeKind.UNCHANGED,)))

        assert result.verdict == "2 HIGH still there since the last scan (2026-11-23)"

    @pytest.mark.parametrize(
        ("status", "start"), [("FAILED", "Scan failed: "), ("PENDING", "Not scanned: ")]
    )
    def test_scan_without_a_result(self, status: str, start: str) -> None:
        """The reason, never a count."""
        assert told(evaluated(an_unusable_report(status))).verdict.startswith(start)

    def test_repeated_failure_without_a_problem_still_says_why(self) -> None:
        """Nothing routes it, but a preview shows it."""
        result = told(Evaluation(an_unusable_report("ODD"), STREAM, 2, NOW))

        assert result.verdict == "Not scanned: status ODD"

    def test_unknown_severity_is_worded(self) -> None:
        """The word UNKNOWN alone would read as an unknown number of something."""
        report = a_report(*found(1, "UNKNOWN"))

        result = told(evaluated(report), a_filter(unknown_severity=True))

        assert result.verdict == "First scan: 1 of unknown severity"

    def test_names_from_outside_are_short_and_clean(self) -> None:
        """A package name cannot push the verdict out of sight."""
        package = "x\n" * 5000
        finding = a_finding(package=package, fixed_version="1\u202e2")

        verdict = told(evaluated(a_report(finding))).verdict

        assert len(verdict) < 200
        assert "\n" not in verdict
        assert "\u202e" not in verdict


class TestBefore:
    """What people call the scan that was compared with."""

    @pytest.mark.parametrize(
        ("basis", "name"),
        [
            (Basis(BasisKind.RESCAN), "the last scan"),
            (Basis(BasisKind.RESCAN, an_image(1), NOW), "the last scan (2026-11-23)"),
            (Basis(BasisKind.PREVIOUS_IMAGE), "the image before"),
            (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1)), "1.4.1"),
            (Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=())), "sha256:000000000000"),
            (
                Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=("latest", "1.4.1"))),
                "1.4.1",
            ),
            (
                Basis(BasisKind.PREVIOUS_IMAGE, an_image(1, tags=("latest",))),
                "sha256:000000000000",
            ),
        ],
    )
    def test_it_is_never_ambiguous(self, basis: Basis, name: str) -> None:
        """A tag that moved names both images, so the digest is said instead."""
        assert before(basis, an_image(2, tags=("latest", "1.4.2"))) == name


class TestUpgrades:
    """What to do: packages, from and to, ordered by what it fixes."""

    def test_most_useful_first(self) -> None:
        """One CRITICAL outweighs many HIGH; without a version to go to comes last."""
        result = upgrades(
            [
                *found(3, "CRITICAL", package="none"),
                *found(5, "HIGH", package="many", fixed_version="2"),
                *found(1, "CRITICAL", package="worst", fixed_version="2"),
                *found(5, "HIGH", package="also", fixed_version="2"),
            ]
        )

        assert [each.package for each in result] == ["worst", "also", "many", "none"]
        assert [each.fixed for each in result] == ["2", "2", "2", None]

    def test_one_package_is_one_upgrade(self) -> None:
        """The highest fixed version fixes everything; all installed versions are named."""
        result = upgrades(
            [
                a_finding("CVE-1", version="1.10", fixed_version="3.0.9"),
                a_finding("CVE-2", version="1.9", severity="LOW", fixed_version="3.0.14"),
                a_finding("CVE-2", version="1.9", path="other", fixed_version="3.0.2"),
                a_finding("CVE-3", version="1.9", severity="CRITICAL"),
            ]
        )

        assert [(each.installed, each.fixed) for each in result] == [
            (("1.9", "1.10"), "3.0.14"),
            (("1.9",), None),
        ]
        assert result[0].fixes == MappingProxyType({Severity.HIGH: 2, Severity.LOW: 1})
        assert result[0].vulnerability_ids == ("CVE-1", "CVE-2")

    def test_managers_are_kept_apart(self) -> None:
        """A Python and an OS package may share a name."""
        python = replace(a_finding(fixed_version="2"), package=Package("openssl", "1", "PYTHON"))

        result = upgrades([a_finding(fixed_version="3"), python])

        assert {(each.manager, each.fixed) for each in result} == {("OS", "3"), ("PYTHON", "2")}

    def test_what_was_there_before_counts_too(self) -> None:
        """An upgrade removes it, even if the message does not repeat it."""
        report = a_report(*found(2, **FIXED), *found(1, "LOW", start=50, **FIXED))
        judged = evaluated(report, before=report, kind=BasisKind.RESCAN)

        result = told(judged)

        assert result.unchanged == 2
        assert result.upgrades[0].fixes == MappingProxyType({Severity.HIGH: 2})

    def test_resolved_needs_no_upgrade(self) -> None:
        """What is gone is gone."""
        earlier = a_report(*found(2, **FIXED), image=an_image(1))

        result = told(evaluated(a_report(image=an_image(2)), before=earlier))

        assert result.upgrades == ()


class TestVersionKey:
    """Versions in the order in which people read them."""

    def test_order(self) -> None:
        """Numbers as numbers, "~" before the end, letters before signs, epochs first."""
        ordered = [
            "1.0~~",
            "1.0~rc1",
            "1.0",
            "1.0a",
            "1.0+b",
            "1.0-1",
            "1.0.1",
            "1.2",
            "1.10",
            "1.10.0",
            "10",
            "1:0.1",
            "2:0",
            "10:0",
        ]

        shuffled = ordered[::2] + ordered[1::2]
        assert sorted(shuffled, key=version_key) == ordered

    def test_absurd_numbers(self) -> None:
        """Thousands of digits are compared, too; `int` would refuse them."""
        assert version_key("9" * 5000) < version_key("1" + "0" * 5000)
        assert version_key("000" + "1" * 10) < version_key("2" * 10)

    @pytest.mark.parametrize("version", ["x" * 5000, "x1" * 2500, "1." * 2500])
    def test_the_key_of_an_absurd_version_is_small(self, version: str) -> None:
        """Thousands are kept: each of them may be as long as a source lets it be."""
        _, runs, text = version_key(version)

        assert text == version
        assert len(runs) <= 50  # type: ignore[arg-type]
        assert all(len(letters) <= 51 for letters, _ in runs)  # type: ignore[attr-defined]
        assert version_key(version) < version_key(f"{version}2")

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=20), max_size=6))
    def test_any_text_can_be_ordered(self, versions: list[str]) -> None:
        """Sources write what they like."""
        keys = {version_key(each): each for each in versions}

        assert [keys[each] for each in sorted(keys)] == sorted(set(versions), key=version_key)

    def test_other_colons_are_no_epoch(self) -> None:
        """Only digits before a colon are one."""
        assert version_key("a:1") > version_key("1")
        assert version_key("²:1") != version_key("2:1")


class TestConsoleUrl:
    """The page of the image in the right console."""

    @pytest.mark.parametrize(
        ("partition", "region", "host"),
        [
            ("aws", "eu-central-1", "eu-central-1.console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ],
    )
    def test_partition_and_region(self, partition: str, region: str, host: str) -> None:
        """Each partition has a console of its own."""
        image = an_image(1, partition=partition, region=region)

        assert console_url(image) == (
            f"https://{host}/ecr/repositories/private/000474600478/payments/api/_/image/"
            f"{image.digest}/details?region={region}"
        )

    def test_a_repository_has_a_page_of_its_own(self) -> None:
        for tags in ((), ("1.4.2",)):
            assert console_url(an_image(digest="", tags=tags)) == (
                "https://eu-central-1.console.aws.amazon.com/ecr/repositories/private/000474600478/"
                "payments/api?region=eu-central-1"
            )

    def test_names_from_outside_cannot_change_the_host(self) -> None:
        """Everything but the slashes of a repository is quoted."""
        image = Image("aws", "1/2", "evil.example/#", "a b?c#d/\ud800e", "sha256:<x>")

        assert console_url(image) == (
            "https://evil.example%2F%23.console.aws.amazon.com/ecr/repositories/private/1%2F2/"
            "a%20b%3Fc%23d/e/_/image/sha256:%3Cx%3E/details?region=evil.example%2F%23"
        )


class TestVulnerabilityUrl:
    """A page for each vulnerability, where there is one."""

    def test_source_knows_best(self) -> None:
        """Its own link comes first."""
        finding = a_finding(links=("https://ubuntu.com/security/CVE-2024-0001",))

        assert vulnerability_url(finding) == "https://ubuntu.com/security/CVE-2024-0001"

    @pytest.mark.parametrize(
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

    @pytest.mark.parametrize(
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


def test_delivery_names_routes_once_and_counts_from_one() -> None:
    """What the footer says: which routes asked, and which attempt this is."""
    filters = (a_filter(route="a"), a_filter(route="b"), a_filter(route="a"))

    first = alert(evaluated(a_report()), a_delivery(filters=filters))
    third = alert(evaluated(a_report()), a_delivery(attempts=3))

    assert (first.routes, first.attempt) == (("a", "b"), 1)
    assert (third.routes, third.attempt) == (("everything",), 3)


def test_change_keeps_its_reason() -> None:
    """What the comparison said reaches the message."""
    earlier = a_report(image=an_image(1), completed_at=NOW - timedelta(days=1))

    result = told(evaluated(a_report(*found(1), image=an_image(2)), before=earlier))

    assert result.changes == (
        Change(ChangeKind.NEW, found(1)[0], "not listed in payments/api:1.4.1"),
    )
