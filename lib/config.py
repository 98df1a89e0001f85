"""
The checked file: alerts.yml as a document -> destinations, routes, streams, suppressions.

    check   every problem with its path, in words that never hold a value of the file: any value
            may be a secret that somebody put into the wrong place
    parse   a document that was checked before (when the package was built) -> Config
    load    check, then parse

Options of destinations are checked in two steps: the frame against schemas/alerts-1.0.0.json, then
each destination against schemas/notifiers/TYPE.json. One big schema would answer a misspelt option
with "not valid under any of the given schemas".
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from lib import limits
from lib.checks.settings import Expectations
from lib.core.digest import Schedule
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression, covered
from lib.errors import ConfigError
from lib.models import ChangeKind, Destination, Filter, Json, Severity
from lib.text import one_line
from lib.urls.addresses import AddressError, read_address
from lib.urls.forges import repository_url
from lib.urls.packages import KNOWN_QUALIFIERS, read_package_url

ConfigPath = tuple[str | int, ...]
Level = Literal["error", "warning"]

DEFAULT_SEVERITY: Final = Severity.HIGH
WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
PAST_DUE: Final = timedelta(days=7)
"""A suppression that ends within this time is worth a warning."""

_REFERENCES: Final = ("secret", "parameter")
_LOOPBACK: Final = ("localhost", "127.0.0.1")
"""For tests and the demo."""
_ROOT: Final = Path(__file__).parents[1]
_SCHEMAS: Final = _ROOT / "schemas"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or doubtful, and where. The message holds no value of the file."""

    path: ConfigPath
    message: str
    level: Level = "error"

    @property
    def where(self) -> str:
        """The path as people write it: routes[0].severity."""
        return "".join(_step(each) for each in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class DestinationConfig:
    """A receiver: which notifier, and its options as they stand in the file."""

    type: str
    options: Mapping[str, Json]

    def hosts(self, vendors: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
        """
        Return whom it may call: its vendor's hosts, and those that the deployment has `named`.

        A host in its options is the only one. This machine is called only where it was named.
        """
        host = self.options.get("host")
        if host is None:
            return (*vendors, *named)
        return () if host in _LOOPBACK and host not in named else (host,)


def secret_references(entry: DestinationConfig) -> tuple[tuple[str, str], ...]:
    """Return kind ("secret", "parameter") and name of each secret that a destination names."""
    references = (value for value in entry.options.values() if isinstance(value, dict))
    return tuple(
        (kind, reference[kind])
        for reference in references
        for kind in _REFERENCES
        if reference.keys() == {kind}
    )


@dataclass(frozen=True, slots=True)
class Config:
    """What alerts.yml says."""

    destinations: Mapping[Destination, DestinationConfig]
    routes: tuple[Route, ...]
    streams: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    fallback: Destination | None = None
    """Who is told when another destination refuses everything."""
    digest: Schedule | None = None
    """Who hears regularly how things stand, and when; None: nobody."""
    sources: tuple[tuple[str, str], ...] = ()
    """By globs of repositories, where the code of their images is kept; the first one counts."""
    repositories: Expectations | None = None
    """How repositories should be set up; None: nobody looks."""


def load(document: Json, *, today: date) -> Config:
    """Check and parse a document. Raises `ConfigError` listing every error."""
    errors = [each for each in check(document, today=today) if each.level == "error"]
    if errors:
        raise ConfigError("The configuration is not valid: " + "; ".join(map(str, errors)))
    return parse(document)


def read_packaged() -> Config:
    """Return the configuration that was checked and packaged with the code: alerts.json."""
    path = _ROOT / "alerts.json"
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigError(
            "The package holds no alerts.json; build it with `make package`"
        ) from error


def config_hash(document: Json) -> str:
    """Return a short name of this configuration for logs; the order of keys does not matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# --- parse ------------------------------------------------------------------------------------


def parse(document: Json) -> Config:
    """Understand a document that `check` has no errors for."""
    named = {
        Destination(name): _destination(entry) for name, entry in document["destinations"].items()
    }
    notified = [_notified(entry, named) for entry in document["routes"]]
    return Config(
        destinations=MappingProxyType(
            named | {name: each for whom in notified for name, each in whom.items()}
        ),
        routes=tuple(
            _route(entry, tuple(whom))
            for entry, whom in zip(document["routes"], notified, strict=True)
        ),
        streams=tuple(document.get("streams", ())),
        suppressions=tuple(map(_suppression, document.get("suppressions", ()))),
        fallback=Destination(document["fallback"]) if "fallback" in document else None,
        digest=_schedule(document["digest"]) if "digest" in document else None,
        sources=tuple(document.get("sources", {}).items()),
        repositories=_expectations(document["repositories"])
        if "repositories" in document
        else None,
    )


def _expectations(entry: Mapping[str, Json]) -> Expectations:
    allowed = tuple(entry.get("allow_mutable", ()))
    return Expectations(**{**entry, "allow_mutable": allowed})


def _schedule(entry: Mapping[str, Json]) -> Schedule:
    weekly = entry.get("every", "week") == "week"
    return Schedule(
        notify=tuple(map(Destination, entry["notify"])),
        weekday=WEEKDAYS.index(entry.get("on", WEEKDAYS[0])) if weekly else None,
        at=time.fromisoformat(entry.get("at", "07:00")),
    )


def _destination(entry: Mapping[str, Json]) -> DestinationConfig:
    options = {name: value for name, value in entry.items() if name != "type"}
    return DestinationConfig(entry["type"], MappingProxyType(options))


def _notified(
    entry: Mapping[str, Json], named: Mapping[Destination, DestinationConfig]
) -> dict[Destination, DestinationConfig]:
    """
    Return whom a route notifies.

    A bot in the channel of a route is a destination of its own, "bot/C0PAYMENTS": a channel has
    its own threads and rate limit, and may be paused or archived alone.
    """
    channel = entry.get("channel")
    notified = {}
    for name in map(Destination, entry["notify"]):
        config = named[name]
        if channel is None or config.options.get("channel", channel) == channel:
            notified[name] = config
        else:
            options = MappingProxyType({**config.options, "channel": channel})
            notified[Destination(f"{name}/{channel}")] = DestinationConfig(config.type, options)
    return notified


def _route(entry: Mapping[str, Json], notify: tuple[Destination, ...]) -> Route:
    severity = entry.get("severity")
    return Route(
        name=entry["name"],
        filter=Filter(
            route=entry["name"],
            severity=Severity[severity] if severity else DEFAULT_SEVERITY,
            only=tuple(entry.get("only", ())),
            kinds=tuple(map(ChangeKind, entry.get("kinds", ()))),
            unknown_severity=entry.get("unknown_severity", False),
        ),
        notify=notify,
        match=_match(entry["match"]) if "match" in entry else None,
        continues=entry.get("continue", False),
    )


def _match(entry: Mapping[str, Json]) -> Match:
    globs = {name: _globs(value) for name, value in entry.items() if name != "untagged"}
    return Match(**globs, untagged=entry.get("untagged", False))


def _globs(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _suppression(entry: Mapping[str, Json]) -> Suppression:
    return Suppression(
        id=entry["id"],
        expires=date.fromisoformat(entry["expires"]),
        reason=one_line(entry["reason"]),
        package=entry.get("package"),
        path=entry.get("path"),
        repository=entry.get("repository"),
        version=entry.get("version"),
        purl=entry.get("purl"),
        digest=entry.get("digest"),
    )


# --- check ------------------------------------------------------------------------------------


def check(
    document: Json, *, today: date, receiver_hosts: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """
    Return every error; for a document that breaks no rule, what AWS does not take, and warnings.

    `today` (UTC) decides which suppressions have expired; `receiver_hosts` are those that the
    deployment allows beside the vendors' own.
    """
    leaks = list(_unsafe_texts((), document))
    leaking = {each.path for each in leaks}
    rules = [each for each in _broken_rules(document) if each.path not in leaking]
    errors = [*leaks, *rules, *_misfits(document)]
    found = errors or (
        *_beyond_limits(parse(document)),
        *_foreign_hosts(document, receiver_hosts),
        *_never_closed(document),
        *_doubts(parse(document), today),
    )
    return tuple(dict.fromkeys(found))


def check_against(schema: str, document: Json) -> tuple[Problem, ...]:
    """
    Return every rule of a schema that a document breaks, and every text that looks like a secret.

    `schema`: the name of a file in schemas/.
    """
    leaks = list(_unsafe_texts((), document))
    leaking = {problem.path for problem in leaks}
    rules = _against(_read_schema(schema), document, ())
    return tuple(dict.fromkeys((*leaks, *(rule for rule in rules if rule.path not in leaking))))


# Formats of secrets that are pasted into the wrong place most easily.
_SECRET: Final = re.compile(
    r"hooks\.slack(-gov)?\.com/|xox[a-z]-|xapp-|ATATT3x|whsec_[A-Za-z0-9+/]|AKIA[0-9A-Z]{12}|-----BEGIN|://[^/\s]*@"
)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LEAK: Final = (
    "this looks like a secret itself. Store it in Secrets Manager or SSM and put its name here; "
    "replace it if others have seen this file"
)


def _unsafe_texts(path: ConfigPath, value: Json) -> Iterator[Problem]:
    if isinstance(value, str):
        if _SECRET.search(value):
            yield Problem(path, _LEAK)
        elif _CONTROL.search(value) and path[-1:] != ("reason",):
            yield Problem(path, "must not hold line breaks or control characters")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _unsafe_texts((*path, key), each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unsafe_texts((*path, index), each)


# --- the schemas' rules, in our own words ------------------------------------------------------


def known_types() -> tuple[str, ...]:
    """Return the types of destinations: there is one schema for each."""
    return tuple(sorted(each.stem for each in (_SCHEMAS / "notifiers").glob("*.json")))


def _broken_rules(document: Json) -> Iterator[Problem]:
    """Check the frame, then every destination whose type is known."""
    types = known_types()
    frame = _read_schema("alerts-1.0.0.json")
    # Editors complete the options through these references; here they are the second step.
    frame["$defs"]["destination"] = {
        "type": "object",
        "errorMessage": "must be a mapping that begins with its type",
        "required": ["type"],
        "properties": {"type": {"enum": list(types)}},
    }
    yield from _against(frame, document, ())
    for name, entry in _mapping(document, "destinations").items():
        if isinstance(entry, dict) and entry.get("type") in types:
            schema = _read_schema(f"notifiers/{entry['type']}.json")
            yield from _against(schema, entry, ("destinations", name))


def _read_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((_SCHEMAS / name).read_text(encoding="utf-8"))
    return schema


def _against(schema: Mapping[str, Any], instance: Json, prefix: ConfigPath) -> Iterator[Problem]:
    # Not needed by handlers: the packaged configuration was checked when it was built.
    from jsonschema import Draft202012Validator

    errors: Iterable[Any] = Draft202012Validator(schema).iter_errors(instance)
    for error in errors:
        path = (*prefix, *error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            yield Problem((*path, error.instance), _words(error))
        elif error.validator == "required":
            missing = (each for each in error.validator_value if each not in error.instance)
            yield from (Problem(path, f"{each} is missing") for each in missing)
        elif error.validator == "additionalProperties":
            yield from _unknown_keys(error, path)
        else:
            yield Problem(path, _words(error))


def _unknown_keys(error: Any, path: ConfigPath) -> Iterator[Problem]:
    allowed = list(error.schema["properties"])
    for key in error.instance:
        if key not in allowed:
            nearest = get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"allowed: {', '.join(allowed)}"
            yield Problem((*path, key), f"is not known here; {hint}")


_TYPES: Final = MappingProxyType(
    {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "boolean": "true or false",
        "integer": "a whole number",
        "number": "a number",
    }
)
_WORDS: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "enum": lambda allowed: f"must be {_one_of(list(map(_plain, allowed)))}",
        "const": lambda allowed: f"must be {_plain(allowed)}",
        "type": lambda types: f"must be {' or '.join(map(_TYPES.__getitem__, _several(types)))}",
        "minLength": lambda _: "must not be empty",
        "maxLength": lambda most: f"must have at most {most} characters",
        "minItems": lambda _: "must not be empty",
        "maxItems": lambda most: f"must have at most {most} entries",
        "minProperties": lambda _: "must not be empty",
        "maxProperties": lambda most: (
            f"must have at most {most} {'entry' if most == 1 else 'entries'}"
        ),
        "uniqueItems": lambda _: "must not name anything twice",
    }
)


def _words(error: Any) -> str:
    """Say which rule is broken, from the rule alone: jsonschema's own texts hold the value."""
    schema, rule, allowed = error.schema, error.validator, error.validator_value
    if rule == "pattern" and "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if rule not in _WORDS:
        return str(schema.get("errorMessage", f"breaks the rule {rule} of its schema"))
    words = _WORDS[rule](allowed)
    if rule == "enum":
        return f"{words}{_meant(error.instance, list(map(_plain, allowed)))}"
    if rule != "type":
        return words
    if "string" in _several(allowed) and isinstance(error.instance, int | float):
        return f"{words}: put it in quotes"
    words = str(schema.get("errorMessage", words))
    return f"{words}; there is nothing here" if error.instance is None else words


_BY_SNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "teams": "type sns with format amazon-q reaches Microsoft Teams by Amazon Q Developer",
        "email": "type sns with format text sends mail to the subscribers of a topic",
    }
)
"""What people look for among the types of destinations, and how it is reached."""


def _meant(value: Json, allowed: Sequence[str]) -> str:
    """Return the allowed value that was probably meant; never the value, which may be a secret."""
    if not isinstance(value, str) or value in allowed:
        return ""
    if "sns" in allowed:
        wanted = get_close_matches(value.lower(), _BY_SNS, n=1)
        if wanted:
            return f"; {_BY_SNS[wanted[0]]}"
    lower = {each.lower(): each for each in allowed}
    nearest = get_close_matches(value.lower(), lower, n=1)
    return f"; did you mean {lower[nearest[0]]}?" if nearest else ""


def _several(types: str | list[str]) -> Sequence[str]:
    return [types] if isinstance(types, str) else types


def _one_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def _step(part: str | int) -> str:
    """Write one step of a path; a key of another form than ours may be a misplaced secret."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) and not _SECRET.search(part) else ".(a key)"


# --- what no schema can say ---------------------------------------------------------------------


def _misfits(document: Json) -> Iterator[Problem]:
    """Find errors between parts; whatever has the wrong shape was reported before."""
    routes = [each for each in _list(document, "routes") if isinstance(each, dict)]
    if len(routes) == len(_list(document, "routes")):
        yield from _route_misfits(routes, _mapping(document, "destinations"))
    names = list(_mapping(document, "destinations"))
    fallback = document.get("fallback") if isinstance(document, dict) else None
    if isinstance(fallback, str) and fallback not in names:
        yield Problem(("fallback",), _no_destination(fallback, names))
    yield from _digest_misfits(document)
    for glob, url in _mapping(document, "sources").items():
        if isinstance(url, str) and repository_url(url) is None:
            yield Problem(("sources", glob), _NO_REPOSITORY)
    for index, entry in enumerate(_list(document, "suppressions")):
        if isinstance(entry, dict):
            yield from _suppression_misfits(("suppressions", index), entry)


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
    seen: dict[Json, int] = {}
    names = list(destinations)
    entries = ((name, each) for name, each in destinations.items() if isinstance(each, dict))
    bots = {name for name, each in entries if "token" in each}
    for index, route in enumerate(routes):
        name = route.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            yield Problem(("routes", index, "name"), f"is the name of routes[{seen[name]}], too")
        for place, target in enumerate(_list(route, "notify")):
            if isinstance(target, str) and target not in names:
                yield Problem(("routes", index, "notify", place), _no_destination(target, names))
        targets = (each for each in _list(route, "notify") if isinstance(each, str))
        if "channel" in route and bots.isdisjoint(targets):
            yield Problem(("routes", index, "channel"), _NO_BOT)
    if routes and "match" in routes[-1]:
        yield Problem(
            ("routes", len(routes) - 1, "match"),
            "the last route catches all, so it must not have a match; add a route below it",
        )


def _digest_misfits(document: Json) -> Iterator[Problem]:
    digest, destinations = _mapping(document, "digest"), _mapping(document, "destinations")
    for place, name in enumerate(_list(digest, "notify")):
        if not isinstance(name, str):
            continue
        path: ConfigPath = ("digest", "notify", place)
        known, _, channel = name.partition("/")
        entry = destinations.get(known if not channel or name in _channels(document) else name)
        if entry is None:
            yield Problem(path, _no_destination(name, list(destinations)))
        elif isinstance(entry, dict) and entry.get("type") in known_types():
            yield from _digest_refused(entry, path)
    if digest.get("every") == "day" and "on" in digest:
        yield Problem(("digest", "on"), "has no meaning for a digest of every day")


def _channels(document: Json) -> set[str]:
    """Return the names of bots in the channels of routes."""
    routes = [each for each in _list(document, "routes") if isinstance(each, dict)]
    return {f"{bot}/{each.get('channel')}" for each in routes for bot in _list(each, "notify")}


def _digest_refused(entry: Mapping[str, Json], path: ConfigPath) -> Iterator[Problem]:
    refused = _read_schema(f"notifiers/{entry['type']}.json").get("x-no-digest")
    if isinstance(refused, str):
        yield Problem(path, refused)
    elif isinstance(refused, dict):
        for option, words in refused.items():
            said = words.get(entry.get(option))
            if said is not None:
                yield Problem(path, said)


_NO_BOT: Final = (
    "needs a Slack destination with a token among those that this route notifies; the others cannot"
    " choose a channel"
)


def _no_destination(target: str, names: list[str]) -> str:
    safe = [each for each in names if _step(each) == f".{each}"]
    nearest = get_close_matches(target, safe, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(safe) or 'none'}"
    return f"is not a destination; {hint}"


def _looks_like_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _mapping(document: Json, key: str) -> dict[str, Json]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def _list(document: Json, key: str) -> list[Json]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, list) else []


# --- what is allowed but hardly meant -------------------------------------------------------------


def _beyond_limits(config: Config) -> Iterator[Problem]:
    """Find what is allowed one by one, but is too much for AWS together."""
    found = limits.reach(config.routes)
    if found.deliveries > limits.MOST_DELIVERIES:
        message = (
            f"one scan can reach {found.deliveries} destinations, where a bot counts once for "
            f"each channel, and DynamoDB saves {limits.MOST_DELIVERIES} of them together: let "
            "fewer routes continue that can match the same image, or share channels"
        )
        yield Problem(("routes",), message)
    elif not found.fits:
        message = (
            f"what one scan is routed by takes {found.size / 1e6:.1f} MB, and DynamoDB saves "
            f"{limits.MOST_BYTES / 1e6:.1f} MB together: let fewer routes continue, or notify less"
        )
        yield Problem(("routes",), message)
    topics = limits.topics_size(
        str(entry.options["topic_arn"])
        for entry in config.destinations.values()
        if entry.type == "sns"
    )
    if topics > limits.MOST_TOPICS:
        message = (
            f"the ARNs of the topics take {topics:,} characters in the policy that allows to "
            f"publish, which has room for {limits.MOST_TOPICS:,}: use fewer topics, and subscribe "
            "several receivers to one"
        )
        yield Problem(("destinations",), message)


def _foreign_hosts(document: Json, receiver_hosts: Sequence[str]) -> Iterator[Problem]:
    """Find addresses that are refused when something is sent, unless the deployment names them."""
    for name, entry in document["destinations"].items():
        options = _read_schema(f"notifiers/{entry['type']}.json")["properties"]
        for option in (each for each in entry if each in options):
            vendors = options[option].get("x-hosts")
            if vendors and not _may_be_called(entry[option], (*vendors, *receiver_hosts)):
                message = (
                    f"is not at the vendor's hosts ({', '.join(vendors)}): nothing can be sent "
                    "there unless receiverHosts in the stage file names this host; "
                    "`check-config --stage STAGE` reads it"
                )
                yield Problem(("destinations", name, option), message, "warning")


def _never_closed(document: Json) -> Iterator[Problem]:
    """Find routes that open something, and are not told when it is over."""
    ends = {
        name: _read_schema(f"notifiers/{entry['type']}.json").get("x-closed-by")
        for name, entry in document["destinations"].items()
    }
    for index, route in enumerate(document["routes"]):
        for name in route["notify"]:
            end = ends[name]
            if end is not None and end not in route.get("kinds", [end]):
                message = f"without {end} nothing closes what this route opens at {name}"
                yield Problem(("routes", index, "kinds"), message, "warning")


def _may_be_called(url: str, hosts: Sequence[str]) -> bool:
    """Whether `lib.http_client.check_url` will let this address pass."""
    try:
        return read_address(url).is_among((*hosts, *_LOOPBACK))
    except AddressError:
        return False


def _doubts(config: Config, today: date) -> Iterator[Problem]:
    yield from _unreachable(config.routes)
    used = {destination for route in config.routes for destination in route.notify}
    used |= {config.fallback} if config.fallback is not None else set()
    # A bot may be used in the channels of routes alone.
    used |= {Destination(each.partition("/")[0]) for each in used}
    for name in config.destinations:
        if name not in used:
            yield Problem(("destinations", name), "no route notifies this", "warning")
    routed = {destination for route in config.routes for destination in route.notify}
    for place, name in enumerate(config.digest.notify if config.digest is not None else ()):
        if name not in routed:
            message = "no route leads to it, so its digest is empty"
            yield Problem(("digest", "notify", place), message, "warning")
    yield from _stale(config.suppressions, today)


def _unreachable(routes: Sequence[Route]) -> Iterator[Problem]:
    for index, route in enumerate(routes):
        for earlier, other in enumerate(routes[:index]):
            if not other.continues and _covers(other.match, route.match):
                message = f"is never reached: routes[{earlier}] takes all of its images first"
                yield Problem(("routes", index), message, "warning")
                break


def _covers(wide: Match | None, narrow: Match | None) -> bool:
    """Whether every image that `narrow` matches is matched by `wide`, as far as texts can tell."""
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
            message = f"expired on {entry.expires}: its findings are told again. Remove or renew it"
            yield Problem((*path, "expires"), message, "warning")
        elif entry.expires <= today + PAST_DUE:
            yield Problem((*path, "expires"), f"expires soon, on {entry.expires}", "warning")
    for index, by in covered(suppressions):
        message = f"has no effect: suppressions[{by}] covers it"
        yield Problem(("suppressions", index), message, "warning")
