"""Stories in files: read, checked against their schema, and understood."""

import json
import re
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from pathlib import Path
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
    where = error.json_path.removeprefix("$.") or "the file"
    if error.validator == "oneOf" and error.json_path.startswith("$.steps"):
        return f"{where}: a step has exactly one of {', '.join(VERBS)}"
    stated: Any = error.schema
    about_value = error.validator in ("pattern", "type", "const")
    expected = stated.get("description") if about_value else None
    return f"{where}: {f'must be {expected}' if expected else error.message}"
