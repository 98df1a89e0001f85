"""Which rules become entries."""

from datetime import date, timedelta
from typing import Any

import pytest

from cli.ignore_files.importing import NewEntry, Plan, Wishes, plan, without_refused
from cli.ignore_files.rules import IgnoreRule, SkippedRule
from lib.core.suppressions import Suppression
from tests.cli.ignore_files.origins import TODAY
from tests.support.every import every

END = TODAY + timedelta(days=90)
DOCUMENT = {
    "version": 1,
    "destinations": {
        "audit": {"type": "sns", "topic_arn": "arn:aws:sns:eu-central-1:123456789012:a"}
    },
    "routes": [{"name": "all", "notify": ["audit"]}],
}


def planned(*rules: Any, there: Any = (), repository: str | None = None) -> Plan:
    """Return what becomes of rules."""
    return plan(rules, there, Wishes(TODAY, END, "imported from FILE", repository))


def an_entry(**fields: Any) -> Suppression:
    """Return an entry of alerts.yml for the rule below."""
    return Suppression(**{"id": "CVE-1", "expires": END, "reason": "x", **fields})


class TestNew:
    """What an entry says."""

    def test_every_limit_is_kept(self) -> None:
        """And the reason and the end."""
        limits = {"package": "a", "version": "1", "purl": "pkg:npm/a", "path": "p/*"}
        rule = IgnoreRule(
            7, "CVE-1", **limits, repository="r", digest="d", last_day=TODAY, reason=" a\n b "
        )

        assert planned(rule).new == (
            NewEntry(
                7,
                Suppression("CVE-1", TODAY, "a b", **limits, repository="r", digest="d"),
                endless=False,
            ),
        )

    def test_what_has_no_end_gets_one(self) -> None:
        """And what has no reason says where it is from."""
        (new,) = planned(IgnoreRule(1, "CVE-1")).new

        assert (new.entry.expires, new.entry.reason) == (END, "imported from FILE")
        assert new.endless

    def test_what_holds_in_something_else_alone_needs_its_images(self) -> None:
        """An entry cannot name an application; the operator knows its repositories."""
        rule = IgnoreRule(1, "CVE-1", only_in="shop")

        assert planned(rule).skipped == (
            SkippedRule(1, "CVE-1", "it is about shop alone; name its images by --repository"),
        )
        assert planned(rule, repository="shop/*").new[0].entry.repository == "shop/*"

    def test_a_long_reason_is_cut(self) -> None:
        """To what alerts.yml allows."""
        (new,) = planned(IgnoreRule(1, "CVE-1", reason="x" * 501)).new

        assert new.entry.reason == "x" * 499 + "…"

    @every(
        ("stated", "wished", "both"),
        [
            (None, "payments/*", "payments/*"),
            ("payments/api", None, "payments/api"),
            ("payments/api", "payments/*", "payments/api"),
            ("*/api", "payments/api", "payments/api"),
            ("*/api", "*/api", "*/api"),
            ("*/api", "payments/*", None),
            ("payments/api", "legacy/*", None),
            ("api", "payments/api", None),
        ],
    )
    def test_a_repository_that_is_asked_for_narrows(
        self, stated: str | None, wished: str | None, both: str | None
    ) -> None:
        """What both let through, as far as one pattern can say it."""
        found = planned(IgnoreRule(1, "CVE-1", repository=stated), repository=wished)

        assert [each.entry.repository for each in found.new] == ([both] if both else [])
        assert [each.why for each in found.skipped] == (
            [] if both else [f"it is about {stated}, and --repository asks for {wished}"]
        )


class TestThere:
    """What alerts.yml says already."""

    @pytest.mark.parametrize(
        "there",
        [
            an_entry(package="a"),
            an_entry(package="a", expires=TODAY),
            an_entry(),
            an_entry(id="cve-1", reason="other"),
        ],
    )
    def test_the_same_or_a_wider_entry_is_enough(self, there: Suppression) -> None:
        """Its reason and end stay as they are."""
        found = planned(IgnoreRule(1, "CVE-1", package="a"), there=[there])

        assert found == Plan((), (there,), ())

    @pytest.mark.parametrize(
        "there", [an_entry(id="CVE-2"), an_entry(package="b"), an_entry(expires=TODAY)]
    )
    def test_others_are_not(self, there: Suppression) -> None:
        """Nor a wider one that ends earlier."""
        assert len(planned(IgnoreRule(1, "CVE-1", package="a"), there=[there]).new) == 1

    def test_one_that_has_ended_is_not_renewed(self) -> None:
        """Somebody let it end; whoever renews it has to mean it."""
        ended = an_entry(expires=TODAY - timedelta(days=1))

        assert planned(IgnoreRule(1, "CVE-1"), there=[ended]).skipped == (
            SkippedRule(
                1, "CVE-1", "the entry for it ended on 2026-11-22; `suppressions add` renews it"
            ),
        )


class TestSkipped:
    """What is not taken over."""

    def test_what_the_format_skips_is_kept(self) -> None:
        """Once, however often it is said."""
        skipped = SkippedRule(1, "CVE-1", "why")

        assert planned(skipped, skipped).skipped == (skipped,)

    @pytest.mark.parametrize(("ago", "holds"), [(0, True), (1, False)])
    def test_what_has_ended_is_skipped(self, ago: int, *, holds: bool) -> None:
        """An entry holds through its last day."""
        found = planned(IgnoreRule(1, "CVE-1", last_day=TODAY - timedelta(days=ago)))

        assert bool(found.new) is holds
        assert found.skipped == (
            () if holds else (SkippedRule(1, "CVE-1", "it held until 2026-11-22"),)
        )

    @pytest.mark.parametrize("again", [{}, {"package": "a"}, {"last_day": TODAY}])
    def test_what_an_earlier_line_says_is_skipped(self, again: dict[str, Any]) -> None:
        """check-config would say that it has no effect."""
        found = planned(IgnoreRule(1, "CVE-1"), IgnoreRule(2, "cve-1", **again))

        assert [(each.line, each.why) for each in found.skipped] == [
            (2, "what line 1 says is enough")
        ]

    def test_what_lasts_longer_is_not(self) -> None:
        """Nor what is wider."""
        found = planned(
            IgnoreRule(1, "CVE-1", last_day=TODAY),
            IgnoreRule(2, "CVE-1", package="a", last_day=date(2028, 1, 1)),
        )

        assert len(found.new) == 2


class TestWithoutRefused:
    """What alerts.yml may not hold."""

    def test_it_is_skipped_and_the_rest_stays(self) -> None:
        """A secret in a comment does not keep other entries out, and is not repeated."""
        secret = "https://hooks.slack" + ".com/services/x"
        found = planned(
            IgnoreRule(1, "CVE 1"),
            IgnoreRule(2, "CVE-2"),
            IgnoreRule(3, "CVE-3", reason=secret),
            IgnoreRule(4, "CVE-4", purl="pkg:npm/" + "a" * 600),
        )

        kept = without_refused(found, DOCUMENT, today=TODAY)

        assert [each.line for each in kept.new] == [2]
        assert [(each.line, each.what) for each in kept.skipped] == [
            (1, "CVE 1"),
            (3, "CVE-3"),
            (4, "CVE-4"),
        ]
        assert kept.skipped[0].why.startswith("id must be the id of one vulnerability")
        assert kept.skipped[1].why.startswith("reason this looks like a secret itself")
        assert "hooks" not in str(kept.skipped)

    def test_a_warning_is_no_refusal(self) -> None:
        """An entry that ends soon may do so."""
        found = planned(IgnoreRule(1, "CVE-1", last_day=TODAY))

        assert without_refused(found, DOCUMENT, today=TODAY) == found

    def test_entries_that_are_there_are_not_its_business(self) -> None:
        """Their mistakes are those of the file."""
        document = {**DOCUMENT, "suppressions": [{"id": "a b"}]}
        found = planned(IgnoreRule(1, "CVE-1"))

        assert without_refused(found, document, today=TODAY) == found
