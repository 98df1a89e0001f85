"""Validation of the configuration by its JSON schemas. Of values, texts hold plain words only."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lib.config.problems import ConfigPath, Problem, quotable
from lib.models import Json

_BY_SNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "teams": "type sns with format amazon-q reaches Microsoft Teams by Amazon Q Developer",
        "email": "type sns with format text sends mail to the subscribers of a topic",
    }
)
"""Receivers without a type of their own, and how to reach them."""

ROOT: Final = Path(__file__).parents[2]


_SCHEMAS: Final = ROOT / "schemas"


def known_types() -> tuple[str, ...]:
    """Return the types of destinations: one for each schema in schemas/notifiers."""
    return tuple(sorted(path.stem for path in (_SCHEMAS / "notifiers").glob("*.json")))


def broken_rules(document: Json) -> Iterator[Problem]:
    """Validate the document, then the options of each destination of a known type."""
    types = known_types()
    yield from _broken(_validator(_SCHEMAS, "alerts-1.0.0.json", types), document, ())
    for name, entry in mapping_at(document, "destinations").items():
        if isinstance(entry, dict) and entry.get("type") in types:
            validator = _validator(_SCHEMAS, f"notifiers/{entry['type']}.json")
            yield from _broken(validator, entry, ("destinations", name))


@cache
def _validator(folder: Path, name: str, types: tuple[str, ...] = ()) -> Any:
    """Return what validates by a schema. `types`: those of the destinations of its frame."""
    # Imported late: handlers use the packaged configuration, which was checked at build time.
    from jsonschema import Draft202012Validator

    schema = _read(folder / name)
    if types:
        # Editors use these references to complete options, which are validated separately here.
        schema["$defs"]["destination"] = {
            "type": "object",
            "errorMessage": "must be a mapping that begins with its type",
            "required": ["type"],
            "properties": {"type": {"enum": list(types)}},
        }
    return Draft202012Validator(schema)


def read_schema(name: str) -> Mapping[str, Any]:
    """Return a schema of schemas/. All callers share it."""
    return _shared(_SCHEMAS, name)


@cache
def _shared(folder: Path, name: str) -> Mapping[str, Any]:
    return MappingProxyType(_read(folder / name))


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def fingerprint() -> str:
    """Return a hash of the schemas that a configuration is checked with."""
    paths = (_SCHEMAS / "alerts-1.0.0.json", *sorted((_SCHEMAS / "notifiers").glob("*.json")))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def against(name: str, instance: Json) -> Iterator[Problem]:
    """Yield the rules of a schema of schemas/ that an instance breaks."""
    yield from _broken(_validator(_SCHEMAS, name), instance, ())


def _broken(validator: Any, instance: Json, prefix: ConfigPath) -> Iterator[Problem]:
    """Yield the rules that an instance breaks. What a misspelt key breaks, too, is left out."""
    errors: Sequence[Any] = list(validator.iter_errors(instance))
    meant: defaultdict[ConfigPath, set[str]] = defaultdict(set)
    for error in errors:
        if error.validator == "additionalProperties":
            meant[tuple(error.absolute_path)] |= set(_meant_keys(error).values())
    for error in errors:
        path, misspelt = (*prefix, *error.absolute_path), meant[tuple(error.absolute_path)]
        if misspelt & _needed(error):
            continue
        if "propertyNames" in error.absolute_schema_path:
            yield Problem((*path, error.instance), _words(error))
        elif error.validator == "required":
            there = misspelt | error.instance.keys()
            missing = (key for key in error.validator_value if key not in there)
            yield from (Problem(path, f"{key} is missing") for key in missing)
        elif error.validator == "additionalProperties":
            yield from _unknown_keys(error, path)
        else:
            yield Problem(path, _words(error))


def _needed(error: Any) -> set[str]:
    """Return the keys of which a rule misses one."""
    match error.validator:
        case "anyOf":
            return {key for rule in error.validator_value for key in rule.get("required", ())}
        case "dependentRequired":
            return {
                key
                for there, keys in error.validator_value.items()
                if there in error.instance
                for key in keys
            }
        case _:
            return set()


def _unknown_keys(error: Any, path: ConfigPath) -> Iterator[Problem]:
    for key, nearest in _meant_keys(error).items():
        hint = f"did you mean {nearest}?" if nearest else f"allowed: {', '.join(_allowed(error))}"
        yield Problem((*path, key), f"is not known here; {hint}")


def _meant_keys(error: Any) -> dict[Any, str]:
    """Return the unknown keys, each with the known one that was probably meant; empty: none."""
    allowed = _allowed(error)
    return {key: _meant_key(str(key), allowed) for key in error.instance if key not in allowed}


def _meant_key(key: str, allowed: Sequence[str]) -> str:
    """Prefer a key that begins with the unknown one: repo is repository, and not region."""
    longer = [name for name in allowed if len(key) >= _STEM and name.startswith(key.lower())]
    return next(iter(longer or get_close_matches(key, allowed, n=1)), "")


def _allowed(error: Any) -> list[str]:
    return list(error.schema["properties"])


_STEM: Final = 3
"""Letters of which a key is the beginning, and not a mistake of another kind."""


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
    """Describe a broken rule from the schema alone: texts of jsonschema contain the value."""
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


def _meant(value: Json, allowed: Sequence[str]) -> str:
    """Quote a value that cannot be a secret, and suggest the allowed one that was meant."""
    if not isinstance(value, str) or value in allowed:
        return ""
    quoted = f"; not '{value}'" if quotable(value) else ""
    if "sns" in allowed:
        matches = get_close_matches(value.lower(), _BY_SNS, n=1)
        if matches:
            return f"{quoted}; {_BY_SNS[matches[0]]}"
    lower = {word.lower(): word for word in allowed}
    nearest = get_close_matches(value.lower(), lower, n=1)
    return f"{quoted}; did you mean {lower[nearest[0]]}?" if nearest else quoted


def _several(types: str | list[str]) -> Sequence[str]:
    return [types] if isinstance(types, str) else types


def _one_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def mapping_at(document: Json, key: str) -> dict[str, Json]:
    """Return the mapping under a key; empty where there is none."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def list_at(document: Json, key: str) -> list[Json]:
    """Return the list under a key; empty where there is none."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, list) else []
