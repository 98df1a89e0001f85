"""
Which stream a tag belongs to: the rules of alerts.yml, else the tags that routes name. Pure.

The id of a stream reads "account/region/repository|pattern". The pattern is missing where the
stream is the repository's own. Platform and scanner are no part of it: both can change from one
scan of the same image to the next.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, combinations, groupby
from types import MappingProxyType
from typing import Final

from lib.core.globs import overlap
from lib.core.routing import SETTINGS, Route
from lib.models import Image, StreamId
from lib.models.immutable import immutable
from lib.models.streams import UNTAGGED as NO_TAG
from lib.models.streams import TagRow

UNTAGGED: Final = "untagged"
"""The pattern of the stream of images that never had a tag."""
_RESERVED: Final = frozenset({SETTINGS, UNTAGGED})
_VERSION: Final = re.compile(r"v?[0-9]+(\.|$)")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
_SEPARATORS: Final = re.compile(r"[-_.]|(?<=[A-Za-z])(?=[0-9])")
_BAR: Final = "|"
"""Divides a stream's id. Neither names of repositories nor tags can have it."""


@immutable(frozen=True, slots=True)
class StreamRule:
    """
    Tags that make a stream: an entry of `streams`, or what a route of alerts.yml names.

    Globs are case-sensitive, and `*` crosses slashes. An empty field limits nothing.
    """

    tags: tuple[str, ...]
    repository: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    compare_with: str | None = None
    """The pattern of another rule. Then each tag is a stream, compared with that rule's one."""

    def concerns(self, image: Image) -> bool:
        """Whether the rule is about the repository of an image."""
        fields = (
            (self.repository, image.repository),
            (self.account, image.account),
            (self.region, image.region),
        )
        return all(not globs or _matches(value, globs) for globs, value in fields)


@immutable(frozen=True, slots=True)
class Stream:
    """A stream of one repository."""

    id: StreamId
    pattern: str | None = None
    """How messages name it: "prod-*", "pr-17", "untagged"; None: the repository's own."""
    compare_with: StreamId | None = None
    """The stream whose current image is the reference of this one's first report."""


def stream_rules(
    streams: Sequence[StreamRule], routes: Iterable[Route] = ()
) -> tuple[StreamRule, ...]:
    """
    Return the rules in force: the entries of `streams`, else one for the tag list of each route.

    A route that is limited to repositories, accounts or regions makes its stream there alone.
    """
    if streams:
        return tuple(streams)
    matches = (route.match for route in routes)
    rules = (
        StreamRule(match.tag, match.repository, match.account, match.region)
        for match in matches
        if match is not None and match.tag
    )
    return tuple(dict.fromkeys(rules))


def stream_of_tag(image: Image, tag: str, rules: Sequence[StreamRule]) -> Stream:
    """
    Return the stream that a tag of an image's repository belongs to: the first that matches.

    A tag that another rule's stream is named by is no stream of its own.
    """
    named = list(_named(image, rules))
    taken = {name for rule, name in named if rule.compare_with is None}
    for rule, name in named:
        if not _matches(tag, rule.tags):
            continue
        if rule.compare_with is None:
            return _stream(image, name)
        if tag not in taken:
            return replace(_stream(image, tag), compare_with=reference(image, rule, rules))
    return _stream(image, None)


def streams_of(image: Image, rules: Sequence[StreamRule]) -> Mapping[Stream, Image]:
    """
    Return the streams of an image's tags; in each, the image has the tags of that stream only.

    An image without tags is in the stream `untagged`; a repository, or a tag of one, is in the
    stream of its settings.
    """
    if image.is_repository:
        return {settings_stream(image): image}
    if not image.tags:
        return {untagged_stream(image): image}
    tags: defaultdict[Stream, list[str]] = defaultdict(list)
    for tag in image.tags:
        tags[stream_of_tag(image, tag, rules)].append(tag)
    if len(tags) == 1:
        return MappingProxyType(dict.fromkeys(tags, image))
    return MappingProxyType(
        {stream: replace(image, tags=tuple(names)) for stream, names in tags.items()}
    )


def untagged_stream(image: Image) -> Stream:
    """Return the stream of those images of a repository that never had a tag."""
    return Stream(_id(image, UNTAGGED), UNTAGGED)


def settings_stream(image: Image) -> Stream:
    """Return the stream of a repository's settings, or of the moves of one of its tags."""
    name = _BAR.join((SETTINGS, *image.tags))
    return Stream(_id(image, name), name)


def is_settings(stream: StreamId) -> bool:
    """Whether a stream is that of a repository's settings, or of the moves of a tag."""
    return stream.split(_BAR)[1:2] == [SETTINGS]


def reference(image: Image, compared: StreamRule, rules: Sequence[StreamRule]) -> StreamId:
    """
    Return the stream that `compare_with` of a rule names, in the repository of an image.

    That is the stream of the rule that has this very pattern, else the one that a tag of this name
    would belong to. Of a rule that is compared itself, only a tag names a stream.
    """
    named = dict(_named(image, rules))
    target = _target(compared, tuple(named))
    if target is None:
        return _stream(image, None).id
    name = named[target] if target.compare_with is None else compared.compare_with
    return _stream(image, name).id


def _target(compared: StreamRule, rules: Sequence[StreamRule]) -> StreamRule | None:
    """
    Return the rule that a rule is compared with; None: there is none, or it leads back.

    Of two streams that are compared with each other, what both have would be notified of neither.
    """
    rule: StreamRule | None = compared
    seen: set[StreamRule] = set()
    while rule is not None and rule not in seen:
        seen.add(rule)
        rule = _next_target(rule, rules)
    return None if rule == compared else _next_target(compared, rules)


def _next_target(compared: StreamRule, rules: Sequence[StreamRule]) -> StreamRule | None:
    """Return the rule of the stream that `compare_with` names; None where it names none."""
    wanted = compared.compare_with
    if wanted is None:
        return None
    matching = [rule for rule in rules if _matches(wanted, rule.tags)]
    exact = (rule for rule in rules if rule.compare_with is None and wanted in rule.tags)
    # A tag belongs to the first rule that matches it.
    taker = () if _is_glob(wanted) else (rule for rule in matching[:1] if rule != compared)
    whole = (rule for rule in matching if rule.compare_with is None)
    return next(chain(exact, taker, whole), None)


def misplaced(
    stream: StreamId, image: Image, tags: Iterable[TagRow], rules: Sequence[StreamRule]
) -> Mapping[StreamId, tuple[TagRow, ...]]:
    """
    Return the rows of a stream whose tags belong to other streams now, by these streams.

    `image`: any of its repository. Rows move when `streams` or routes of alerts.yml change.
    """
    rows: defaultdict[StreamId, list[TagRow]] = defaultdict(list)
    for row in tags:
        if row.tag != NO_TAG:
            rows[stream_of_tag(image, row.tag, rules).id].append(row)
    return MappingProxyType({id_: tuple(own) for id_, own in rows.items() if id_ != stream})


def repository_of(stream: StreamId) -> str:
    """Return the name of a stream's repository."""
    place = stream.partition(_BAR)[0]
    return place.split("/", maxsplit=2)[-1]


def repository_image(stream: StreamId) -> Image:
    """Return the repository of a stream, as an image without a digest."""
    account, region, repository = stream.partition(_BAR)[0].split("/", maxsplit=2)
    return Image("aws", account, region, repository, "")


def pattern_of(stream: StreamId) -> str | None:
    """Return the pattern in a stream's id; None: the stream is the repository's own."""
    return stream.partition(_BAR)[2] or None


def overlaps(rules: Sequence[StreamRule]) -> Iterator[tuple[StreamRule, StreamRule]]:
    """
    Yield each two rules between which a tag could choose.

    Two rules with the same list of tags name the same stream, so they leave no choice.
    """
    for first, second in combinations(rules, 2):
        pairs = (
            (first.repository, second.repository),
            (first.account, second.account),
            (first.region, second.region),
        )
        meet = all(not mine or not theirs or overlap(mine, theirs) for mine, theirs in pairs)
        if meet and first.tags != second.tags and overlap(first.tags, second.tags):
            yield first, second


def unknown_references(rules: Sequence[StreamRule]) -> Iterator[StreamRule]:
    """Yield the rules whose `compare_with` names no stream of another rule, for `check-config`."""
    for rule in rules:
        if rule.compare_with is not None and _target(rule, rules) is None:
            yield rule


def alternating_tags(rows: Iterable[TagRow]) -> tuple[str, str] | None:
    """Return two kinds of tags between which a stream goes back and forth, by its rows."""
    ordered = sorted(rows, key=lambda row: (row.pushed_at, row.digest, row.tag))
    return alternating((row.tag,) for row in ordered if row.tag)


def alternating(images: Iterable[tuple[str, ...]]) -> tuple[str, str] | None:
    """
    Return two kinds of tags between which a stream goes back and forth; None: it does not.

    `images`: the tags of its images, in the order in which they became current. Builds of main and
    of pull requests in one stream are compared with each other, so people are asked for `streams`.
    """
    kinds = (frozenset(map(_kind, tags)) for tags in images if tags)
    runs = Counter(kind for kind, _ in groupby(kinds))
    returning = [kind for kind, count in runs.items() if count > 1]
    for first, second in combinations(returning, 2):
        if first.isdisjoint(second):
            one, two = sorted((min(first), min(second)))
            return one, two
    return None


def _kind(tag: str) -> str:
    """Return what tags of one kind have in common: "pr" of "pr-17", "version" of "v1.2.0"."""
    if _VERSION.match(tag):
        return "version"
    if _COMMIT.fullmatch(tag):
        return "commit"
    return _SEPARATORS.split(tag, maxsplit=1)[0]


def described(rules: Sequence[StreamRule]) -> tuple[str, ...]:
    """Return in words which streams the rules make in each repository, one stream a line."""
    last = "the other tags of a repository" if rules else "all tags of a repository"
    return (*map(_described, rules), last, "images that never had a tag")


def _described(rule: StreamRule) -> str:
    tags = " or ".join(rule.tags)
    text = f"tags {tags}"
    if rule.compare_with is not None:
        text = f"each tag {tags} by itself, compared with {rule.compare_with}"
    limits = (
        ("repositories", rule.repository),
        ("accounts", rule.account),
        ("regions", rule.region),
    )
    places = [f"{name} {' or '.join(globs)}" for name, globs in limits if globs]
    return f"{text}, in {', '.join(places)}" if places else text


def _named(image: Image, rules: Sequence[StreamRule]) -> Iterator[tuple[StreamRule, str]]:
    """
    Yield the rules for an image's repository, each with the pattern that names its stream.

    That is the first of its list, unless it names the stream of an earlier rule. A rule all of
    whose patterns do so gets no tag, as that earlier rule takes them all.
    """
    names: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if not rule.concerns(image):
            continue
        own = (tag for tag in rule.tags if names.get(tag, rule.tags) == rule.tags)
        name = next(own, rule.tags[0])
        names.setdefault(name, rule.tags)
        yield rule, name


def _stream(image: Image, pattern: str | None) -> Stream:
    return Stream(_id(image, pattern and _escaped(pattern)), pattern)


def _escaped(pattern: str) -> str:
    """Return the pattern for an id. A tag cannot have a colon, and none is called `untagged`."""
    return f"tag:{pattern}" if pattern in _RESERVED else pattern


def _id(image: Image, pattern: str | None) -> StreamId:
    place = f"{image.account}/{image.region}/{image.repository}"
    return StreamId(place if pattern is None else f"{place}{_BAR}{pattern}")


def _is_glob(pattern: str) -> bool:
    return not set("*?[").isdisjoint(pattern)


def _matches(value: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(value, glob) for glob in globs)
