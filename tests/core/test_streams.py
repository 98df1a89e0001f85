"""Which stream a tag belongs to."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.core.routing import Match, Route
from lib.core.streams import (
    Stream,
    StreamRule,
    alternating,
    described,
    misplaced,
    overlaps,
    pattern_of,
    repository_of,
    settings_stream,
    stream_of_tag,
    stream_rules,
    streams_of,
    unknown_references,
    untagged_stream,
)
from lib.models import StreamId
from lib.models.streams import UNTAGGED as NO_TAG
from lib.models.streams import TagRow
from tests.support.builders import NOW, a_filter, an_image

PLACE = "000474600478/eu-central-1/payments/api"
IMAGE = an_image()
MAIN = StreamRule(("main-*",))
PULL_REQUESTS = StreamRule(("pr-*",), compare_with="main-*")
PATTERNS = st.lists(
    st.sampled_from(["*", "v*", "v1*", "main", "pr-?", "untagged", "settings"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
RULES = st.lists(
    st.builds(
        StreamRule,
        PATTERNS,
        st.sampled_from([(), ("payments/*",), ("shop/*",)]),
        compare_with=st.sampled_from([None, None, "main", "v*", "other"]),
    ),
    max_size=5,
)
TAGS = st.sampled_from(["v1", "v1.2", "main", "pr-1", "pr-12", "untagged", "settings", "x"])


def a_stream(pattern: str, **fields: StreamId) -> Stream:
    """Return the stream of a pattern in the repository of `IMAGE`."""
    return Stream(StreamId(f"{PLACE}|{pattern}"), pattern, **fields)


def a_route(match: Match | None = None) -> Route:
    """Return a route that notifies nobody."""
    return Route("everything", a_filter(), (), match)


OWN = Stream(StreamId(PLACE))


class TestStreamOfTag:
    def test_the_first_pattern_that_matches_counts(self) -> None:
        """Order decides between two patterns."""
        rules = (MAIN, StreamRule(("*-1",)), StreamRule(("*",)))

        assert stream_of_tag(IMAGE, "main-1", rules) == a_stream("main-*")
        assert stream_of_tag(IMAGE, "next-1", rules) == a_stream("*-1")
        assert stream_of_tag(IMAGE, "next-2", rules) == a_stream("*")

    def test_a_tag_without_a_pattern_is_in_the_stream_of_its_repository(self) -> None:
        """Its id has no pattern."""
        assert stream_of_tag(IMAGE, "next-1", (MAIN,)) == OWN
        assert stream_of_tag(IMAGE, "next-1", ()) == OWN

    def test_neither_platform_nor_scanner_nor_digest_is_part_of_a_stream(self) -> None:
        """A clean image whose platform nobody knows stays in its stream."""
        other = an_image(2, platform="linux/arm64", os="UBUNTU_24_04", tags=())

        assert stream_of_tag(other, "main-1", (MAIN,)) == stream_of_tag(IMAGE, "main-1", (MAIN,))

    def test_a_list_is_one_stream_named_by_its_first_pattern(self) -> None:
        """Tags of both patterns follow each other."""
        rules = (StreamRule(("prod-*", "v*")),)

        assert stream_of_tag(IMAGE, "v1", rules) == a_stream("prod-*")
        assert stream_of_tag(IMAGE, "prod-1", rules) == a_stream("prod-*")

    def test_two_rules_never_share_a_stream(self) -> None:
        """The second is named by the first of its patterns that is free."""
        rules = (StreamRule(("v*",)), StreamRule(("v*", "main")), StreamRule(("main", "next")))

        assert stream_of_tag(IMAGE, "main", rules) == a_stream("main")
        assert stream_of_tag(IMAGE, "next", rules) == a_stream("next")

    @pytest.mark.parametrize(
        "limit",
        [{"repository": ("shop/*",)}, {"account": ("1*",)}, {"region": ("us-*", "ap-*")}],
        ids=str,
    )
    def test_a_rule_for_other_repositories_takes_no_tag(
        self, limit: dict[str, tuple[str, ...]]
    ) -> None:
        """`repository` limits an entry; a route's account and region limit what is made of it."""
        assert stream_of_tag(IMAGE, "main-1", (StreamRule(("main-*",), **limit),)) == OWN

    def test_a_rule_for_this_repository_takes_its_tags(self) -> None:
        """One of its globs is enough."""
        rules = (StreamRule(("main-*",), ("shop/*", "payments/*"), ("0*",), ("eu-*",)),)

        assert stream_of_tag(IMAGE, "main-1", rules) == a_stream("main-*")

    @pytest.mark.parametrize("tag", ["untagged", "settings"])
    @pytest.mark.parametrize("compare_with", [None, "main-*"])
    def test_a_tag_called_like_another_stream_does_not_get_into_it(
        self, tag: str, compare_with: str | None
    ) -> None:
        """The names of the streams without tags are nobody else's."""
        stream = stream_of_tag(IMAGE, tag, (StreamRule((tag,), compare_with=compare_with),))

        assert stream.id == f"{PLACE}|tag:{tag}"
        assert stream.pattern == tag


class TestCompareWith:
    def test_each_tag_is_a_stream(self) -> None:
        """Two pull requests are not compared with each other."""
        reference = StreamId(f"{PLACE}|main-*")
        rules = (MAIN, PULL_REQUESTS)

        assert stream_of_tag(IMAGE, "pr-1", rules) == a_stream("pr-1", compare_with=reference)
        assert stream_of_tag(IMAGE, "pr-2", rules) == a_stream("pr-2", compare_with=reference)

    def test_the_reference_may_stand_below(self) -> None:
        """The order of the two entries does not matter."""
        stream = stream_of_tag(IMAGE, "pr-1", (PULL_REQUESTS, MAIN))

        assert stream.compare_with == f"{PLACE}|main-*"

    def test_a_pattern_within_a_list_is_found(self) -> None:
        """The stream of a list has the name of its first pattern."""
        rules = (StreamRule(("release-*", "main-*")), PULL_REQUESTS)

        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == f"{PLACE}|release-*"

    def test_a_tag_as_reference_stands_for_its_stream(self) -> None:
        """`compare_with: main` where the pattern is `main*`."""
        rules = (StreamRule(("main*",)), StreamRule(("pr-*",), compare_with="main"))

        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == f"{PLACE}|main*"

    def test_the_pattern_itself_goes_before_one_that_matches_it(self) -> None:
        """A wider pattern stands first."""
        rules = (StreamRule(("m*",)), StreamRule(("main*",)), StreamRule(("pr-*",), (), (), ()))
        compared = StreamRule(("x*",), compare_with="main*")

        assert stream_of_tag(IMAGE, "x1", (*rules, compared)).compare_with == f"{PLACE}|main*"

    def test_a_tag_that_is_compared_itself_is_a_reference(self) -> None:
        """A chain: pull requests are compared with `staging`, and that with `main-*`."""
        staging = StreamRule(("staging",), compare_with="main-*")
        rules = (MAIN, staging, StreamRule(("pr-*",), compare_with="staging"))

        assert stream_of_tag(IMAGE, "staging", rules).compare_with == f"{PLACE}|main-*"
        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == f"{PLACE}|staging"

    def test_the_tag_of_a_pattern_that_is_compared_itself_is_a_reference(self) -> None:
        """Each tag of that pattern is a stream, so the pattern names none, and a tag one."""
        stages = StreamRule(("stage-*",), compare_with="main-*")
        rules = (MAIN, stages, StreamRule(("pr-*",), compare_with="stage-1"))

        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == f"{PLACE}|stage-1"

    @pytest.mark.parametrize(
        ("rules", "tag"),
        [
            ([("staging", "prod"), ("prod", "staging")], "staging"),
            ([("a", "b"), ("b", "c"), ("c", "a")], "c"),
            ([("*", "staging"), ("staging", "main")], "staging"),
        ],
        ids=["two", "three", "itself"],
    )
    def test_a_comparison_that_leads_back_is_none(
        self, rules: list[tuple[str, str]], tag: str
    ) -> None:
        """What both have would be notified of neither, and what one has never."""
        own = [StreamRule((pattern,), compare_with=other) for pattern, other in rules]

        assert stream_of_tag(IMAGE, tag, own).compare_with == PLACE
        assert own[0] in list(unknown_references(own))

    def test_beside_a_circle_comparisons_stay(self) -> None:
        """A stream that is compared with one of a circle is in none."""
        circle = [StreamRule(("a",), compare_with="b"), StreamRule(("b",), compare_with="a")]
        rules = [*circle, StreamRule(("pr-*",), compare_with="a")]

        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == f"{PLACE}|a"
        assert list(unknown_references(rules)) == circle

    @pytest.mark.parametrize("compare_with", ["main-*", "pr-*", "pr-9"])
    def test_without_such_a_stream_the_repositorys_own_is_the_reference(
        self, compare_with: str
    ) -> None:
        """Never another stream of the same entry."""
        rules = (
            StreamRule(("main-*",), ("shop/*",)),
            StreamRule(("pr-*",), compare_with=compare_with),
        )

        assert stream_of_tag(IMAGE, "pr-1", rules).compare_with == PLACE


class TestStreamsOf:
    def test_an_image_is_in_the_stream_of_each_of_its_tags_with_those_tags_only(self) -> None:
        """A promoted image is seen by production without its other tags."""
        image = an_image(tags=("sha-1", "prod-42", "prod-43", "main-7"))

        streams = streams_of(image, (StreamRule(("prod-*",)), MAIN))

        assert {stream: seen.tags for stream, seen in streams.items()} == {
            OWN: ("sha-1",),
            a_stream("prod-*"): ("prod-42", "prod-43"),
            a_stream("main-*"): ("main-7",),
        }
        assert {seen.digest for seen in streams.values()} == {image.digest}

    def test_an_image_without_tags_is_in_the_stream_untagged(self) -> None:
        """Whatever the patterns are."""
        image = an_image(tags=())

        assert streams_of(image, (StreamRule(("*",)),)) == {untagged_stream(image): image}
        assert untagged_stream(image) == a_stream("untagged")

    def test_a_repository_is_in_the_stream_of_its_settings(self) -> None:
        """Its current image is the repository; the moves of a tag are a stream of their own."""
        repository = an_image(digest="", tags=())
        tag = an_image(digest="", tags=("latest",))

        assert streams_of(repository, (MAIN,)) == {settings_stream(repository): repository}
        assert streams_of(tag, (MAIN,)) == {settings_stream(tag): tag}
        assert settings_stream(repository) == a_stream("settings")
        assert settings_stream(tag) == a_stream("settings|latest")

    def test_a_tag_that_names_the_stream_of_another_rule_is_no_stream_of_its_own(self) -> None:
        """Else two streams would have one id."""
        rules = (StreamRule(("*",), compare_with="main"), StreamRule(("main", "v*")))
        image = an_image(tags=("v1", "main", "pr-1"))

        streams = streams_of(image, rules)

        assert {stream.id: seen.tags for stream, seen in streams.items()} == {
            a_stream("v1").id: ("v1",),
            a_stream("main").id: ("main",),
            a_stream("pr-1").id: ("pr-1",),
        }
        assert streams[a_stream("main")].tags == ("main",)

    @given(RULES, st.lists(TAGS, unique=True, min_size=1).map(tuple))
    def test_every_tag_is_in_exactly_one_stream(
        self, rules: list[StreamRule], tags: tuple[str, ...]
    ) -> None:
        """Nothing is reported twice or lost, whatever the rules."""
        streams = streams_of(an_image(tags=tags), rules)

        assert sorted(tag for image in streams.values() for tag in image.tags) == sorted(tags)
        assert len({stream.id for stream in streams}) == len(streams)
        assert untagged_stream(IMAGE).id not in {stream.id for stream in streams}
        assert settings_stream(IMAGE).id not in {stream.id for stream in streams}

    @given(RULES, TAGS, TAGS)
    def test_tags_of_two_rules_are_in_two_streams(
        self, rules: list[StreamRule], first: str, second: str
    ) -> None:
        """Two rules share a stream only where their tags are the same."""
        rule = {tag: next((r for r in rules if _takes(r, tag)), None) for tag in (first, second)}
        plain = [r for r in rules if r.compare_with is None and r.concerns(IMAGE)]
        # A tag that can name another rule's stream may be none of its own.
        assume(not any(r and r.compare_with and _lists(plain, tag) for tag, r in rule.items()))
        mine, theirs = rule[first], rule[second]
        same = stream_of_tag(IMAGE, first, rules) == stream_of_tag(IMAGE, second, rules)

        if mine is not None and mine.compare_with is not None:
            assert same == (first == second)
        elif (mine and mine.tags) != (theirs and theirs.tags):
            assert not same


def _lists(rules: list[StreamRule], tag: str) -> bool:
    return any(tag in rule.tags for rule in rules)


def _takes(rule: StreamRule, tag: str) -> bool:
    return stream_of_tag(IMAGE, tag, (rule,)) != OWN


class TestMisplaced:
    def test_tags_that_belong_elsewhere_by_the_rules_of_today_are_named(self) -> None:
        """With the streams that they belong to."""
        tags = (TagRow("main-1", "A", NOW), TagRow("x", "B", NOW), TagRow("main-2", "C", NOW))
        own, main = OWN.id, a_stream("main-*").id

        assert misplaced(own, IMAGE, tags, (MAIN,)) == {main: (tags[0], tags[2])}
        assert misplaced(main, IMAGE, tags, (MAIN,)) == {own: (tags[1],)}
        assert misplaced(own, IMAGE, tags, ()) == {}

    def test_images_without_tags_stay(self) -> None:
        """No rule is about them."""
        tags = (TagRow(NO_TAG, "A", NOW),)

        assert misplaced(untagged_stream(IMAGE).id, IMAGE, tags, (StreamRule(("*",)),)) == {}


class TestRules:
    def test_entries_of_streams_stand_alone(self) -> None:
        """What routes name makes no stream beside them."""
        assert stream_rules((MAIN,), (a_route(Match(tag=("prod-*",))),)) == (MAIN,)

    def test_without_entries_the_tag_list_of_each_route_is_a_stream(self) -> None:
        """Builds between two promotions do not disturb production."""
        routes = (
            a_route(Match(tag=("prod-*", "v*"))),
            a_route(Match(repository=("shop/*",))),
            a_route(Match(tag=("dev-*",), repository=("team/*",), account=("1",), region=("eu",))),
            a_route(Match(untagged=True)),
            a_route(),
        )

        assert stream_rules((), routes) == (
            StreamRule(("prod-*", "v*")),
            StreamRule(("dev-*",), ("team/*",), ("1",), ("eu",)),
        )

    def test_two_routes_with_the_same_tags_make_one_stream(self) -> None:
        """One for CRITICAL, another for HIGH."""
        routes = (a_route(Match(tag=("prod-*",))), a_route(Match(tag=("prod-*",))))

        assert stream_rules((), routes) == (StreamRule(("prod-*",)),)


class TestOverlaps:
    def test_two_lists_that_one_tag_matches_are_named(self) -> None:
        """`check-config` asks for `streams` then."""
        first, second = StreamRule(("prod-*", "v*")), StreamRule(("v1*",))

        assert list(overlaps((first, MAIN, second))) == [(first, second)]

    def test_the_same_list_twice_is_the_same_stream(self) -> None:
        """One of the two is limited to some repositories."""
        assert not list(overlaps((StreamRule(("v*",), ("shop/*",)), StreamRule(("v*",)))))

    @pytest.mark.parametrize("field", ["repository", "account", "region"])
    def test_rules_for_different_places_do_not_overlap(self, field: str) -> None:
        """A tag is in one repository, of one account and region."""
        first = StreamRule(("v*",), **{field: ("a*",)})
        second = StreamRule(("v1",), **{field: ("b*",)})
        third = StreamRule(("v1",), **{field: ("*",)})

        assert not list(overlaps((first, second)))
        assert list(overlaps((first, third))) == [(first, third)]


class TestUnknownReferences:
    def test_a_reference_that_is_no_pattern_of_another_rule_is_named(self) -> None:
        """It would be compared with the rest of the repository."""
        wrong = StreamRule(("x-*",), compare_with="pr-*")
        rules = (MAIN, PULL_REQUESTS, wrong, StreamRule(("y-*",), compare_with="next"))

        assert list(unknown_references(rules)) == [wrong, rules[-1]]

    def test_a_tag_of_another_rule_is_known(self) -> None:
        """It belongs to a stream, even one that is compared itself."""
        rules = (
            StreamRule(("main*",)),
            StreamRule(("staging",), compare_with="main"),
            StreamRule(("pr-*",), compare_with="staging"),
        )

        assert not list(unknown_references(rules))


class TestAlternating:
    @pytest.mark.parametrize(
        ("tags", "kinds"),
        [
            (["main-1", "pr-17", "main-2", "pr-18"], ("main", "pr")),
            (["main", "main", "pr17", "pr_18", "main", "feature_x", "pr.19"], ("main", "pr")),
            (["1.0", "3f2a9c1", "v1.1", "9c1de02"], ("commit", "version")),
            (["2026", "latest", "2027", "latest"], ("latest", "version")),
        ],
    )
    def test_two_kinds_that_return_after_each_other_are_named(
        self, tags: list[str], kinds: tuple[str, str]
    ) -> None:
        """Each is compared with the other, which is no release before it."""
        assert alternating((tag,) for tag in tags) == kinds

    @pytest.mark.parametrize(
        "tags",
        [
            [],
            ["main-1", "main-2", "main-3"],
            ["main-1", "pr-17", "main-2"],
            ["1.0", "1.1", "v1.2", "2"],
            ["3f2a9c1", "9c1de02", "0000000"],
        ],
        ids=str,
    )
    def test_one_kind_or_a_single_exception_is_no_alternation(self, tags: list[str]) -> None:
        """Versions and commits have no two names alike."""
        assert alternating((tag,) for tag in tags) is None

    def test_images_that_share_a_kind_are_of_one_line(self) -> None:
        """Some have `latest` beside their version; images without tags say nothing."""
        images = [("1.0",), ("1.1", "latest"), (), ("1.2",), ("1.3", "latest")]

        assert alternating(images) is None


class TestWords:
    def test_the_streams_that_result_are_listed(self) -> None:
        """By `check-config`, one a line."""
        rules = (StreamRule(("prod-*", "v*"), ("team/*",)), PULL_REQUESTS)

        assert described(rules) == (
            "tags prod-* or v*, in repositories team/*",
            "each tag pr-* by itself, compared with main-*",
            "the other tags of a repository",
            "images that never had a tag",
        )
        assert described(())[0] == "all tags of a repository"

    def test_an_id_says_repository_and_pattern(self) -> None:
        """For readers of stored states."""
        image = an_image(repository="team/shop/api")
        stream = stream_of_tag(image, "main-1", (MAIN,)).id

        assert stream == "000474600478/eu-central-1/team/shop/api|main-*"
        assert repository_of(stream) == "team/shop/api"
        assert pattern_of(stream) == "main-*"
        assert repository_of(OWN.id) == "payments/api"
        assert pattern_of(OWN.id) is None
