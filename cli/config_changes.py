"""
Changes of a deployment: running configuration and parameters compared with the new ones.

Pure. Values are shown, because a checked file holds only the names of secrets. They are cut to fit
a terminal.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from lib.models import Json
from lib.text import one_line, truncate

Sign = Literal["+", "-", "~"]
_LONGEST: Final = 60
"""Characters of a value on a terminal."""
_NAMED: Final = ("destinations", "routes", "suppressions")
"""Parts whose entries are compared one by one."""


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the review: an entry that is added (+), removed (-) or changed (~)."""

    sign: Sign
    what: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            (f"  {self.sign} {self.what}", *(f"      {line}" for line in self.details))
        )


def configuration_changes(before: Json, after: Json) -> tuple[Change, ...]:
    """Return the changes between two documents of alerts.yml, in the order of the file."""
    others = [key for key in {**before, **after} if key not in _NAMED]
    return (
        *_entries("destination", _destinations(before), _destinations(after)),
        *_entries("route", _routes(before), _routes(after)),
        *_order(list(_routes(before)), list(_routes(after))),
        *_entries("suppression", _suppressions(before), _suppressions(after)),
        *_values({key: before.get(key) for key in others}, {key: after.get(key) for key in others}),
    )


def parameter_changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Change, ...]:
    """Return the changes between the parameters of two deployments."""
    names = {**before, **after}
    return tuple(
        _values({name: before.get(name) for name in names}, {n: after.get(n) for n in names})
    )


def describe(document: Json) -> tuple[Change, ...]:
    """Return the changes of a first deployment: every entry is added."""
    empty: Json = {"destinations": {}, "routes": [], "version": document.get("version")}
    return configuration_changes(empty, document)


def _destinations(document: Json) -> dict[str, Json]:
    return dict(document["destinations"])


def _routes(document: Json) -> dict[str, Json]:
    return {route["name"]: route for route in document["routes"]}


def _suppressions(document: Json) -> dict[str, Json]:
    """
    Return the suppressions by a name made of their limits.

    Several suppressions may have the same name. They are numbered.
    """
    suppressions: dict[str, Json] = {}
    for entry in document.get("suppressions") or ():
        label = " ".join(
            str(entry[key])
            for key in ("id", "package", "purl", "repository", "digest")
            if key in entry
        )
        number = 2
        name = label
        while name in suppressions:
            name, number = f"{label} ({number})", number + 1
        suppressions[name] = entry
    return suppressions


def _entries(kind: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for name, entry in after.items():
        if name not in before:
            yield Change("+", f"{kind} {_label(name, entry)}")
        elif before[name] != entry:
            yield Change("~", f"{kind} {_label(name, entry)}", tuple(_options(before[name], entry)))
    for name, entry in before.items():
        if name not in after:
            yield Change("-", f"{kind} {_label(name, entry)}")


def _label(name: str, entry: Json) -> str:
    kind = f" ({entry['type']})" if "type" in entry else ""
    return one_line(f"{name}{kind}")


def _options(before: Json, after: Json) -> Iterator[str]:
    for change in _values(before, after):
        yield change.what if change.sign == "~" else f"{change.sign} {change.what}"


def _order(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    """Yield a change of the order of routes: the first route that matches wins."""
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    if kept_before != kept_after:
        yield Change("~", "order of routes", (" > ".join(map(one_line, after)),))


def _values(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old == new or (_is_nothing(old) and _is_nothing(new)):
            continue
        if _is_nothing(old):
            yield Change("+", f"{one_line(name)}: {_shown(new)}")
        elif _is_nothing(new):
            yield Change("-", f"{one_line(name)}: {_shown(old)}")
        else:
            yield Change("~", f"{one_line(name)}: {_shown(old)} -> {_shown(new)}")


def _is_nothing(value: Json) -> bool:
    return value is None or value in ("", [], {})


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return truncate(one_line(text), _LONGEST)
