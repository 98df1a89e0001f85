"""References between parts of the configuration, and values that do not fit them. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Final

from lib.config.problems import ConfigPath, Problem, quotable, step
from lib.config.schema import known_types, list_at, mapping_at, read_schema
from lib.models import Json
from lib.urls.forges import repository_url
from lib.urls.packages import KNOWN_QUALIFIERS, read_package_url


def misfits(document: Json) -> Iterator[Problem]:
    """Find errors between parts. Parts that are missing or of a wrong type were reported before."""
    if isinstance(document, dict) and "destinations" in document:
        yield from _name_misfits(document)
    for glob, url in mapping_at(document, "sources").items():
        if isinstance(url, str) and repository_url(url) is None:
            yield Problem(("sources", glob), _NO_REPOSITORY)
    for index, entry in enumerate(list_at(document, "suppressions")):
        if isinstance(entry, dict):
            yield from _suppression_misfits(("suppressions", index), entry)


def _name_misfits(document: Mapping[str, Json]) -> Iterator[Problem]:
    """Find names of routes, of the fallback and of the digest that do not fit."""
    routes = [route for route in list_at(document, "routes") if isinstance(route, dict)]
    if len(routes) == len(list_at(document, "routes")):
        yield from _route_misfits(routes, mapping_at(document, "destinations"))
    names = list(mapping_at(document, "destinations"))
    fallback = document.get("fallback")
    if isinstance(fallback, str) and fallback not in names:
        yield Problem(("fallback",), _no_destination(fallback, names))
    yield from _digest_misfits(document)


_NO_REPOSITORY: Final = (
    "must be the address of a repository, such as https://github.com/example/payments or "
    "codecommit::eu-central-1://payments"
)


def _suppression_misfits(path: ConfigPath, entry: Mapping[str, Json]) -> Iterator[Problem]:
    expires, purl = entry.get("expires"), entry.get("purl")
    if isinstance(expires, str) and _looks_like_date(expires) and not _is_date(expires):
        yield Problem((*path, "expires"), "must be a day that exists")
    limit = read_package_url(purl) if isinstance(purl, str) else None
    if limit is not None and not limit.qualifiers.keys() <= KNOWN_QUALIFIERS:
        allowed = ", ".join(sorted(KNOWN_QUALIFIERS))
        yield Problem((*path, "purl"), f"can be limited by {allowed} after its ?, and nothing else")


def _route_misfits(
    routes: Sequence[dict[str, Json]], destinations: Mapping[str, Json]
) -> Iterator[Problem]:
    name_indexes: dict[Json, int] = {}
    names = list(destinations)
    entries = ((name, entry) for name, entry in destinations.items() if isinstance(entry, dict))
    bots = {name for name, entry in entries if "token" in entry}
    for index, route in enumerate(routes):
        name = route.get("name")
        if isinstance(name, str) and name_indexes.setdefault(name, index) != index:
            yield Problem(
                ("routes", index, "name"), f"is the name of routes[{name_indexes[name]}], too"
            )
        for place, target in enumerate(list_at(route, "notify")):
            if isinstance(target, str) and target not in names:
                yield Problem(("routes", index, "notify", place), _no_destination(target, names))
        targets = (target for target in list_at(route, "notify") if isinstance(target, str))
        if "channel" in route and bots.isdisjoint(targets):
            yield Problem(("routes", index, "channel"), _NO_BOT)
    if routes and "match" in routes[-1]:
        yield Problem(
            ("routes", len(routes) - 1, "match"),
            "the last route catches all, so it must not have a match; add a route below it",
        )


def _digest_misfits(document: Json) -> Iterator[Problem]:
    digest, destinations = mapping_at(document, "digest"), mapping_at(document, "destinations")
    for place, name in enumerate(list_at(digest, "notify")):
        if not isinstance(name, str):
            continue
        path: ConfigPath = ("digest", "notify", place)
        destination, _, channel = name.partition("/")
        entry = destinations.get(
            destination if not channel or name in _channels(document) else name
        )
        if entry is None:
            yield Problem(path, _no_destination(name, list(destinations)))
        elif isinstance(entry, dict) and entry.get("type") in known_types():
            yield from _digest_refused(entry, path)
    if digest.get("every") == "day" and "on" in digest:
        yield Problem(("digest", "on"), "has no meaning for a digest of every day")


def _channels(document: Json) -> set[str]:
    """Return the names of bots in the channels of routes."""
    routes = [route for route in list_at(document, "routes") if isinstance(route, dict)]
    return {f"{bot}/{route.get('channel')}" for route in routes for bot in list_at(route, "notify")}


def _digest_refused(entry: Mapping[str, Json], path: ConfigPath) -> Iterator[Problem]:
    refused = read_schema(f"notifiers/{entry['type']}.json").get("x-no-digest")
    if isinstance(refused, str):
        yield Problem(path, refused)
    elif isinstance(refused, dict):
        for option, words in refused.items():
            problem_text = words.get(entry.get(option))
            if problem_text is not None:
                yield Problem(path, problem_text)


_NO_BOT: Final = (
    "needs a Slack destination with a token among those that this route notifies; the others cannot"
    " choose a channel"
)


def _no_destination(target: str, names: list[str]) -> str:
    safe = [name for name in names if step(name) == f".{name}"]
    nearest = get_close_matches(target, safe, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(safe) or 'none'}"
    name = f"'{target}' " if nearest or quotable(target) else ""
    return f"{name}is not a destination; {hint}"


def _looks_like_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
