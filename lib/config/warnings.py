"""Warnings: configurations that are allowed and probably unintended. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from lib.config.model import LOOPBACK, Config
from lib.config.problems import ConfigPath, Problem
from lib.config.schema import read_schema
from lib.core.routing import Match, Route
from lib.core.streams import StreamRule, overlaps, stream_rules, unknown_references
from lib.core.suppressions import Suppression, covered
from lib.models import Destination, Json
from lib.models.views import Kind
from lib.urls.addresses import AddressError, read_address

EXPIRY_WARNING: Final = timedelta(days=7)
"""Suppressions that end within this time cause a warning."""


def foreign_hosts(document: Json, receiver_hosts: Sequence[str]) -> Iterator[Problem]:
    """Find hosts that sending would refuse, unless the deployment allows them."""
    for name, entry in document["destinations"].items():
        options = read_schema(f"notifiers/{entry['type']}.json")["properties"]
        for option in (key for key in entry if key in options):
            vendors = options[option].get("x-hosts")
            if vendors and not _may_be_called(entry[option], (*vendors, *receiver_hosts)):
                message = (
                    f"is not at the vendor's hosts ({', '.join(vendors)}): nothing can be sent "
                    "there unless receiverHosts in the stage file names this host; "
                    "`check-config --stage STAGE` reads it"
                )
                yield Problem(("destinations", name, option), message, "warning")


def without_effect(config: Config) -> Iterator[Problem]:
    """Find kinds that are never a reason for a message."""
    for index, route in enumerate(config.routes):
        if Kind.UNCHANGED in route.filter.kinds:
            path: ConfigPath = ("routes", index, "kinds", route.filter.kinds.index(Kind.UNCHANGED))
            message = "has no effect: nothing is notified where nothing differs"
            yield Problem(path, message, "warning")


def _may_be_called(url: str, hosts: Sequence[str]) -> bool:
    """Whether `lib.http_client.check_url` accepts an address."""
    try:
        return read_address(url).is_among((*hosts, *LOOPBACK))
    except AddressError:
        return False


def doubts(config: Config, today: date) -> Iterator[Problem]:
    """Yield unused destinations, unreachable routes, and suppressions without effect."""
    yield from _unreachable(config.routes)
    used_names = {destination for route in config.routes for destination in route.notify}
    used_names |= {config.fallback} if config.fallback is not None else set()
    # Some bots are used only in the channels of routes.
    used_names |= {Destination(destination.partition("/")[0]) for destination in used_names}
    for name in config.destinations:
        if name not in used_names:
            yield Problem(("destinations", name), "no route notifies this", "warning")
    routed = {destination for route in config.routes for destination in route.notify}
    for place, name in enumerate(config.digest.notify if config.digest is not None else ()):
        if name not in routed:
            message = "no route leads to it, so its digest is empty"
            yield Problem(("digest", "notify", place), message, "warning")
    yield from _stale(config.suppressions, today)
    if not config.streams:
        yield from _overlapping(config.routes)
    for rule in unknown_references(config.streams):
        path = ("streams", config.streams.index(rule), "compare_with")
        message = (
            "no other stream has this pattern, or its comparison leads back to this one: it is "
            "compared with the rest of the repository"
        )
        yield Problem(path, message, "warning")


def _overlapping(routes: Sequence[Route]) -> Iterator[Problem]:
    """Find tag lists of routes between which a tag could choose, as no `streams` decide."""
    rules = stream_rules((), routes)
    places = {rule: index for rule in rules for index in _places_of(rule, routes)}
    for first, second in overlaps(rules):
        path: ConfigPath = ("routes", places[second], "match", "tag")
        message = (
            f"shares tags with routes[{places[first]}], whose stream takes them: say in streams "
            "which tags belong together"
        )
        yield Problem(path, message, "warning")


def _places_of(rule: StreamRule, routes: Sequence[Route]) -> Iterator[int]:
    """Yield where the routes stand whose tag list makes a stream, the first one last."""
    for index in reversed(range(len(routes))):
        if stream_rules((), routes[index : index + 1]) == (rule,):
            yield index


def _unreachable(routes: Sequence[Route]) -> Iterator[Problem]:
    for index, route in enumerate(routes):
        for earlier, other in enumerate(routes[:index]):
            if not other.continues and _covers(other.match, route.match):
                message = f"is never reached: routes[{earlier}] takes all of its images first"
                yield Problem(("routes", index), message, "warning")
                break


def _covers(wide: Match | None, narrow: Match | None) -> bool:
    """Whether `wide` matches all images of `narrow`, judging by the texts of the globs."""
    if wide is None:
        return True
    if narrow is None:
        return False
    pairs = (
        (wide.repository, narrow.repository),
        (wide.account, narrow.account),
        (wide.region, narrow.region),
        (wide.platform, narrow.platform),
        (wide.source, narrow.source),
        (_tags(wide), _tags(narrow)),
    )
    return all(not some or (few and set(few) <= set(some)) for some, few in pairs)


def _tags(match: Match) -> tuple[str | None, ...]:
    return (*match.tag, *((None,) if match.untagged else ()))


def _stale(suppressions: Sequence[Suppression], today: date) -> Iterator[Problem]:
    for index, entry in enumerate(suppressions):
        path: ConfigPath = ("suppressions", index)
        if entry.expires < today:
            message = (
                f"expired on {entry.expires}: its findings are reported again. Remove or renew it"
            )
            yield Problem((*path, "expires"), message, "warning")
        elif entry.expires <= today + EXPIRY_WARNING:
            yield Problem((*path, "expires"), f"expires soon, on {entry.expires}", "warning")
    for index, by in covered(suppressions):
        message = f"has no effect: suppressions[{by}] covers it"
        yield Problem(("suppressions", index), message, "warning")
