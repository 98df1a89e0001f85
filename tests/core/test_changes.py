"""Before and after -> changes, each once and with its reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.changes import compare
from lib.models import (
    Basis,
    BasisKind,
    Change,
    ChangeKind,
    Comparison,
    Evaluation,
    Finding,
    Part,
    Report,
    ScanSource,
    Severity,
    StreamId,
    Suppressed,
)
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.fakes import known_of

DAY = timedelta(days=1)
RESCAN = Basis(BasisKind.RESCAN, an_image(), NOW)
PREVIOUS = Basis(BasisKind.PREVIOUS_IMAGE, an_image(7), NOW)


def nothing(_: Finding) -> None:
    """Suppress nothing."""
    return


def everything(finding: Finding) -> Suppressed:
    """Suppress everything."""
    return Suppressed(finding, "entry", "reason", "2027-01-31")


def compared(
    before: Report | None,
    after: Report,
    *,
    basis: Basis = RESCAN,
    suppress: Callable[[Finding], Suppressed | None] = nothing,
    suppressed_before: frozenset[Any] = frozenset(),
) -> Comparison:
    """Compare, by default a re-scan without suppressions."""
    known = None
    if before is not None:
        known = known_of(Evaluation(before, StreamId("stream"), 1, NOW))
        assert known is not None
        known = replace(known, suppressed=suppressed_before)
    return compare(known, after, basis=basis, suppress=suppress, now=NOW + DAY)


def only(comparison: Comparison) -> Change:
    """Return the one change."""
    (change,) = comparison.changes
    return change


class TestSince:
    """Since when a finding is known."""

    def test_a_first_scan_knows_its_findings_from_now_on(self) -> None:
        """Nothing was known before."""
        result = compared(None, a_report(a_finding("CVE-1")), basis=Basis(BasisKind.NONE))

        assert result.since == (NOW + DAY,)

    def test_what_was_there_keeps_its_age(self) -> None:
        """Each finding of the report has a time, in its order, also closed and suppressed ones."""
        after = a_report(a_finding("CVE-2"), a_finding("CVE-1", source_status="CLOSED"))

        result = compared(a_report(a_finding("CVE-1")), after, suppress=everything)

        assert result.since == (NOW + DAY, NOW)


class TestKinds:
    """What makes a finding new, worse or the same."""

    def test_the_first_scan_is_the_baseline(self) -> None:
        """Without anything before, every open finding is BASELINE, in the report's order."""
        findings = (a_finding("CVE-1"), a_finding("CVE-2"))

        result = compared(None, a_report(*findings), basis=Basis(BasisKind.NONE))

        assert [(each.kind, each.finding) for each in result.changes] == [
            (ChangeKind.BASELINE, findings[0]),
            (ChangeKind.BASELINE, findings[1]),
        ]

    def test_what_was_not_listed_before_is_new(self) -> None:
        """A finding that the scan before did not list is NEW."""
        change = only(compared(a_report(), a_report(a_finding())))

        assert change.kind is ChangeKind.NEW
        assert change.reason == "not listed in the scan before"

    def test_the_image_before_is_named(self) -> None:
        """Against another image, the reason says which one."""
        change = only(compared(a_report(), a_report(a_finding()), basis=PREVIOUS))

        assert change.reason == "not listed in payments/api:1.4.7"

    def test_an_image_before_without_a_name_is_possible(self) -> None:
        """A basis that lost its image still gives a sentence."""
        change = only(
            compared(a_report(), a_report(a_finding()), basis=Basis(BasisKind.PREVIOUS_IMAGE))
        )

        assert change.reason == "not listed in the image before"

    def test_new_after_an_incomplete_scan_says_so(self) -> None:
        """If the list before was incomplete, NEW may be an old one: the reason says it."""
        change = only(compared(a_report(complete=False), a_report(a_finding())))

        assert change.kind is ChangeKind.NEW
        assert change.reason == "not listed in the scan before, whose list was incomplete"

    def test_a_raised_severity_is_raised(self) -> None:
        """A higher severity is RAISED, from and to."""
        change = only(
            compared(a_report(a_finding(severity="LOW")), a_report(a_finding(severity="HIGH")))
        )

        assert (change.kind, change.reason) == (ChangeKind.RAISED, "raised from LOW to HIGH")

    def test_an_exploit_that_became_known_is_told(self) -> None:
        """An exploit that was not known before is EXPLOIT_KNOWN."""
        change = only(compared(a_report(a_finding()), a_report(a_finding(exploit_available="YES"))))

        assert (change.kind, change.reason) == (
            ChangeKind.EXPLOIT_KNOWN,
            "an exploit is known now",
        )

    def test_a_fix_that_became_available_is_told(self) -> None:
        """A fix that was not known before is FIX_AVAILABLE and names its version."""
        change = only(compared(a_report(a_finding()), a_report(a_finding(fixed_version="3.0.14"))))

        assert (change.kind, change.reason) == (
            ChangeKind.FIX_AVAILABLE,
            "a fix is available now: 3.0.14",
        )

    def test_a_fix_without_a_version_is_told(self) -> None:
        """A source may say that a fix exists without naming it."""
        change = only(compared(a_report(a_finding()), a_report(a_finding(fix_available="PARTIAL"))))

        assert (change.kind, change.reason) == (
            ChangeKind.FIX_AVAILABLE,
            "a fix is available now",
        )

    def test_several_reasons_make_one_change(self) -> None:
        """The first kind in the order counts; the reason names everything that happened."""
        after = a_finding(severity="CRITICAL", exploit_observed_at=NOW, fix_available="YES")

        change = only(compared(a_report(a_finding()), a_report(after)))

        assert change.kind is ChangeKind.RAISED
        assert change.reason == (
            "raised from HIGH to CRITICAL; an exploit is known now; a fix is available now"
        )

    def test_a_lowered_severity_is_unchanged_with_a_reason(self) -> None:
        """Lowered is no reason to tell anybody, but it is said."""
        change = only(
            compared(a_report(a_finding(severity="HIGH")), a_report(a_finding(severity="LOW")))
        )

        assert (change.kind, change.reason) == (ChangeKind.UNCHANGED, "lowered from HIGH to LOW")

    def test_lowered_but_fixable_now_is_told(self) -> None:
        """A fix that became available counts even when the severity went down."""
        change = only(
            compared(
                a_report(a_finding(severity="HIGH")),
                a_report(a_finding(severity="LOW", fix_available="YES")),
            )
        )

        assert change.kind is ChangeKind.FIX_AVAILABLE
        assert change.reason == "a fix is available now; lowered from HIGH to LOW"

    def test_attributes_do_not_make_a_change(self) -> None:
        """Version, score, title and dates are attributes: the finding stays the same one."""
        before = a_finding(version="3.0.11-1", title="old", exploit_available="YES")
        after = a_finding(version="3.0.12-1", title="new", epss=0.5, last_observed_at=NOW)

        change = only(compared(a_report(before), a_report(after)))

        assert change.kind is ChangeKind.UNCHANGED
        assert change.finding is after

    def test_another_path_is_another_finding(self) -> None:
        """The same vulnerability at another path is new, and the old one is resolved."""
        result = compared(a_report(a_finding(path="a.jar")), a_report(a_finding(path="b.jar")))

        assert [each.kind for each in result.changes] == [ChangeKind.NEW, ChangeKind.RESOLVED]


class TestResolved:
    """What counts as fixed, and what does not."""

    def test_gone_from_a_rescan_is_resolved(self) -> None:
        """What a complete scan of the same image does not list any more is RESOLVED."""
        old = a_finding()

        change = only(compared(a_report(old), a_report()))

        assert change == Change(
            ChangeKind.RESOLVED, old, "no longer listed in a complete scan of the same image"
        )

    def test_gone_since_the_image_before_is_resolved(self) -> None:
        """Against the image before, the reason names it."""
        change = only(compared(a_report(a_finding()), a_report(), basis=PREVIOUS))

        assert change.reason == "listed in payments/api:1.4.7, not in this one"

    def test_an_incomplete_scan_resolves_nothing(self) -> None:
        """When fewer findings are listed than counted, absence proves nothing."""
        assert compared(a_report(a_finding()), a_report(complete=False)).changes == ()

    def test_another_scanner_resolves_nothing(self) -> None:
        """What enhanced scanning does not list was not thereby fixed: basic scanning found it."""
        result = compared(
            a_report(a_finding("CVE-1")),
            a_report(a_finding("CVE-2"), source=ScanSource.ECR_ENHANCED),
        )

        change = only(result)
        assert change.kind is ChangeKind.NEW
        assert change.reason == "not listed in the scan before, which ecr-basic scanned"

    def test_enhanced_and_inspector_are_one_scanner(self) -> None:
        """Enhanced findings of ECR and those of Inspector are the same ones."""
        result = compared(
            a_report(a_finding(), source=ScanSource.ECR_ENHANCED),
            a_report(source=ScanSource.INSPECTOR2),
        )

        assert only(result).kind is ChangeKind.RESOLVED

    def test_closed_at_the_source_is_resolved_with_that_reason(self) -> None:
        """CLOSED may also mean "image deleted", so the reason says only what is known."""
        old = a_finding()
        after = a_report(a_finding(source_status="CLOSED"), complete=False)

        change = only(compared(a_report(old), after))

        assert change == Change(ChangeKind.RESOLVED, old, "the source lists it as closed now")

    @pytest.mark.parametrize("status", ["CLOSED", "SUPPRESSED"])
    def test_never_open_is_never_resolved(self, status: str) -> None:
        """What the source listed as closed or suppressed before was told to nobody."""
        old = a_finding(source_status=status)

        assert compared(a_report(old), a_report()).changes == ()
        assert compared(a_report(old), a_report(a_finding(source_status="CLOSED"))).changes == ()

    def test_closed_and_unknown_before_is_nothing(self) -> None:
        """A finding that is first seen as closed needs no word."""
        assert compared(a_report(), a_report(a_finding(source_status="CLOSED"))).changes == ()
        assert compared(None, a_report(a_finding(source_status="CLOSED"))).changes == ()

    def test_suppressed_at_the_source_is_not_resolved(self) -> None:
        """An Inspector filter hides a finding; it does not fix it."""
        after = a_report(a_finding(source_status="SUPPRESSED"))

        assert compared(a_report(a_finding()), after).changes == ()

    @pytest.mark.parametrize(
        ("status", "word"), [("CLOSED", "closed"), ("SUPPRESSED", "suppressed")]
    )
    def test_open_again_is_new(self, status: str, word: str) -> None:
        """What the source had closed or suppressed and lists as open again is NEW."""
        change = only(compared(a_report(a_finding(source_status=status)), a_report(a_finding())))

        assert (change.kind, change.reason) == (ChangeKind.NEW, f"open again: {word} before")


class TestUnscanned:
    """Parts of an index that have no result."""

    FAILED = Part("linux/arm64", "sha256:b", "FAILED", reason="FAILED")
    OLD = Part("linux/s390x", "sha256:c", "UNSUPPORTED_IMAGE", reason="UNSUPPORTED_IMAGE")
    REPORT = replace(a_report(), parts=(Part("linux/amd64", "sha256:a", "COMPLETE", {}), OLD))

    def test_each_is_told_by_its_kind(self) -> None:
        """A failed scan is not the same as none; a part with a result is no problem."""
        after = replace(self.REPORT, parts=(*self.REPORT.parts, self.FAILED))

        unscanned = compared(None, after).unscanned

        assert unscanned == (ChangeKind.NOT_SCANNED, ChangeKind.SCAN_FAILED)

    def test_a_rescan_repeats_nothing(self) -> None:
        """What is as before was told then; the next image is another one."""
        after = replace(self.REPORT, parts=(*self.REPORT.parts, self.FAILED))

        assert compared(self.REPORT, after).unscanned == (ChangeKind.SCAN_FAILED,)
        assert len(compared(self.REPORT, after, basis=PREVIOUS).unscanned) == 2


class TestSuppressed:
    """What entries of alerts.yml do to a comparison."""

    def test_suppressed_findings_are_listed_apart(self) -> None:
        """A suppressed finding is no change; its entry and would-be kind are kept."""
        finding = a_finding()

        result = compared(a_report(), a_report(finding), suppress=everything)

        assert result.changes == ()
        assert result.suppressed == (
            Suppressed(finding, "entry", "reason", "2027-01-31", ChangeKind.NEW),
        )

    def test_suppressed_in_a_baseline(self) -> None:
        """In a first scan, suppressed findings would have been BASELINE."""
        result = compared(None, a_report(a_finding()), suppress=everything)

        assert [each.kind for each in result.suppressed] == [ChangeKind.BASELINE]

    def test_suppressed_now_is_not_resolved(self) -> None:
        """A finding that an entry hides from now on is still there."""
        result = compared(a_report(a_finding()), a_report(a_finding()), suppress=everything)

        assert result.changes == ()
        assert [each.kind for each in result.suppressed] == [ChangeKind.UNCHANGED]

    def test_the_end_of_a_suppression_makes_a_finding_new(self) -> None:
        """Nobody heard of it while it was suppressed, so it is NEW when that ends."""
        finding = a_finding()

        change = only(
            compared(
                a_report(finding), a_report(finding), suppressed_before=frozenset({finding.id})
            )
        )

        assert (change.kind, change.reason) == (
            ChangeKind.NEW,
            "its suppression in alerts.yml has ended",
        )

    @pytest.mark.parametrize("after", [(), (a_finding(source_status="CLOSED"),)])
    def test_suppressed_before_and_gone_is_not_told(self, after: tuple[Finding, ...]) -> None:
        """Nobody heard of it, so nobody hears that it is gone."""
        finding = a_finding()

        result = compared(
            a_report(finding), a_report(*after), suppressed_before=frozenset({finding.id})
        )

        assert result.changes == ()


FINDINGS = st.lists(
    st.builds(
        a_finding,
        st.sampled_from(["CVE-1", "CVE-2", "CVE-3", "CVE-4"]),
        severity=st.sampled_from(list(Severity.__members__)),
        package=st.sampled_from(["a", "b"]),
        fixed_version=st.none() | st.just("2"),
        exploit_available=st.none() | st.just("YES"),
        source_status=st.sampled_from([None, "ACTIVE", "CLOSED", "SUPPRESSED"]),
    ),
    unique_by=lambda each: each.id,
    max_size=8,
)


@given(before=st.none() | FINDINGS, after=FINDINGS, complete=st.booleans(), hidden=st.booleans())
def test_every_open_finding_stands_once(
    *, before: list[Finding] | None, after: list[Finding], complete: bool, hidden: bool
) -> None:
    """Changes but RESOLVED, and suppressed ones, are together exactly the open findings."""

    def suppress(finding: Finding) -> Suppressed | None:
        return everything(finding) if hidden and finding.package.name == "a" else None

    result = compared(
        None if before is None else a_report(*before),
        a_report(*after, complete=complete),
        suppress=suppress,
    )

    listed = [each.finding for each in result.changes if each.kind is not ChangeKind.RESOLVED]
    listed += [each.finding for each in result.suppressed]
    resolved = {each.finding.id for each in result.changes if each.kind is ChangeKind.RESOLVED}
    still_open = {each.id for each in after if each.open}
    assert sorted(each.id for each in listed) == sorted(still_open)
    assert not resolved & still_open


# --- scans without a result -------------------------------------------------------------------
