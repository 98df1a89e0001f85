"""Stories in files: read, checked against their schema, and understood."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cli.alerts_file import AlertsFile, read
from cli.simulation.checking import mistakes
from cli.simulation.rules import RULES, understood
from cli.simulation.story import VERBS, DeployRules, Story, StoryError, parse_story
from lib.errors import ConfigError

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "story-1.0.0.json"
_TYPES: Final = MappingProxyType(
    {
        "array": "a list",
        "boolean": "true or false",
        "integer": "a whole number",
        "number": "a number",
        "object": "a mapping",
        "string": "text",
    }
)
_RULES_LINE: Final = re.compile(rf"^{RULES}:(\d+):", re.MULTILINE)


def read_story(path: Path) -> Story:
    """Return the story in a file. Raises `ConfigError` with every error and its line."""
    file = read(path)
    problems = [
        f"{file.name}:{file.line_of(tuple(error.absolute_path))}: {_words(error)}"
        for error in sorted(_validator().iter_errors(file.document), key=_place)
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    try:
        story = parse_story(file.document)
    except StoryError as error:
        raise ConfigError(_located(file, error)) from None
    errors = [_located(file, error) for error in mistakes(story, _destinations(file, story))]
    if errors:
        raise ConfigError("\n".join(errors))
    return story


def _located(file: AlertsFile, error: StoryError) -> str:
    return f"{file.name}:{file.line_of(error.path)}: {error}"


def _destinations(file: AlertsFile, story: Story) -> Collection[str]:
    """Return the destinations of all rules of a story. Raises `ConfigError` for bad rules."""
    names = dict.fromkeys(_named(file, story.rules, ("rules",), story.start))
    now = story.start
    for step in story.steps:
        now += step.after
        if isinstance(step.action, DeployRules):
            path = ("steps", step.number - 1, "rules")
            names.update(dict.fromkeys(_named(file, step.action.text, path, now)))
    return names


def _named(
    file: AlertsFile, text: str, path: tuple[str | int, ...], now: datetime
) -> Collection[str]:
    """Return the destinations of some rules; an error gets the line in the file of the story."""
    try:
        return understood(text, now.date()).destinations
    except ConfigError as error:
        first = file.line_of(path)
        problems = _RULES_LINE.sub(
            lambda match: f"{file.name}:{first + int(match[1])}:", str(error)
        )
        raise ConfigError(problems) from None


@lru_cache
def _validator() -> "Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8")))


def _place(error: "ValidationError") -> str:
    return error.json_path


def _words(error: "ValidationError") -> str:
    """Return the mistake in words, and the right form."""
    where = error.json_path.removeprefix("$").removeprefix(".") or "the file"
    stated: Any = error.schema
    match error.validator:
        case "oneOf" if error.json_path.startswith("$.steps"):
            return f"{where}: a step has exactly one of {', '.join(VERBS)}"
        case "anyOf":
            choices = [" and ".join(choice["required"]) for choice in stated["anyOf"]]
            return f"{where}: must have {', or '.join(choices)}"
        case "type":
            return f"{where}: must be {_form(stated)}"
        case "pattern" | "const" if "description" in stated:
            return f"{where}: must be {stated['description']}"
        case _:
            return f"{where}: {error.message}"


def _form(stated: Mapping[str, Any]) -> str:
    """Return the form of a value in words: as its schema describes it, else by its type."""
    types = stated["type"] if isinstance(stated["type"], list) else [stated["type"]]
    named = types == ["object"] and "properties" in stated
    described = None if named else stated.get("description")
    return described or " or ".join(_TYPES[type_] for type_ in types if type_ != "null")
