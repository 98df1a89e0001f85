"""
The configuration: alerts.yml, checked and parsed.

    checking.check   every problem with its path. Any value of the file may be a secret in the
                     wrong place, so texts quote only plain words: `problems.quotable`
    parsing.parse    a document that was checked before (when the package was built) -> Config
    load             check, then parse

Options of destinations are checked in two steps: the frame against schemas/alerts-1.0.0.json, then
each destination against schemas/notifiers/TYPE.json. One big schema would answer a misspelt option
with "not valid under any of the given schemas".
"""

import json
from datetime import date
from typing import Final

from lib.config.checking import check
from lib.config.model import Config, DestinationConfig
from lib.config.parsing import parse
from lib.config.schema import ROOT
from lib.errors import ConfigError
from lib.models import Json

_REFERENCES: Final = ("secret", "parameter")


def secret_references(entry: DestinationConfig) -> tuple[tuple[str, str], ...]:
    """Return kind ("secret", "parameter") and name of each secret that a destination refers to."""
    references = (value for value in entry.options.values() if isinstance(value, dict))
    return tuple(
        (kind, reference[kind])
        for reference in references
        for kind in _REFERENCES
        if reference.keys() == {kind}
    )


def load(document: Json, *, today: date) -> Config:
    """Check and parse a document. Raises `ConfigError` listing every error."""
    errors = [problem for problem in check(document, today=today) if problem.level == "error"]
    if errors:
        raise ConfigError("The configuration is not valid: " + "; ".join(map(str, errors)))
    return parse(document)


def read_packaged() -> Config:
    """Return the checked configuration that is packaged with the code: alerts.json."""
    path = ROOT / "alerts.json"
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigError(
            "The package holds no alerts.json; build it with `make package`"
        ) from error
