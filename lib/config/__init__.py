"""
The configuration: alerts.yml, checked and parsed.

    check   every problem with its path. Texts never hold a value of the file: any value may be a
            secret in the wrong place
    parse   a document that was checked before (when the package was built) -> Config
    load    check, then parse

Options of destinations are checked in two steps: the frame against schemas/alerts-1.0.0.json, then
each destination against schemas/notifiers/TYPE.json. One big schema would answer a misspelt option
with "not valid under any of the given schemas".
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from lib.config import limits
from lib.config.model import Config, DestinationConfig
from lib.config.parsing import parse
from lib.config.problems import Problem
from lib.config.references import misfits
from lib.config.schema import ROOT, against, broken_rules
from lib.config.secrets import unsafe_texts
from lib.config.warnings import doubts, foreign_hosts, without_effect
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


def check(
    document: Json, *, today: date, receiver_hosts: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """
    Return all errors; for a document without errors, limits of AWS that it exceeds, and warnings.

    `today` (UTC) decides which suppressions have expired; `receiver_hosts` are the hosts that the
    deployment allows beside the vendors' own.
    """
    leaks = list(unsafe_texts((), document))
    leaking = {leak.path for leak in leaks}
    rules = [problem for problem in broken_rules(document) if problem.path not in leaking]
    errors = [*leaks, *rules, *misfits(document)]
    problems = errors or (
        *_beyond_limits(parse(document)),
        *foreign_hosts(document, receiver_hosts),
        *without_effect(parse(document)),
        *doubts(parse(document), today),
    )
    return tuple(dict.fromkeys(problems))


def check_against(schema: str, document: Json) -> tuple[Problem, ...]:
    """
    Return every rule of a schema that a document breaks, and every text that looks like a secret.

    `schema` is the name of a file in schemas/.
    """
    leaks = list(unsafe_texts((), document))
    leaking = {problem.path for problem in leaks}
    rules = against(schema, document)
    return tuple(dict.fromkeys((*leaks, *(rule for rule in rules if rule.path not in leaking))))


def _beyond_limits(config: Config) -> Iterator[Problem]:
    """Find totals that exceed a limit of AWS."""
    topics = limits.topics_size(
        str(entry.options["topic_arn"])
        for entry in config.destinations.values()
        if entry.type == "sns"
    )
    if topics > limits.MOST_TOPICS:
        message = (
            f"the ARNs of the topics take {topics:,} characters, and a deployment has room for "
            f"{limits.MOST_TOPICS:,}: use fewer topics, and subscribe several receivers to one"
        )
        yield Problem(("destinations",), message)
