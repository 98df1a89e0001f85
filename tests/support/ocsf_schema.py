"""
A checker for OCSF events: the schema as the standard publishes it is not a JSON Schema.

Names every attribute that is unknown, missing, of another type or none of the allowed values, and
every constraint that is broken.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_DOCUMENT: Final = json.loads(
    (Path(__file__).parents[1] / "schemas/ocsf-1.8.0-vulnerability-finding.json").read_text("utf-8")
)
_CLASS: Final = _DOCUMENT["class"]["vulnerability_finding"]
_OBJECTS: Final = _DOCUMENT["objects"]
_NUMBERS: Final = ("integer_t", "long_t", "timestamp_t")
_TEXTS: Final = ("string_t", "url_t", "file_path_t", "resource_uid_t", "hostname_t", "ip_t")


def problems(event: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an event."""
    profiles = set(event["metadata"].get("profiles", ()))
    return [
        *_of_object("", event, _CLASS, profiles),
        # The file has the numbers of the base event for these.
        *(() if (event["category_uid"], event["class_uid"]) == (2, 2002) else ("class_uid",)),
        *(() if event["type_uid"] == 200200 + event["activity_id"] else ("type_uid",)),
    ]


def _of_object(
    path: str, value: Mapping[str, Any], schema: Mapping[str, Any], profiles: set[str]
) -> Iterator[str]:
    attributes = {
        name: each
        for name, each in schema["attributes"].items()
        if each.get("profile") in (None, *profiles)
    }
    for name, each in attributes.items():
        if each["requirement"] == "required" and name not in value:
            yield f"{path}.{name} is missing"
    for name, each in value.items():
        if name not in attributes:
            yield f"{path}.{name} is unknown"
        else:
            yield from _of_attribute(f"{path}.{name}", each, attributes[name], profiles)
    constraints = schema["meta"]["constraints"] or {}
    for rule, names in constraints.items():
        present = sum(name in value for name in names)
        if present == 0 or (rule == "just_one" and present > 1):
            yield f"{path} breaks {rule} of {names}"


def _of_attribute(
    path: str, value: Any, attribute: Mapping[str, Any], profiles: set[str]
) -> Iterator[str]:
    if attribute["is_array"]:
        if not isinstance(value, list):
            yield f"{path} is no array"
            return
        for index, each in enumerate(value):
            yield from _of_attribute(
                f"{path}[{index}]", each, {**attribute, "is_array": False}, profiles
            )
        return
    kind = attribute["type"]
    if attribute["is_object"]:
        if not isinstance(value, dict):
            yield f"{path} is no object"
        elif kind in _OBJECTS:
            yield from _of_object(path, value, _OBJECTS[kind], profiles)
        else:
            yield f"{path} is a {kind}, which the file does not describe"
        return
    if not _is_a(kind, value):
        yield f"{path} is no {kind}: {value!r}"
    if "enum" in attribute and not path.endswith("_uid") and str(value) not in attribute["enum"]:
        yield f"{path} is none of {list(attribute['enum'])}"


def _is_a(kind: str, value: Any) -> bool:
    if kind in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in _TEXTS:
        return isinstance(value, str)
    if kind == "float_t":
        return isinstance(value, float)
    if kind == "boolean_t":
        return isinstance(value, bool)
    return kind in {"json_t", "object"}
