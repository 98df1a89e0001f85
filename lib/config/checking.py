"""Every problem of alerts.yml, and of any other document with a schema: errors, then warnings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from lib.config import limits
from lib.config.model import Config
from lib.config.parsing import parse
from lib.config.problems import Problem, route_name
from lib.config.references import misfits
from lib.config.schema import against, broken_rules, list_at
from lib.config.secrets import unsafe_texts
from lib.config.warnings import doubts, foreign_hosts, without_effect
from lib.models import Json


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
    broken = (*broken_rules(document), *misfits(document))
    errors = [*leaks, *(problem for problem in broken if problem.path not in leaking)]
    problems = errors or (
        *_beyond_limits(parse(document)),
        *foreign_hosts(document, receiver_hosts),
        *without_effect(parse(document)),
        *doubts(parse(document), today),
    )
    return tuple(_with_route(problem, document) for problem in dict.fromkeys(problems))


def _with_route(problem: Problem, document: Json) -> Problem:
    """Name the route that a problem is in, unless the problem is its name."""
    match problem.path:
        case ("routes", int(index), *rest) if rest[:1] != ["name"]:
            routes = list_at(document, "routes")[index : index + 1]
            return replace(problem, owner="".join(map(route_name, routes)))
        case _:
            return problem


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
