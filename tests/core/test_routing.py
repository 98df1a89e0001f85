"""Rules -> destinations, and what filters let through."""

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from lib.core import routing
from lib.core.routing import Match, Route, reaches, refusal
from lib.models import Destination, Part, Severity
from tests.support.builders import a_filter, a_finding, an_image
from tests.support.every import every


class TestMatch:
    """Which images a route is about."""

    @every(
        ("match", "mismatch"),
        [
            (Match(), None),
            (Match(repository=("payments/*",)), None),
            (Match(repository=("web", "pay*i")), None),
            (
                Match(repository=("Payments/*",)),
                "repository payments/api does not match Payments/*",
            ),
            (Match(account=("000474600478",)), None),
            (
                Match(account=("1*", "2*")),
                "account 000474600478 does not match 1* or 2*",
            ),
            (Match(region=("eu-*",)), None),
            (Match(region=("us-*",)), "region eu-central-1 does not match us-*"),
            (Match(platform=("linux/*",)), "platform (not known) does not match linux/*"),
            (Match(platform=("*",)), None),
            (Match(tag=("prod-*", "1.*")), None),
            (Match(tag=("prod-*",)), "tags 1.4.1, latest do not match prod-*"),
            (
                Match(tag=("prod-*",), untagged=True),
                "tags 1.4.1, latest do not match prod-* or untagged",
            ),
            (Match(untagged=True), "tags 1.4.1, latest do not match untagged"),
            (
                Match(repository=("*",), tag=("v*",)),
                "tags 1.4.1, latest do not match v*",
            ),
        ],
    )
    def test_every_field_must_match(self, match: Match, mismatch: str | None) -> None:
        """One glob of every given field must match, in the same case; a mismatch is named."""
        assert match.mismatch(an_image(tags=("1.4.1", "latest"))) == mismatch

    @pytest.mark.parametrize(
        ("match", "mismatch"),
        [
            (Match(untagged=True), None),
            (Match(tag=("v*",), untagged=True), None),
            (Match(tag=("*",)), "tags (none) do not match *"),
        ],
    )
    def test_an_untagged_image_matches_untagged_only(
        self, match: Match, mismatch: str | None
    ) -> None:
        """No glob matches a tag that is not there."""
        assert match.mismatch(an_image(tags=())) == mismatch

    @pytest.mark.parametrize(
        ("glob", "mismatch"),
        [
            ("linux/arm64", None),
            ("linux/arm64/v8", None),
            ("linux/amd64", None),
            (
                "windows/*",
                "platform linux/amd64, linux/arm64/v8, linux/arm64 does not match windows/*",
            ),
        ],
    )
    def test_one_platform_of_an_index_is_enough(self, glob: str, mismatch: str | None) -> None:
        """With or without the variant, which builders name or not."""
        parts = [Part(each, "", "COMPLETE") for each in ("linux/amd64", "linux/arm64/v8")]

        assert Match(platform=(glob,)).mismatch(an_image(), parts) == mismatch


class TestRefusal:
    """Why a filter leaves a finding out."""

    @every(
        ("finding", "fields", "reason"),
        [
            ({}, {}, None),
            ({"severity": "MEDIUM"}, {}, "below HIGH"),
            ({"severity": "CRITICAL"}, {}, None),
            ({"severity": "UNKNOWN"}, {}, "severity unknown"),
            ({"severity": "UNKNOWN"}, {"unknown_severity": True}, None),
            ({"severity": "UNKNOWN"}, {"severity": Severity.UNKNOWN}, None),
            ({"severity": "INFORMATIONAL"}, {"severity": Severity.UNKNOWN}, None),
            ({}, {"only": ("fixable",)}, "no fix known"),
            ({"fix_available": "NO"}, {"only": ("fixable",)}, "no fix available"),
            ({"fixed_version": "1"}, {"only": ("fixable",)}, None),
            ({}, {"only": ("exploitable",)}, "no known exploit"),
            ({"exploit_available": "YES"}, {"only": ("exploitable",)}, None),
            ({}, {"only": ("in-use",)}, "not known to be in use"),
        ],
    )
    def test_the_first_reason_is_said(
        self, finding: dict[str, Any], fields: dict[str, Any], reason: str | None
    ) -> None:
        """Severity first, then what `only` asks for."""
        assert refusal(a_finding(**finding), an_image(), a_filter(**fields)) == reason

    @pytest.mark.parametrize(("count", "reason"), [(0, "not in use"), (3, None)])
    def test_in_use_is_a_fact_about_the_image(self, count: int, reason: str | None) -> None:
        """Inspector counts the tasks and pods that run an image."""
        image = an_image(in_use_count=count)

        assert refusal(a_finding(), image, a_filter(only=("in-use",))) == reason


@dataclass
class Later:
    """A field that a later version adds to the match of a route."""

    label: tuple[str, ...] = ()


class TestReaches:
    """What decides which images a route leads where."""

    FIRST = Route("first", a_filter(), (Destination("team"),), Match(account=("1",)))
    LAST = Route("last", a_filter(), (Destination("ops"), Destination("team")))

    def changed(self, *routes: Route) -> list[str]:
        """Return the names of routes that lead elsewhere than in the example."""
        before, after = reaches((self.FIRST, self.LAST)), reaches(routes)
        return [name for name, reach in after.items() if before.get(name) != reach]

    def test_a_threshold_and_the_order_of_destinations_are_no_part_of_it(self) -> None:
        """They do not say where a route leads."""
        lower = replace(self.FIRST, filter=a_filter(severity=Severity.LOW))
        turned = replace(self.LAST, notify=self.LAST.notify[::-1])

        assert self.changed(lower, turned) == []

    def test_another_match_changes_what_the_routes_after_it_reach(self) -> None:
        """So does a route that is left, and one that goes on."""
        assert self.changed(replace(self.FIRST, match=Match()), self.LAST) == ["first", "last"]
        assert self.changed(replace(self.FIRST, continues=True), self.LAST) == ["last"]
        assert self.changed(self.LAST) == ["last"]

    @every(
        ("match", "changed"),
        [
            (Match(repository=("lab/*",)), []),
            (Match(repository=("payments-lab",)), []),
            (Match(repository=("payments/a*",)), ["own"]),
            (Match(repository=("*/api",)), ["own"]),
            (Match(repository=("lab/*", "payments/api")), ["own"]),
            (Match(account=("2",)), []),
            (Match(account=("1",), region=("us-*",)), ["own"]),
            (Match(tag=("dev",)), ["own"]),
        ],
    )
    def test_a_route_before_it_counts_where_it_can_take_something_away(
        self, match: Match, changed: list[str]
    ) -> None:
        """Not one of other images; of several tags, one can be that of the other route."""
        own = Match(repository=("payments/*",), account=("1",), tag=("prod-*",))
        route = replace(self.FIRST, name="own", match=own)
        lab = Route("lab", a_filter(), (Destination("ops"),), match)

        before, after = reaches([route]), reaches([lab, route])

        assert [name for name in before if before[name] != after[name]] == changed

    def test_a_route_that_goes_on_takes_nothing_away(self) -> None:
        """All images that it matches come to the next one."""
        audit = Route("audit", a_filter(), (Destination("ops"),), Match(), continues=True)

        assert self.changed(audit, self.FIRST, self.LAST) == ["audit"]

    def test_a_field_that_is_not_given_is_no_part_of_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A version that knows one more takes no route as a new one."""
        before = reaches((self.FIRST, self.LAST))
        known = fields(Match)
        monkeypatch.setattr(routing, "fields", lambda _: [*known, *fields(Later)])
        monkeypatch.setattr(Match, "label", (), raising=False)

        assert reaches((self.FIRST, self.LAST)) == before

    def test_another_destination_changes_the_route_alone(self) -> None:
        """What it matches stays the same."""
        elsewhere = replace(self.FIRST, notify=(Destination("ops"),))

        assert self.changed(elsewhere, self.LAST) == ["first"]
