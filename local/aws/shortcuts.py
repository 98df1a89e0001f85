"""
Shortcuts: what ministack works out anew for each service or row is worked out once.

Used by `local.aws.cloud` only, with private names of ministack as there. Ministack makes a session
of botocore for each service, which lists all of the 400 services, and parses the same condition of
a scan for each row of a table, and the policies of a caller twice for each request.
"""

from collections.abc import Callable
from functools import cache, lru_cache, wraps
from types import ModuleType
from typing import Any, Final

import botocore.session

CONDITIONS: Final = 1000
"""Conditions that are kept. A program has few, but tests may make up some."""
POLICIES: Final = 1000
"""Policies that are kept, by their text."""


def install(dynamodb: ModuleType, iam_evaluator: ModuleType) -> None:
    """Keep botocore's session, what is wrong with a condition of DynamoDB, and parsed policies."""
    # Sessions are read here, and never configured.
    sessions: Any = botocore.session
    sessions.get_session = cache(sessions.get_session)
    conditions: Any = dynamodb
    conditions._condition_syntax_error = lru_cache(CONDITIONS)(  # noqa: SLF001  # no public name
        conditions._condition_syntax_error  # noqa: SLF001  # same
    )
    policies: Any = iam_evaluator
    policies.parse_policy_document = _parsed_once(policies.parse_policy_document)


def _parsed_once(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keep the statements of a policy by its text. A policy that is no text may be changed."""
    parse_text = lru_cache(POLICIES)(parse)

    @wraps(parse)
    def parsed(document: Any) -> Any:
        # A list of its own: the statements are only read.
        return list(parse_text(document)) if isinstance(document, str) else parse(document)

    return parsed
