"""Stories in files: read, checked against their schema, and understood."""

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.alerts_file import read
from cli.simulation.story import Story, StoryError, parse_story
from lib.errors import ConfigError

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "story-1.0.0.json"
_VERBS: Final = "push, tag, rescan, answer, in_use, rules, delete, receiver, redrive, pass"


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
        return parse_story(file.document)
    except StoryError as error:
        raise ConfigError(f"{file.name}:{file.line_of(error.path)}: {error}") from None


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
        return f"{where}: a step has exactly one of {_VERBS}"
    stated: Any = error.schema
    about_value = error.validator in ("pattern", "type", "const")
    expected = stated.get("description") if about_value else None
    return f"{where}: {f'must be {expected}' if expected else error.message}"
